"""Stripe: customers, subscriptions and every movement of money in.

Read from the first object on, then hourly what Stripe's events say has changed. It keeps events for 30 days: after a longer pause everything
is listed again. Its objects bear no stamp of modification. Accounts connected to the key's own are read where the settings say so.
Nothing is written. How: `pull.py` and what it calls; where each object is read: `feeds.py`; what it means: `records.py`; refusals:
`refusals.py`, `client.py`.
"""

from connectors.base import Connector, Source
from connectors.stripe.records import STREAMS
from connectors.stripe.settings import StripeSettings
from connectors.stripe.webhook import listen
from models.clock import Clock


def open_source(settings: StripeSettings, clock: Clock) -> Source:
    """Find out whose key it is. Fatal if it is refused, Retryable if Stripe is not reached."""
    from connectors.stripe.client import StripeApi
    from connectors.stripe.pull import StripeSource

    return StripeSource(StripeApi(settings), clock, settings.mode, settings.connect)


CONNECTOR = Connector(
    name="stripe",
    label="Stripe",
    kinds=frozenset({"stripe"}),
    settings=StripeSettings,
    streams=STREAMS,
    open=open_source,
    schedule="37 * * * *",  # hourly, away from the CRM's own minute
    listen=listen,
    docs="https://docs.stripe.com/api",
)
