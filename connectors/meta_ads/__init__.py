"""Meta Ads: what every ad cost on every day, and the people who filled in a form on one.

Days are read 37 months back, and again for 28 days, since Meta corrects them; leads 90 days back; campaigns, ad sets, ads and creatives
whole, deleted ones included. It cannot tell whom an ad reached, only who filled in its form, and has no list of an account's leads. Nothing
is written. How: `insights.py`, `leads.py`, `listing.py`; what each object means: `records.py`; refusals: `refusals.py`.
"""

from connectors.base import Connector, Source
from connectors.meta_ads.records import STREAMS
from connectors.meta_ads.settings import MetaAdsSettings
from connectors.meta_ads.webhook import listen
from models.clock import Clock


def open_source(settings: MetaAdsSettings, clock: Clock) -> Source:
    """Find out which ad accounts the token sees. Fatal if it is refused, Retryable if Meta is not reached."""
    from connectors.meta_ads.client import MetaApi
    from connectors.meta_ads.pull import MetaAdsSource

    return MetaAdsSource(MetaApi(settings), clock)


CONNECTOR = Connector(
    name="meta_ads",
    label="Meta Ads",
    kinds=frozenset({"meta"}),
    settings=MetaAdsSettings,
    streams=STREAMS,
    open=open_source,
    schedule="22 * * * *",  # hourly, away from the other vendors' minutes
    listen=listen,
    docs="https://developers.facebook.com/docs/marketing-api",
)
