"""Why two records are one person, read from the edges that joined them. Values are masked; no secret is needed to explain."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col, select

from models.identity import IdentityEvent, Judgement, Membership, RefusedTie
from models.keys import RecordKey
from pipelines.stitch.entities import UnknownEntity
from pipelines.stitch.rules import JUDGEMENT

SHARED = {
    "email": "share the e-mail address",
    "phone": "share the phone number",
    "domain": "share the web site",
    "salesforce_id": "name the same Salesforce record",
    "hubspot_id": "name the same HubSpot record",
    "stripe_customer": "name the same Stripe customer",
    "external_id": "carry the same external id",
    "fbp": "came by the same browser",
}
"""How an identifier kind reads in a sentence; others are named as they are."""


@dataclass(frozen=True)
class Step:
    """One edge on the way from one record to another."""

    left: str
    right: str
    kind: str
    value: str | None
    """The shared value, masked; empty for a judgement."""
    judged: str | None = None
    """Who judged, and why in their words."""

    def __str__(self) -> str:
        return f"{_words(self.left)} and {_words(self.right)} {_reason(self.kind, self.value, self.judged)}"


@dataclass(frozen=True)
class Why:
    """Whether two records are together, and the way from one to the other; no steps for a record and itself."""

    together: bool
    steps: tuple[Step, ...] = ()


def why(session: Session, record_a: str, record_b: str) -> Why:
    """The edges that tie one record to the other, strongest reasons kept.

    Errors: UnknownEntity if one of them belongs to no person or account.
    """
    a, b = list(_upwards(session, record_a)), list(_upwards(session, record_b))
    if a[0].entity_id != b[0].entity_id:
        return Why(together=False)
    while len(a) > 1 and len(b) > 1 and a[-2].record == b[-2].record:  # the way above their meeting point is common
        a.pop()
        b.pop()
    down = [_step(session, row, row.via_record or "", row.record) for row in b[:-1]]
    up = [_step(session, row, row.record, row.via_record or "") for row in a[:-1]]
    return Why(together=True, steps=(*up, *reversed(down)))


def refused_between(session: Session, left: set[str], right: set[str]) -> list[RefusedTie]:
    """Ties that the guards refused between records of the one side and records of the other."""
    both = left | right
    rows = session.exec(select(RefusedTie).where(col(RefusedTie.left).in_(both), col(RefusedTie.right).in_(both)))
    found = [row for row in rows if (row.left in left) != (row.right in left) or left == right]
    return sorted(found, key=lambda row: (row.left, row.right, row.kind))


def events_between(session: Session, left: str, right: str) -> list[IdentityEvent]:
    """How the one id came to the other: the merges and splits between them, the oldest first."""
    ids = {left, right}
    rows = session.exec(
        select(IdentityEvent).where(col(IdentityEvent.from_id).in_(ids), col(IdentityEvent.to_id).in_(ids))
    )
    return sorted(rows, key=lambda row: (row.occurred_at, row.id))


def _step(session: Session, row: Membership, left: str, right: str) -> Step:
    judged = _judged(session, left, right) if row.via_kind == JUDGEMENT else None
    return Step(left, right, row.via_kind or "", row.via_value, judged)


def _judged(session: Session, left: str, right: str) -> str | None:
    ends = (left, right)
    standing = select(Judgement).where(
        col(Judgement.left).in_(ends), col(Judgement.right).in_(ends), col(Judgement.superseded_at).is_(None)
    )
    rows = sorted(session.exec(standing), key=lambda row: (row.decided_at, row.id))
    return f"{rows[-1].decided_by}: {rows[-1].reason}" if rows else None


def _upwards(session: Session, record: str) -> Iterator[Membership]:
    """The record's row, then that of the record it was joined to, up to the first of its entity."""
    row = session.get(Membership, record)
    if row is None:
        raise UnknownEntity(f"record {record!r} belongs to no person or account; was it deleted, or not stitched yet?")
    while row is not None:
        yield row
        row = session.get(Membership, row.via_record) if row.via_record else None


def _words(record: str) -> str:
    key = RecordKey.parse(record)
    return f"{key.vendor} {key.object} {key.id}"


def _reason(kind: str, value: str | None, judged: str | None) -> str:
    if kind == JUDGEMENT:
        return f"were judged to be the same ({judged})" if judged else "were judged to be the same"
    return f"{SHARED.get(kind, f'share the {kind}')} {value}"
