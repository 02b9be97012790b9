"""Which kinds of buyers are worth more than others, how sure that is, and how many looks it took to find."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import Derived
from pipelines.stitch.lens.statistics import SEED, Drawn, Tally, corrected, differ, interval, resampled, tally
from pipelines.stitch.lens.traits import everybody, features, money, traits

THIN = 30
"""Below so many buyers, or 5 who paid, a segment is thin: its interval is a guess itself."""
THIN_PAYING = 5
STANDS_OUT = 0.05
"""A segment stands out if its corrected chance is below this."""
OTHERS, NOBODY = "none of it", "nobody"

SEGMENTS = Derived(
    "segments",
    "What buyers of each kind are worth beside the average; for every trait the values add up to all revenue.",
    ("trait", "which"),
    {
        "trait": (pa.string(), "what buyers are told apart by: industry, country, use of a feature"),
        "which": (pa.string(), f"the segment; {OTHERS!r} are buyers of whom it is not known, {NOBODY!r} is money of no known buyer"),
        "buyers": (pa.int64(), "accounts, and persons who belong to none"),
        "paying": (pa.int64(), "of these, those with revenue"),
        "currency": (pa.string(), "the reporting currency"),
        "value": (pa.int64(), "their net revenue, minor units"),
        "per_buyer": (pa.float64(), "value per buyer, minor units"),
        "ratio": (pa.float64(), "value per buyer over that of all buyers; empty where the average is not positive"),
        "ratio_low": (pa.float64(), "lower end of the ratio's 95 % interval (bootstrap, not corrected for looks)"),
        "ratio_high": (pa.float64(), "its upper end"),
        "chance": (pa.float64(), "how likely chance alone explains the difference from all others: Welch, corrected by Benjamini and Hochberg over all segments"),
        "thin": (pa.bool_(), f"fewer than {THIN} buyers or {THIN_PAYING} who paid: too few to act on"),
    },
)  # fmt: skip


@dataclass(frozen=True)
class Segment:
    """What one kind of buyers is worth.

    Units: `value` in minor units of the reporting currency, `ratio` to the average buyer with its 95 % interval, `chance` 0 to 1
    after correction for all looks. Ratios are None where the average is not positive, and for money of nobody.
    """

    trait: str
    which: str
    buyers: int
    paying: int
    value: int
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    chance: float = 1.0

    @property
    def per_buyer(self) -> float | None:
        """Value per buyer; None for money of nobody."""
        return self.value / self.buyers if self.buyers else None

    @property
    def thin(self) -> bool:
        """Whether there are too few of them to act on."""
        return self.buyers < THIN or self.paying < THIN_PAYING

    @property
    def stands_out(self) -> bool:
        """Whether the difference is more than chance, after all looks, and rests on enough buyers."""
        return self.chance < STANDS_OUT and not self.thin


def segments(lake: Lake) -> list[Segment]:
    """Every segment of every trait, the most valuable of a trait first; empty if nobody is known.

    A trait's segments, that of buyers of whom nothing is known and the money of nobody add up to all revenue.
    """
    paid = money(lake).filter(lambda t: t.value.notnull())
    known = everybody(lake)
    sums = paid.filter(paid.buyer_id.notnull()).group_by("buyer_id").agg(value=lambda t: t.value.sum().cast("int64"))
    worth = known.left_join(sums, "buyer_id").select("buyer_id", value=lambda t: t.value.fill_null(0)).cache()
    every = _tallies(worth.mutate(trait=ibis.literal(""), which=ibis.literal(""))).get("", {}).get("")
    if every is None:
        return []
    told = _tallies(traits(lake).union(features(lake)).join(worth, "buyer_id"))
    loose = paid.filter(paid.buyer_id.isnull())
    unassigned = loose.agg(value=loose.value.sum().cast("int64")).to_pyarrow()["value"][0].as_py() or 0
    chance = np.random.default_rng(SEED)
    found = [one for name in sorted(told) for one in _of_trait(name, told[name], every, chance)]
    looks = corrected([one[1] for one in found])
    rows = [Segment(**{**vars(one), "chance": look}) for (one, _), look in zip(found, looks, strict=True)]
    nobody = [Segment(name, NOBODY, 0, 0, unassigned) for name in sorted({row.trait for row in rows}) if unassigned]
    return sorted([*rows, *nobody], key=lambda one: (one.trait, one.which == NOBODY, -(one.per_buyer or 0), one.which))


def table(found: list[Segment], currency: str | None) -> pa.Table:
    """The segments as rows of the derived table."""
    rows = [{**vars(one), "per_buyer": one.per_buyer, "thin": one.thin, "currency": currency} for one in found]
    made = pa.Table.from_pylist(rows, schema=SEGMENTS.schema)
    return made.sort_by([(name, "ascending") for name in SEGMENTS.key])


def _of_trait(
    trait: str, members: Mapping[str, Tally], every: Tally, chance: np.random.Generator
) -> Iterator[tuple[Segment, float]]:
    """The segments of one trait with the uncorrected chance of each; a trait that tells nobody apart has none."""
    parts = dict(members)
    rest = every
    for part in members.values():
        rest = rest.without(part)
    if rest.n:
        parts[OTHERS] = rest
    if len(parts) < 2:
        return
    draws = {which: resampled(part, chance) for which, part in parts.items()}
    average = Drawn(*(np.sum(column, axis=0) for column in zip(*draws.values(), strict=True))).means
    for which, part in parts.items():
        ratios: tuple[float | None, float | None, float | None] = (None, None, None)
        if every.total > 0 and (average > 0).all():
            ratios = part.mean / every.mean, *interval(draws[which].means / average)
        earning = int(part.counts[part.values != 0].sum())
        other = every.without(part)
        yield Segment(trait, which, part.n, earning, part.total, *ratios), differ(part, other) if other.n else 1.0


def _tallies(table: ir.Table) -> dict[str, dict[str, Tally]]:
    """How often each value occurs, by trait and segment."""
    counted = table.group_by("trait", "which", "value").agg(number=lambda t: t.count())
    values: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for row in counted.to_pyarrow().to_pylist():
        values[row["trait"], row["which"]].append((row["value"], row["number"]))
    found: dict[str, dict[str, Tally]] = defaultdict(dict)
    for (trait, which), pairs in sorted(values.items()):
        found[trait][which] = tally(*zip(*pairs, strict=True))
    return found
