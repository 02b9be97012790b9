"""Taking our fields out of a CRM: every value is exported, then emptied, then the fields go, and the ledger forgets what they held.

Values are emptied first because a CRM keeps deleted fields for a while (Salesforce: 15 days), values included. The baseline is
forgotten before that: killed at any line, nothing afterwards takes an emptied field for a human's change.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import TextIO

from sqlalchemy import Engine
from sqlmodel import col, delete

from connectors.base import Crm, FieldValue, ProvisionStep
from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline
from pipelines.write_back.fields import FIELDS, carried_by
from pipelines.write_back.ledger import Ledger

Held = tuple[RecordKey, dict[str, FieldValue]]
"""A record and the values of our fields on it, by the CRM's names."""


def removal_plan(crm: Crm, vendor: str) -> list[ProvisionStep]:
    """What a removal would take away; nothing is written."""
    held = Counter(key.object for key, _ in values(crm, vendor))
    counts = [ProvisionStep(f"values on {name}", "delete", f"{count} records") for name, count in sorted(held.items())]
    return [*counts, *crm.unprovision(FIELDS, dry_run=True)]


def remove(crm: Crm, vendor: str, export: Path, *, store: Engine) -> list[ProvisionStep]:
    """Add every value of ours to the export, then take values, fields and what belongs to them away.

    Shape of the export: one JSON object a line, `{"record", "values"}`; the record's key names CRM, account, object and id.
    Errors: Busy, and what the connector raises: run it again with another file, what is left is exported and goes.
    """
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        with export.open("a", encoding="utf-8") as file:
            start = file.tell()
            _export(values(crm, vendor), file)
        _forget(ledger)
        with export.open(encoding="utf-8") as file:
            file.seek(start)
            emptied = list(_empty(crm, map(_line, file)))
        return [*emptied, *crm.unprovision(FIELDS, dry_run=False)]


def values(crm: Crm, vendor: str) -> Iterator[Held]:
    """Every record on which something of ours stands, reps' answers included."""
    for subject, names in crm.subjects.items():
        for name in names:
            for record_id, held in crm.holding(name, carried_by(subject)):
                yield RecordKey(vendor, crm.account, name, record_id), held


def _export(held: Iterable[Held], file: TextIO) -> None:
    file.writelines(json.dumps({"record": str(key), "values": found}, ensure_ascii=False) + "\n" for key, found in held)


def _line(line: str) -> Held:
    row = json.loads(line)
    return RecordKey.parse(row["record"]), row["values"]


def _forget(ledger: Ledger) -> None:
    """No field of this account holds anything any more, as far as we know."""
    ours = col(Baseline.record).startswith(ledger.prefix, autoescape=True)
    with transaction(ledger.store) as session:
        session.exec(delete(Baseline).where(ours))


def _empty(crm: Crm, held: Iterable[Held]) -> Iterator[ProvisionStep]:
    """Empty what was exported, batch by batch; what cannot be emptied is counted by the CRM's reason."""
    for name, of_object in groupby(held, key=lambda one: one[0].object):
        codes: Counter[str] = Counter()
        while some := list(islice(of_object, crm.batch_size)):
            results = crm.update(name, [(key.id, _emptied(found)) for key, found in some])
            codes.update("" if result.ok else result.code for result in results)
        if done := codes.pop("", 0):
            yield ProvisionStep(f"values on {name}", "delete", f"{done} records")
        for code, count in sorted(codes.items()):
            reason = f"{count} records could not be emptied ({code}); their values go with the fields"
            yield ProvisionStep(f"values on {name}", "refuse", reason)


def _emptied(found: dict[str, FieldValue]) -> dict[str, FieldValue]:
    """The same fields with nothing in them; a checkbox has no less than False. Zero is a value."""
    standing = {name: value for name, value in found.items() if value is not None and value is not False}
    return {name: False if value is True else None for name, value in standing.items()}
