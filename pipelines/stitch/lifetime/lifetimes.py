"""The table of lifetimes: one row per payer, what they brought beside what they are likely to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import JOURNEYS, RECEIPTS, UNASSIGNED, read
from pipelines.stitch.lifetime.customers import Customers
from pipelines.stitch.lifetime.fitting import Floats, Ints
from pipelines.stitch.lifetime.predict import Ending, Purchasing, ending, purchasing
from pipelines.stitch.lifetime.settings import LifetimeSettings
from pipelines.stitch.lifetime.tables import LIFETIMES
from pipelines.stitch.lifetime.value import Worth, worth
from pipelines.stitch.rates import Rates


@dataclass(frozen=True)
class Lifetimes:
    """The table and the models behind it; `unrated` payers have some money without a rate."""

    table: pa.Table
    unrated: int
    buying: Purchasing
    ending: Ending
    worth: Worth


def lifetimes(lake: Lake, rates: Rates, now: datetime, zone: ZoneInfo, settings: LifetimeSettings) -> Lifetimes:
    """Derive the rows of `LIFETIMES`; what no model can say is empty, and `standing` says why."""
    customers = Customers.of(lake, rates, now, zone)
    buying, ends = purchasing(customers), ending(customers)
    value = worth(customers, buying, ends, settings)
    rows = pa.concat_tables([_rows(lake, customers, buying, ends, value), _unassigned(lake)])
    return Lifetimes(
        rows.sort_by([(name, "ascending") for name in LIFETIMES.key]), int(customers.unrated.sum()), buying, ends, value
    )


def _rows(lake: Lake, customers: Customers, buying: Purchasing, ends: Ending, value: Worth) -> pa.Table:
    number = len(customers)
    bought = np.bincount(customers.purchases.payer, minlength=number)
    first, last = np.full(number, np.iinfo(np.int64).max), np.full(number, -1)
    np.minimum.at(first, customers.purchases.payer, customers.purchases.day)
    np.maximum.at(last, customers.purchases.payer, customers.purchases.day)
    party = np.zeros(number, bool)
    party[customers.contracts.payer] = True
    np.minimum.at(first, customers.contracts.payer, customers.contracts.start)
    known = first <= customers.today + 1
    first_day = _days(customers, first, known)
    columns = {
        "scope": customers.payers["scope"],
        "entity_id": customers.payers["entity_id"],
        "cohort": [day and day[:7] for day in first_day],
        "channel": _channels(lake, customers.payers),
        "contract": party,
        "purchases": bought,
        "first_day": first_day,
        "last_day": _days(customers, last, last >= 0),
        "historic": customers.net,
        "predicted": pa.array(np.nan_to_num(np.rint(value.predicted)).astype(np.int64), mask=np.isnan(value.predicted)),
        "buys_30d": _chances(number, buying.who, buying.chance),
        "has_left": _chances(number, buying.who, buying.left),
        "ends_30d": _chances(number, ends.who, ends.chance),
        "standing": np.where(party, ends.standing, buying.standing),
    }
    return pa.table({name: columns[name] for name in LIFETIMES.columns}).cast(LIFETIMES.schema)


def _days(customers: Customers, number: Ints, known: npt.NDArray[np.bool_]) -> list[str | None]:
    """Days as 2026-01-31, empty where there is none."""
    names = [f"{customers.origin + timedelta(days=day)}" for day in range(customers.today + 2)]
    return [names[day] if told else None for day, told in zip(number, known, strict=True)]


def _chances(number: int, who: Ints, chance: Floats) -> pa.Array:  # type: ignore[type-arg]
    """A chance for each payer, empty where none is told."""
    every, told = np.zeros(number), np.zeros(number, bool)
    every[who], told[who] = chance, True
    return pa.array(every, mask=~told)


def _channels(lake: Lake, payers: pa.Table) -> list[str | None]:
    """Channel of each paying person's first touch."""
    told = read(lake, JOURNEYS).select("person_id", "first_touch_channel").to_pyarrow().to_pylist()
    channels = {row["person_id"]: row["first_touch_channel"] for row in told}
    return [channels.get(payer) for payer in payers["entity_id"].to_pylist()]


def _unassigned(lake: Lake) -> pa.Table:
    """The money of nobody we know, in one row; none where all is known."""
    told = read(lake, RECEIPTS)
    rest = told.filter(told.scope == UNASSIGNED)
    sums = rest.agg(rows=rest.count(), historic=rest.value.sum().fill_null(0).cast("int64")).to_pyarrow().to_pylist()[0]
    row = {
        "scope": UNASSIGNED,
        "contract": False,
        "purchases": 0,
        "historic": sums["historic"],
        "standing": "nobody to tell of",
    }
    return pa.Table.from_pylist([row] if sums["rows"] else [], schema=LIFETIMES.schema)
