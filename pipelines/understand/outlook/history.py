"""What was known of each buyer before a cut: the lead score that the CRM then showed, and the alignment of then. No look ahead.

A CRM tells only what a field holds now; the change log keeps every version since the first pull. The version that counts is the last
one stamped before the cut; where the first that was ever pulled is younger, what stood there before is not known, and nothing is told.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from sqlmodel import Session, col, func, select, tuple_

from models import Alignment
from pipelines.ingest.lake import Lake
from pipelines.stitch.lens.traits import buyers, money, owners, traits
from pipelines.stitch.lifetime.retention import contracts
from pipelines.understand.outlook.outcomes import Contract, Movement
from pipelines.understand.outlook.settings import LeadScoreSettings

Value = TypeVar("Value")
Series = Sequence[tuple[datetime, float | None]]
"""What something was from each instant on, oldest first; None where it was emptied."""


def lead_scores(lake: Lake, settings: LeadScoreSettings) -> dict[str, list[Series]]:
    """Every version of the score of every record of each buyer."""
    by_record: dict[str, list[tuple[datetime, float | None]]] = defaultdict(list)
    for vendor, stream in lake.streams():
        if name := settings.fields.get(vendor):
            raw = lake.raw(vendor, stream)
            told = raw.filter(raw.payload.contains(f'"{name}"')).select(
                "record", "updated_at", "pulled_at", "deleted", said=raw.payload.cast("json")[name].cast("string")
            )
            for row in sorted(told.to_pyarrow().to_pylist(), key=lambda row: (row["updated_at"], row["pulled_at"])):
                value = None if row["deleted"] else worth(row["said"], settings.words)
                by_record[row["record"]].append((row["updated_at"], value))
    found: dict[str, list[Series]] = defaultdict(list)
    for row in owners(lake).to_pyarrow().to_pylist():
        if series := by_record.get(row["record"]):
            found[row["buyer_id"]].append(series)
    return found


def worth(said: str | None, words: Mapping[str, float]) -> float | None:
    """The number that a field's value is, or that its word is worth; None for nothing, and for what is neither."""
    text = (said or "").strip().strip('"').strip()
    try:
        value = float(text)
    except ValueError:
        return words.get(text.casefold())
    return value if abs(value) < float("inf") else None


def before(series: Series, cut: datetime) -> float | None:
    """The last value from before an instant."""
    place = bisect_left(series, cut, key=lambda one: one[0])
    return series[place - 1][1] if place else None


def best_before(series: Sequence[Series], cut: datetime) -> float | None:
    """The highest that any record of a buyer showed before an instant: whoever ranks accounts looks at their hottest lead."""
    return max((value for one in series if (value := before(one, cut)) is not None), default=None)


def alignment_before(session: Session, column: Value, cut: datetime) -> dict[str, Value]:
    """What a column of `Alignment` held in the last score of each person and account from before an instant.

    An account's score is its own, a buyer without one is a person. Only these scores are read, and of them no more than asked for.
    """
    entity = (col(Alignment.scope), col(Alignment.entity_id))
    latest = select(*entity, func.max(Alignment.as_of)).where(col(Alignment.as_of) < cut).group_by(*entity)
    place = tuple_(*entity, col(Alignment.as_of))
    told = select(Alignment.entity_id, col(column)).where(place.in_(latest))
    return dict(session.exec(told).all())


def movements(lake: Lake) -> dict[str, list[Movement]]:
    """Net receipts of each buyer in the reporting currency, oldest first; what has no rate is left out."""
    paid = money(lake)
    kept = paid.filter(paid.buyer_id.notnull() & paid.value.notnull()).select("buyer_id", "occurred_at", "value")
    found: dict[str, list[Movement]] = defaultdict(list)
    for row in sorted(kept.to_pyarrow().to_pylist(), key=lambda row: (row["occurred_at"], row["value"])):
        found[row["buyer_id"]].append((row["occurred_at"], row["value"]))
    return found


def agreements(lake: Lake) -> dict[str, list[Contract]]:
    """Contracts of each buyer that began."""
    known = {row["person_id"]: row["buyer_id"] for row in buyers(lake).to_pyarrow().to_pylist()}
    found: dict[str, list[Contract]] = defaultdict(list)
    for row in contracts(lake).select("entity_id", "started_at", "ended_at").to_pyarrow().to_pylist():
        found[known.get(row["entity_id"], row["entity_id"])].append((row["started_at"], row["ended_at"]))
    return found


def members(lake: Lake, segment: str) -> set[str] | None:
    """The buyers of a segment written trait=value, however its letters are written; None for everybody."""
    if not segment:
        return None
    trait, _, which = segment.partition("=")
    rows = traits(lake).filter(lambda t: t.trait == trait).to_pyarrow().to_pylist()
    return {row["buyer_id"] for row in rows if str(row["which"]).casefold() == which.casefold()}
