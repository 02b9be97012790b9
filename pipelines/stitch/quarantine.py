"""What the guards refused, for people to look at: records that share a usable value and were kept apart all the same."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from sqlmodel import Session, col, delete, func, insert, select

from models.facts import Scope
from models.identity import RefusedTie
from models.keys import content_id, stable_hash
from pipelines.stitch.components import Ints
from pipelines.stitch.guards import Link, Mended
from pipelines.stitch.portions import portions


class Refused(NamedTuple):
    """A tie that does not hold: two numbered records, the note of the value they share, and why."""

    left: int
    right: int
    note: int
    cause: str


def refused_ties(links: Iterable[Link], mended: Mended, label: Ints) -> list[Refused]:
    """One tie between the first record of a value and the first of every other cluster that has it.

    A value whose records came together by something else refused nobody.
    """
    firsts: dict[int, dict[int, Link]] = {}
    for link in sorted(links, key=lambda link: (link.value, link.row)):
        if link.value in mended.causes:
            firsts.setdefault(link.value, {}).setdefault(int(label[link.row]), link)
    return [
        Refused(first.row, other.row, other.note, mended.causes[value])
        for value, (first, *others) in ((value, found.values()) for value, found in firsts.items())
        for other in others
    ]


def write(
    session: Session,
    scope: Scope,
    people: pa.Table,
    reasons: pa.Table,
    refused: Sequence[Refused],
    own: Ints | None,
    *,
    version: int,
    now: datetime,
) -> int:
    """Bring the quarantine into step; says how many rows were written or removed. What was refused before keeps its date.

    Ties between records that were not looked at (`own` are the hashes of those that were, None for all) stand.
    """
    stands = {row["id"]: row for row in _rows(scope, people, reasons, refused)}
    known = _known(session, scope, own)
    gone = [name for name, cause in known.items() if name not in stands or stands[name]["cause"] != cause]
    fresh = [row for name, row in stands.items() if known.get(name) != row["cause"]]
    for keys in portions(gone):
        session.execute(delete(RefusedTie).where(col(RefusedTie.id).in_(keys)))
    if fresh:
        session.execute(insert(RefusedTie), [{**row, "stitch_version": version, "since": now} for row in fresh])
    return len(set(gone) | {row["id"] for row in fresh})


def quarantined(session: Session, scope: Scope | None = None) -> list[RefusedTie]:
    """All refused ties that stand, in the order of their records."""
    rows = [row for row in session.exec(select(RefusedTie)) if scope in (None, row.scope)]
    return sorted(rows, key=lambda row: (row.scope, row.left, row.right, row.kind, row.value))


def causes(session: Session, scope: Scope) -> dict[str, int]:
    """How many ties of this scope are refused, by cause."""
    counted = select(RefusedTie.cause, func.count()).where(RefusedTie.scope == scope).group_by(RefusedTie.cause)
    return dict(session.exec(counted).all())


def _known(session: Session, scope: Scope, own: Ints | None) -> dict[str, str]:
    """Causes of what stands refused, by id."""
    ties = session.exec(select(RefusedTie.id, RefusedTie.cause, RefusedTie.left).where(RefusedTie.scope == scope)).all()
    if own is not None:
        looked = np.isin(np.array([stable_hash(left) for *_, left in ties], np.int64), own)
        ties = [tie for tie, here in zip(ties, looked, strict=True) if here]
    return {name: cause for name, cause, _ in ties}


def _rows(scope: Scope, people: pa.Table, reasons: pa.Table, refused: Sequence[Refused]) -> Iterable[Mapping[str, Any]]:
    record = people["record"]
    for tie in refused:
        left, right = record[tie.left].as_py(), record[tie.right].as_py()
        kind, value = reasons["kind"][tie.note].as_py(), reasons["shown"][tie.note].as_py()
        name = content_id(scope, left, right, kind, value)
        yield {
            "id": name,
            "scope": scope,
            "left": left,
            "right": right,
            "kind": kind,
            "value": value,
            "cause": tie.cause,
        }
