"""What people do, read as evidence: deeds from the facts, rules over deeds, and findings as rows, so that who never wrote is known too."""
