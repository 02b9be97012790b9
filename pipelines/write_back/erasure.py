"""Forgetting a person in a CRM: our fields on every record of theirs are emptied, and what we wrote there leaves the ledger.

Two steps, for the second must not come before the first has arrived: `emptied` is what `draw_up` plans and `apply` delivers, and
`redact` removes the values once the CRM is known to hold none. Hashes stay: they tell that something was written, not what.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline, IntendedWrite
from pipelines.understand.people import chunks
from pipelines.write_back.compare import EMPTY, FORGOTTEN, Wanted
from pipelines.write_back.crm import Fields


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
    """Remove from the ledger what was ever written to these records of a person; returns those that still show something, untouched.

    Whoever forgets tries those again: a record was busy, or a human has written there. `told_of` are records that spoke of the person
    among others, an account or a deal, and were written anew since: of them only what the CRM holds now is kept.
    """
    with transaction(store) as session:
        showing = _showing(session, records)
        for some in chunks([record for record in records if record not in showing]):
            _blank(session, col(IntendedWrite.record).in_(some))
            session.execute(sa.update(Baseline).where(col(Baseline.record).in_(some)).values(value=None))
        for some in chunks(list(told_of)):
            mine = col(IntendedWrite.record).in_(some)
            held = select(Baseline.write_id).where(col(Baseline.record).in_(some))
            session.execute(sa.update(IntendedWrite).where(mine).values(old_value=None))
            _blank(session, mine & col(IntendedWrite.id).not_in(held))
    return sorted(showing)


def _blank(session: Session, which: sa.ColumnElement[bool]) -> None:
    session.execute(sa.update(IntendedWrite).where(which).values(old_value=None, new_value=None))


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
