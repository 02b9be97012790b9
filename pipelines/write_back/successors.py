"""Records that became others, a lead by conversion or a contact by a merge: what we wrote on the one may stand on the other.

A vendor may carry our values along, and the record that holds them then is one that we never wrote to. So what is known goes along.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from sqlmodel import Session, col, select

from connectors.base import FieldValue
from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline
from pipelines.write_back.compare import EMPTY
from pipelines.write_back.crm import Fields
from pipelines.write_back.held import value_hash
from pipelines.write_back.ledger import Ledger


def successors(fields: Fields, gone: Sequence[RecordKey]) -> dict[RecordKey, RecordKey]:
    """The record that each of these was merged into or converted to; absent if none, or one of a kind that has no fields of ours."""
    found: dict[RecordKey, RecordKey] = {}
    for name, some in groupby(sorted(gone), key=lambda key: key.object):
        by_id = {key.id: key for key in some}
        for one, (object_name, other) in fields.crm.moved(name, list(by_id)).items():
            if object_name in fields.subjects:
                found[by_id[one]] = by_id[one]._replace(object=object_name, id=other)
    return found


def inherit(fields: Fields, ledger: Ledger, became: Mapping[RecordKey, RecordKey]) -> set[RecordKey]:
    """Where a value of ours stands on the record that another became, it is known of that one; of the other nothing is known any more.

    What we wrote there ourselves stays known as it is. Returns the records that something was handed over to. One that is gone as well
    takes everything, so that it is followed in its turn.
    """
    heirs = set[RecordKey]()
    for name, some in groupby(sorted(became.items(), key=lambda pair: pair[1]), key=lambda pair: pair[1].object):
        pairs = list(some)
        current = fields.read(name, sorted({new.id for _, new in pairs}))
        with transaction(ledger.store) as session:
            for old, new in pairs:
                if _handed_over(session, fields, old, new, current.get(new.id)):
                    heirs.add(new)
    return heirs


def _handed_over(
    session: Session, fields: Fields, old: RecordKey, new: RecordKey, current: Mapping[str, FieldValue] | None
) -> bool:
    written = session.exec(select(Baseline.field).where(Baseline.record == str(new), Baseline.value_hash != EMPTY))
    own, some = set(written), False
    for row in session.exec(select(Baseline).where(col(Baseline.record) == str(old))).all():
        stands = current is None or value_hash(fields.held(current, row.field)) == row.value_hash
        if stands and row.value_hash != EMPTY and row.field not in own:
            session.merge(Baseline(**{**row.model_dump(), "record": str(new)}))
            some = True
        session.delete(row)
    return some
