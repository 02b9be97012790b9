"""Stripe as its own SDK sees it: one API version, stateful, and at least as strict as the real one."""

API_VERSION = "2026-10-28.endive"
"""The only version spoken here: the one that the pinned SDK sends (stripe._api_version)."""

ACCOUNT_ID = "acct_sandbox"
"""The one account of this sandbox, in test mode."""

API_KEY = "sk_test_sandbox"
"""The secret key that is always accepted."""
