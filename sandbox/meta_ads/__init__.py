"""Meta's Graph API as its own SDK sees it: any version, stateful, and at least as strict as the real one."""

APP_ID = "1234567890123456"
"""The app that the tokens belong to."""

APP_SECRET = "sandbox-app-secret"  # noqa: S105  # a dummy
"""Its secret: every call proves that the caller knows it (appsecret_proof)."""

ACCESS_TOKEN = "EAAsandbox"  # noqa: S105  # a dummy
"""The token of a system user that may do everything and never expires."""

USER_ID = "1000000000000001"
"""The system user behind every token."""
