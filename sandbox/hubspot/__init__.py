"""HubSpot as its own SDK sees it: the CRM's v3 objects and v4 associations, stateful, and at least as strict as the real one."""

ACCESS_TOKEN = "pat-eu1-sandbox"  # noqa: S105  # a key to nothing
"""The private app's token that is always accepted, with every scope."""

PORTAL_ID = 145000001
"""The one portal of this sandbox; record keys name it as `hubspot/145000001/contact/<id>`."""

TIME_ZONE = "Europe/Dublin"
"""The zone of the portal: daily limits start anew at its midnight."""

CURRENCY = "EUR"
"""The portal's company currency, in which deal amounts are."""
