"""A Salesforce org on loopback: REST, SOQL, Tooling and permissions, speaking to the real SDK and refusing what Salesforce refuses."""
