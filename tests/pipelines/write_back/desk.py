"""A desk to plan and deliver from: a real store, a clock that stands still, a CRM in memory."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, event
from sqlmodel import select

from connectors.base import FieldValue
from models.clock import FrozenClock
from models.keys import RecordKey
from models.store import transaction
from models.writes import Baseline, IntendedWrite, WritePlan
from pipelines.write_back.compare import Wanted
from pipelines.write_back.deliver import apply
from pipelines.write_back.fields import FIELDS
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.plan import draw_up
from tests.pipelines.write_back.fake_crm import Death, FakeCrm, Killed
from tests.stores import new_store

SUBJECTS = {"Contact": "person", "Lead": "person", "Account": "account", "Opportunity": "deal"}


@dataclass
class Desk:
    """One CRM account and what has been written to it."""

    folder: Path
    crm: FakeCrm = field(default_factory=FakeCrm)
    clock: FrozenClock = field(default_factory=lambda: FrozenClock(datetime(2026, 11, 2, 9, tzinfo=UTC)))
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.store: Engine = new_store(self.folder)
        self.crm.provision(FIELDS, dry_run=False)

    @property
    def ledger(self) -> Ledger:
        """What became of it all."""
        return Ledger.of(self.store, "salesforce", self.crm)

    def wanted(
        self, object_name: str, record_id: str, reason: str = "what is known has changed", **values: FieldValue
    ) -> Wanted:
        """What a record should show; the record exists in the CRM from now on."""
        self.crm.records.setdefault(object_name, {}).setdefault(record_id, {})
        key = RecordKey("salesforce", self.crm.account, object_name, record_id)
        return Wanted(key, SUBJECTS[object_name], f"entity of {record_id}", values, reason)

    def contacts(self, count: int, **values: FieldValue) -> list[Wanted]:
        """The same for many contacts."""
        return [self.wanted("Contact", f"003{number:05}", key=f"p{number}", **values) for number in range(count)]

    def plan(self, wanted: Iterable[Wanted]) -> WritePlan:
        """A plan, a minute after whatever was before."""
        self.clock.advance(timedelta(minutes=1))
        return draw_up(self.crm, "salesforce", wanted, store=self.store, clock=self.clock, limits=self.limits)

    def apply(self, plan: WritePlan) -> Delivery:
        """Deliver it, half a minute later."""
        self.clock.advance(timedelta(seconds=30))
        return apply(self.crm, "salesforce", plan.id, store=self.store, clock=self.clock, limits=self.limits)

    def run(self, wanted: Iterable[Wanted]) -> Delivery:
        """Plan and deliver, as the asset does."""
        return self.apply(self.plan(wanted))

    def rows(self, **where: str) -> list[IntendedWrite]:
        """Ledger rows, by values of their columns."""
        with transaction(self.store) as session:
            return list(session.exec(select(IntendedWrite).filter_by(**where)))

    def states(self, name: str) -> list[str]:
        """What became of every write intended for a field, by our name for it, oldest first."""
        rows = self.rows(field=f"BLF_{name.title()}__c")
        return [row.state for row in sorted(rows, key=lambda row: row.id)]

    def baseline(self) -> dict[tuple[str, str], str | None]:
        """What the CRM is known to hold, as JSON by record id and field."""
        with transaction(self.store) as session:
            rows = session.exec(select(Baseline)).all()
        return {(RecordKey.parse(row.record).id, row.field): row.value for row in rows}

    @contextmanager
    def dying(self, at: int) -> Iterator[Death]:
        """The process dies at this step, if it takes so many."""
        death = Death(at)
        self.crm.step = death
        event.listen(self.store, "commit", death)
        try:
            yield death
        except Killed:
            death.came = True
        finally:
            event.remove(self.store, "commit", death)
            self.crm.step = lambda where: None
