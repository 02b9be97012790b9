"""Where a record is seen in Salesforce."""

from connectors.salesforce.settings import SalesforceSettings
from models.keys import RecordKey


def address(settings: SalesforceSettings, record: RecordKey, person: RecordKey) -> str | None:  # noqa: ARG001  # every record has a page
    """Lightning leads on from the bare id: https://help.salesforce.com/s/articleView?id=000385698."""
    return f"https://{settings.domain}.salesforce.com/{record.id}" if settings.domain else None
