"""Forgetting a person in a CRM: our fields on every record of theirs are emptied, and what we wrote there leaves the ledger.

Two steps, for the second must not come before the first has arrived: `emptied` is what `draw_up` plans and `apply` delivers, and
`redact` removes the rows once the CRM is known to hold nothing: the hash of a score is found by trying all hundred. `forget` takes
both for every erasure that is not done; each run begins with it.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from connectors.base import Crm
from models.clock import Clock
from models.erasure import Erasure
from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline, IntendedWrite, WritePlan
from pipelines.understand.people import chunks
from pipelines.write_back.compare import EMPTY, FORGOTTEN, Wanted
from pipelines.write_back.crm import Fields
from pipelines.write_back.deliver import apply
from pipelines.write_back.ledger import UNFINISHED, Ledger, supersede
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import draw_up
from pipelines.write_back.refusals import Refused
from pipelines.write_back.successors import inherit, successors

OUTDATED = "superseded, as somebody whom it may tell of was forgotten since; plan again"
_OPEN = select(WritePlan.id).where(
    col(WritePlan.applied_at).is_(None), sa.or_(col(WritePlan.stopped).is_(None), col(WritePlan.stopped) == UNFINISHED)
)
"""Plans that may be applied, or will be once they are made."""


def forget(crm: Crm, vendor: str, *, store: Engine, clock: Clock, limits: Limits) -> None:
    """Empty our fields on every record of people who are to be forgotten, and redact what was written there; nothing where nobody is.

    Whoever decided to forget has approved it. Errors: Refused if a breaker stopped it, and those of `draw_up` and `apply`: it is tried
    again by the next run.
    """
    fields, ledger = Fields(crm), Ledger.of(store, vendor, crm)
    for erasure in _erased(store):
        _follow(fields, ledger, erasure)
    open_ones = _erased(store)
    wanted = {
        str(one.record): one
        for erasure in open_ones
        for one in emptied(store, fields, erasure.person_id, erasure.shown)
    }
    with transaction(store) as session:
        showing = _showing(session, sorted(wanted))
    if showing:
        plan = draw_up(crm, vendor, [wanted[key] for key in sorted(showing)], store=store, clock=clock, limits=limits)
        if plan.stopped:
            raise Refused(f"fields of people who are to be forgotten were not emptied: {plan.stopped}")
        if plan.needs_approval:
            ledger.approve(plan.id, clock.now(), open_ones[0].asked_by)
        apply(crm, vendor, plan.id, store=store, clock=clock, limits=limits)


def close(store: Engine, clock: Clock) -> list[Erasure]:
    """Redact the ledger as far as CRMs hold nothing any more; an erasure of which nothing is left is done. Returns those that are not."""
    for erasure in _erased(store):
        _supersede(store, erasure.naming)
        held = _held_still(store, erasure.naming)
        left = redact(store, erasure.shown, sorted(_records_of(store, erasure.naming) - held))
        with transaction(store) as session:
            row = session.get_one(Erasure, erasure.id)
            row.shown = left
            if not left and not held:
                row.naming, row.done_at = [], clock.now()
    return erasures(store)


def erasures(store: Engine) -> list[Erasure]:
    """Those that are not done, the oldest first."""
    with transaction(store) as session:
        return list(session.exec(select(Erasure).where(col(Erasure.done_at).is_(None)).order_by(Erasure.id)))


def emptied(store: Engine, fields: Fields, person_id: str, records: Iterable[str]) -> list[Wanted]:
    """What the records of a person are to show from now on: nothing. Locked or not, and approved by whoever forgets.

    Shape: every record of this CRM account that the ledger ever wrote for the person, and those given, as keys.
    """
    known = {str(key) for key in map(RecordKey.parse, records)} | _written_for(store, person_id)
    keys = [RecordKey.parse(record) for record in sorted(known)]
    return [
        Wanted(key, fields.subjects[key.object], person_id, {}, FORGOTTEN)
        for key in keys
        if key.account == fields.crm.account and key.object in fields.subjects
    ]


def redact(store: Engine, records: Sequence[str], told_of: Sequence[str] = ()) -> list[str]:
    """Remove from the ledger all that was ever written to these records of a person; returns those that still show something, untouched.

    Whoever forgets tries those again: a record was busy, or a human has written there. `told_of` are records that spoke of the person
    among others, an account or a deal, and were written anew since: of them only what the CRM holds now is kept, and what plans that are open
    still compare with.
    """
    with transaction(store) as session:
        showing = _showing(session, records)
        for some in chunks([record for record in records if record not in showing]):
            session.execute(sa.delete(Baseline).where(col(Baseline.record).in_(some)))
            session.execute(sa.delete(IntendedWrite).where(col(IntendedWrite.record).in_(some)))
        for some in chunks(list(told_of)):
            mine = col(IntendedWrite.record).in_(some) & col(IntendedWrite.plan_id).not_in(_OPEN)
            held = select(Baseline.write_id).where(col(Baseline.record).in_(some))
            session.execute(sa.update(IntendedWrite).where(mine).values(old_value=None))
            session.execute(
                sa.update(IntendedWrite).where(mine & col(IntendedWrite.id).not_in(held)).values(new_value=None)
            )
    return sorted(showing)


def _erased(store: Engine) -> list[Erasure]:
    """Those of which store and lake hold nothing any more, while CRMs or the ledger may."""
    return [one for one in erasures(store) if one.erased_at]


def _follow(fields: Fields, ledger: Ledger, erasure: Erasure) -> None:
    """Records that became others hand over what stands there still, and these are theirs, too; those that are gone hold nothing."""
    keys = [one.record for one in emptied(ledger.store, fields, erasure.person_id, erasure.shown)]
    with transaction(ledger.store) as session:
        showing = _showing(session, list(map(str, keys)))
    gone = _gone(fields, [key for key in keys if str(key) in showing])
    heirs = inherit(fields, ledger, successors(fields, gone))
    with transaction(ledger.store) as session:
        for some in chunks(list(map(str, gone))):
            session.execute(sa.delete(Baseline).where(col(Baseline.record).in_(some)))
        session.get_one(Erasure, erasure.id).shown = sorted({*erasure.shown, *map(str, heirs)})


def _gone(fields: Fields, keys: Sequence[RecordKey]) -> list[RecordKey]:
    """Those of the records that the CRM has no more."""
    found: list[RecordKey] = []
    for name, some in groupby(sorted(keys), key=lambda key: key.object):
        asked = list(some)
        there = fields.read(name, [key.id for key in asked])
        found += [key for key in asked if key.id not in there]
    return found


def _supersede(store: Engine, writes: Sequence[str]) -> None:
    """Plans that would still deliver one of these writes are not to be applied."""
    with transaction(store) as session:
        for some in chunks(writes):
            telling = select(IntendedWrite.plan_id).where(col(IntendedWrite.id).in_(some))
            told = select(WritePlan).where(col(WritePlan.id).in_(telling), col(WritePlan.id).in_(_OPEN))
            for plan in session.exec(told).all():
                supersede(session, plan, OUTDATED)


def _records_of(store: Engine, writes: Sequence[str]) -> set[str]:
    with transaction(store) as session:
        rows = (select(IntendedWrite.record).where(col(IntendedWrite.id).in_(some)) for some in chunks(writes))
        return {record for query in rows for record in session.exec(query)}


def _held_still(store: Engine, writes: Sequence[str]) -> set[str]:
    """Records on which one of these writes still stands."""
    with transaction(store) as session:
        rows = (select(Baseline.record).where(col(Baseline.write_id).in_(some)) for some in chunks(writes))
        return {record for query in rows for record in session.exec(query)}


def _written_for(store: Engine, person_id: str) -> set[str]:
    with transaction(store) as session:
        return set(session.exec(select(IntendedWrite.record).where(IntendedWrite.entity_id == person_id).distinct()))


def _showing(session: Session, records: Sequence[str]) -> set[str]:
    """Records of which the CRM is known to hold a value of ours, or on which a write is under way."""
    found: set[str] = set()
    for some in chunks(list(records)):
        held = select(Baseline.record).where(col(Baseline.record).in_(some), Baseline.value_hash != EMPTY)
        open_still = select(IntendedWrite.record).where(
            col(IntendedWrite.record).in_(some), col(IntendedWrite.state).in_(("planned", "sent"))
        )
        found |= set(session.exec(held)) | set(session.exec(open_still))
    return found
