"""Where a record is seen in HubSpot."""

from connectors.hubspot.settings import HubSpotSettings
from models.keys import RecordKey

PAGES = {"contact": "0-1", "company": "0-2", "deal": "0-3", "ticket": "0-5"}
"""Objects that have a page, by type id: https://developers.hubspot.com/docs/guides/crm/understanding-the-crm#object-type-ids."""


def address(settings: HubSpotSettings, record: RecordKey, person: RecordKey) -> str | None:  # noqa: ARG001  # the token names the portal
    """A record's own page, or for what only stands in a timeline (calls, mails, notes) the person's page."""
    page = next((one for one in (record, person) if one.object in PAGES), None)
    return f"https://app.hubspot.com/contacts/{page.account}/record/{PAGES[page.object]}/{page.id}" if page else None
