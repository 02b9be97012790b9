"""What became of a plan, and what became of one row of it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from connectors.base import RowResult
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.rows import Row

GONE = "the record is gone: deleted, merged or converted since it was planned; the next plan follows it"

LATER = "written again by a later plan"


@dataclass(frozen=True)
class Delivery:
    """What became of a plan; fields, unless it says records."""

    plan_id: str
    stopped: str | None
    records: int
    """Records that took values."""
    written: int
    there: int
    """Values that the CRM held already."""
    kept: int
    """Values of humans that were found and kept."""
    locked: int
    gone: int
    """Values whose record is gone."""
    failed: int
    parked: int
    """Of the failed, those that are not tried again with the same value."""
    later: int
    """Values of a plan that is newer than the one taken back, which are left."""

    @classmethod
    def of(cls, ledger: Ledger, plan_id: str, stopped: str | None) -> "Delivery":
        """As the ledger tells it."""
        rows = ledger.summary(plan_id)

        def fields(wanted: str, *, sent: bool | None = None, parked: bool | None = None) -> int:
            return sum(
                count
                for state, was_sent, was_parked, count, _ in rows
                if state == wanted and sent in (None, was_sent) and parked in (None, was_parked)
            )

        return cls(
            plan_id,
            stopped,
            records=sum(records for state, sent, _, _, records in rows if state == "ok" and sent),
            written=fields("ok", sent=True),
            there=fields("ok", sent=False),
            kept=fields("conflict"),
            locked=fields("suppressed"),
            gone=ledger.lost(plan_id, GONE),
            failed=fields("failed"),
            parked=fields("failed", parked=True),
            later=ledger.lost(plan_id, LATER),
        )


def answered(rows: Iterable[Row], result: RowResult, fingerprint: Callable[[], str]) -> None:
    """Set the rows of one record to what the vendor has said of them; `fingerprint` gives that of the object's fields now."""
    for row in rows:
        row.error = None if result.ok else f"{result.code}: {result.message}"
        row.parked = refused(result)
        row.parked_under = fingerprint() if row.parked else None
        row.state = "ok" if result.ok else "failed"
        if result.gone:
            row.state, row.error = "superseded", f"{GONE} ({result.code})"


def refused(result: RowResult) -> bool:
    """Whether the vendor will not take the same values of this record, however often it is asked."""
    return not (result.ok or result.retry or result.gone)
