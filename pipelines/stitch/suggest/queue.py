"""The review queue: what was suggested, what became of it, and what follows.

A row says what was seen when; only decisions last. Accepting or refusing writes a `Judgement`, which the next stitch follows, and the
pair is never suggested again. What answers itself (one person by now, a record gone, no longer likely) is closed, and opens again
should it come up again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from sqlmodel import Session, col, select

from models.base import new_id
from models.facts import Scope
from models.identity import Judgement, Membership, Suggestion
from models.keys import content_id
from pipelines.stitch.suggest.best import Likely, Pair

OPEN, ACCEPTED, REFUSED, CLOSED = "open", "accepted", "refused", "closed"
DECIDED = (ACCEPTED, REFUSED)
ITSELF = "sidecar"
"""Who decided where no human did."""
TOGETHER, GONE, UNLIKELY = "they are one by now", "one of the records is gone", "they are no longer alike enough"
PORTION = 500
"""Keys in one SQL statement; SQLite allows 32,766 variables."""


class UnknownSuggestion(LookupError):
    """No suggestion has such an id, or several begin so; the message says which."""


class AlreadyDecided(ValueError):
    """Somebody decided before; the message says who, and how to think again."""


def named(session: Session, asked: str) -> Suggestion:
    """The suggestion whose id is, or begins with, what was asked. UnknownSuggestion if there is none, or several."""
    found = session.exec(select(Suggestion).where(col(Suggestion.id).startswith(asked, autoescape=True)).limit(2)).all()
    if not asked or not found:
        raise UnknownSuggestion(f"there is no suggestion {asked!r}")
    if len(found) > 1:
        raise UnknownSuggestion(f"several suggestions begin with {asked!r}; give more of the id")
    return found[0]


def decide(session: Session, asked: str, *, same: bool, by: str, reason: str, now: datetime) -> Suggestion:
    """Accept (same) or refuse a suggestion, and judge its two records accordingly; to decide the same again changes nothing.

    Errors: UnknownSuggestion; AlreadyDecided if it was decided otherwise, or is closed.
    """
    row = named(session, asked)
    status = ACCEPTED if same else REFUSED
    if row.status == status:
        return row
    if row.status != OPEN:
        raise AlreadyDecided(f"suggestion {row.id} is {row.status} ({row.reason}) by {row.decided_by}")
    row.status, row.decided_by, row.reason, row.decided_at = status, by, reason, now
    session.add(row)
    session.add(
        Judgement(
            id=new_id(now), left=row.left, right=row.right, same=same, decided_by=by, reason=reason, decided_at=now
        )
    )
    return row


def decided_pairs(session: Session, scope: Scope) -> list[Pair]:
    """Pairs of records that a human, or a decision before, said something about."""
    judged = session.exec(select(Judgement.left, Judgement.right).where(col(Judgement.superseded_at).is_(None)))
    settled = session.exec(
        select(Suggestion.left, Suggestion.right).where(Suggestion.scope == scope, col(Suggestion.status).in_(DECIDED))
    )
    return sorted({(left, right) for left, right in (*judged, *settled)})


def close_answered(session: Session, scope: Scope, now: datetime) -> Counter[str]:
    """Close every open suggestion whose records are one entity by now, or of which one is gone; counts by reason."""
    rows = waiting(session, scope)
    homes = homes_of(session, _records(rows))
    closed = Counter[str]()
    for row in rows:
        left, right = homes.get(row.left), homes.get(row.right)
        if left is None or right is None:
            closed[GONE] += _close(row, GONE, now)
        elif left == right:
            closed[TOGETHER] += _close(row, TOGETHER, now)
    return closed


def enqueue(session: Session, scope: Scope, likely: Iterable[Likely], now: datetime) -> Counter[str]:
    """Bring the queue into step with what is likely today; counts rows `opened`, `kept` and closed as unlikely.

    A pair is known by its persons (or accounts): if other records stand for them by now, the row that waits is kept.
    """
    rows = waiting(session, scope)
    pairs = list(likely)
    homes = homes_of(session, {*_records(rows), *_records(pairs)})
    by_homes = {_homes(row, homes): row for row in rows}
    counts = Counter[str]()
    for pair in pairs:
        row = by_homes.pop(_homes(pair, homes), None)
        counts["kept" if row else "opened"] += 1
        row = row or _reopened(session, scope, pair, now)
        row.weight, row.probability, row.evidence = pair.weight, pair.probability, list(pair.evidence)
        session.add(row)
    for row in by_homes.values():
        counts[UNLIKELY] += _close(row, UNLIKELY, now)
    return counts


def waiting(session: Session, scope: Scope) -> Sequence[Suggestion]:
    """The open suggestions, in the order of their ids."""
    rows = session.exec(select(Suggestion).where(Suggestion.scope == scope, Suggestion.status == OPEN))
    return sorted(rows, key=lambda row: row.id)


def homes_of(session: Session, records: Iterable[str]) -> dict[str, str]:
    """The entity of each record that has one."""
    keys = sorted(records)
    found: dict[str, str] = {}
    for start in range(0, len(keys), PORTION):
        portion = col(Membership.record).in_(keys[start : start + PORTION])
        found |= dict(session.exec(select(Membership.record, Membership.entity_id).where(portion)).all())
    return found


def _records(pairs: Iterable[Suggestion | Likely]) -> set[str]:
    return {record for pair in pairs for record in (pair.left, pair.right)}


def _homes(pair: Suggestion | Likely, homes: Mapping[str, str]) -> frozenset[str]:
    return frozenset((homes.get(pair.left, pair.left), homes.get(pair.right, pair.right)))


def _close(row: Suggestion, why: str, now: datetime) -> int:
    row.status, row.decided_by, row.reason, row.decided_at = CLOSED, ITSELF, why, now
    return 1


def _reopened(session: Session, scope: Scope, pair: Likely, now: datetime) -> Suggestion:
    """The row of the pair: a new one, or the one that had closed by itself."""
    name = content_id("suggestion", scope, pair.left, pair.right)
    row = session.get(Suggestion, name)
    if row is None:
        fresh = asdict(pair) | {"evidence": list(pair.evidence)}
        return Suggestion(id=name, scope=scope, status=OPEN, suggested_at=now, **fresh)
    row.status, row.decided_by, row.reason, row.decided_at = OPEN, None, None, None
    return row
