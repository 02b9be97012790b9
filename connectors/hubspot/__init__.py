"""HubSpot: companies, people, deals, conversations and forms in; beliefs and alignment out.

Read from the first record on; then hourly what searches say has changed, daily what was archived (HubSpot keeps that for 90 days), weekly
everything, and at once what a changed definition says anew. It cannot tell when a tie between two records changes, and a search shows a
change up to an hour late. It cannot protect our properties from those who may edit the record. It is let in by the token of a private
app alone. How: `objects.py`, `span.py`; what each object means: `records.py`; refusals: `refusals.py`.
"""

from connectors.base import Connector, Crm, Source
from connectors.hubspot.address import address
from connectors.hubspot.records import STREAMS
from connectors.hubspot.settings import HubSpotSettings
from connectors.hubspot.webhook import listen
from models.clock import Clock


def open_source(settings: HubSpotSettings, clock: Clock) -> Source:
    """Find out whose token it is, to pull. Fatal if it is refused, Retryable if HubSpot is not reached."""
    from connectors.hubspot.client import Portal
    from connectors.hubspot.pull import HubSpotSource

    return HubSpotSource(Portal(settings), clock)


def open_crm(settings: HubSpotSettings, clock: Clock) -> Crm:  # noqa: ARG001  # writes carry no times of ours
    """The same, to write."""
    from connectors.hubspot.client import Portal
    from connectors.hubspot.enrich import HubSpotCrm

    return HubSpotCrm(Portal(settings))


CONNECTOR = Connector(
    name="hubspot",
    label="HubSpot",
    kinds=frozenset({"hubspot"}),
    settings=HubSpotSettings,
    streams=STREAMS,
    open=open_source,
    schedule="17 * * * *",  # hourly, away from the other vendors' minutes
    open_crm=open_crm,
    editor="hs_updated_by_user_id",
    address=address,
    listen=listen,
    docs="https://developers.hubspot.com/docs/api-reference/overview",
)
