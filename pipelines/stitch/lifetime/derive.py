"""The three tables of this room, from whatever the lake holds now."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import shaped
from pipelines.stitch.lens.calendar import Span, days, local_day, months
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.lifetime.customers import Customers
from pipelines.stitch.lifetime.features import WINDOW, lifts
from pipelines.stitch.lifetime.lifetimes import Lifetimes, lifetimes
from pipelines.stitch.lifetime.retention import since_when, triangle
from pipelines.stitch.lifetime.settings import LifetimeSettings
from pipelines.stitch.lifetime.tables import RETENTION
from pipelines.stitch.lifetime.usage import paid, usage
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace


def retention(lake: Lake, now: datetime, zone: ZoneInfo) -> pa.Table:
    """The rows of `RETENTION`; none before the first payment or contract."""
    first = since_when(lake)
    if first is None or first > now:
        return RETENTION.schema.empty_table()
    return shaped(RETENTION, triangle(lake, months(local_day(first, zone), local_day(now, zone), zone), now))


def lifetime(workspace: Workspace) -> Lifetimes:
    """The rows of `LIFETIMES` with the models behind them."""
    rates, now = Rates.of(workspace.settings), workspace.clock.now()
    return lifetimes(workspace.lake, rates, now, LensSettings().home, LifetimeSettings())


def features(workspace: Workspace) -> pa.Table:
    """The rows of `FEATURES`: the cut lies one window back, so that what came after it is known."""
    lake, zone, now = workspace.lake, LensSettings().home, workspace.clock.now()
    customers = Customers.of(lake, Rates.of(workspace.settings), now, zone)
    last = local_day(now, zone) - timedelta(days=1)
    middle = last - timedelta(days=WINDOW)
    before, after = (Span(end - timedelta(days=WINDOW - 1), end, zone) for end in (middle, last))
    used = usage(lake, customers, days(middle, WINDOW, zone))
    return lifts(customers, used, paid(lake, customers, before), paid(lake, customers, after), customers.today - WINDOW)
