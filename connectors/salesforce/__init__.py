"""Salesforce: accounts, people, deals, conversations and campaigns in; beliefs and alignment out.

Read from the first record on, as far as the integration user sees; then hourly what SystemModstamp says has changed, and daily what was
deleted (Salesforce tells that for 30 days). What moves no stamp is found by reading every row again: once a day where an object has
formulas, roll-ups or data privacy records, else once a week, and at once where a column came; that tells deletions that nobody told,
too. Long reads go by Bulk 2.0. How: `pull.py`; what each object means: `records.py`; what each refusal asks for: `refusals.py`.
"""

from connectors.base import Connector, Crm, Source
from connectors.salesforce.address import address
from connectors.salesforce.records import STREAMS
from connectors.salesforce.settings import SalesforceSettings
from models.clock import Clock


def open_source(settings: SalesforceSettings, clock: Clock) -> Source:
    """Log in to pull. Fatal if refused, Retryable if not reached."""
    from connectors.salesforce.client import Org
    from connectors.salesforce.pull import SalesforceSource

    return SalesforceSource(Org(settings), clock)


def open_crm(settings: SalesforceSettings, clock: Clock) -> Crm:  # noqa: ARG001  # writes carry no times of ours
    """Log in to write. Fatal if refused, Retryable if not reached."""
    from connectors.salesforce.client import Org
    from connectors.salesforce.enrich import SalesforceCrm

    return SalesforceCrm(Org(settings))


CONNECTOR = Connector(
    name="salesforce",
    label="Salesforce",
    kinds=frozenset({"salesforce"}),
    settings=SalesforceSettings,
    streams=STREAMS,
    open=open_source,
    schedule="7 * * * *",  # hourly; off the full hour, when everybody else asks
    open_crm=open_crm,
    editor="LastModifiedById",
    address=address,
    docs="https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/",
)
