"""What became of customers, what foretold it, and what is likely next: alignment beside the CRM's lead score, and who is at risk."""
