"""Real CRMs of the practice ground behind one face: the connector, the vendor's SDK and HTTP, and a store of our own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, event
from sqlmodel import select

from connectors.base import Crm, FieldValue
from models.keys import RecordKey
from models.store import transaction
from models.writes import IntendedWrite, WritePlan
from pipelines.write_back.compare import Wanted
from pipelines.write_back.crm import Fields, provision
from pipelines.write_back.deliver import apply
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.plan import draw_up
from sandbox.hubspot.objects import BY_NAME
from tests.connectors.hubspot import conftest as hubspot
from tests.connectors.salesforce import conftest as salesforce
from tests.pipelines.write_back.fake_crm import Death, Killed

PRACTICES = {"salesforce": salesforce.Practice, "hubspot": hubspot.Practice}
OBJECTS = {"salesforce": "Contact", "hubspot": "contact"}
WRITES = {"salesforce": ("PATCH", "/composite/sobjects"), "hubspot": ("POST", "/contacts/batch/update")}
IDLE = {"status", "html", "refuse"}
"""Faults under which the vendor does not do what it was asked."""


@dataclass
class Office:
    """One CRM account with our fields on it, and a store."""

    vendor: str
    practice: Any
    store: Engine
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.crm: Crm = self.practice.crm()

    @classmethod
    def ready(cls, vendor: str, sandbox: Any, clock: Any, store: Engine) -> "Office":
        """With its fields."""
        made = cls(vendor, PRACTICES[vendor](sandbox, clock), store)
        provision(made.crm)
        return made

    @property
    def object(self) -> str:
        return OBJECTS[self.vendor]

    @property
    def sandbox(self) -> Any:
        return self.practice.sandbox

    def again(self) -> None:
        """Another process, which knows what the store knows."""
        self.crm = self.practice.crm()

    def contact(self, record_id: str, reason: str = "what is known has changed", **values: FieldValue) -> Wanted:
        key = RecordKey(self.vendor, self.crm.account, self.object, record_id)
        return Wanted(key, "person", f"p{record_id}", values, reason)

    def plan(self, wanted: Iterable[Wanted]) -> WritePlan:
        self.practice.clock.advance(timedelta(minutes=1))
        return draw_up(self.crm, self.vendor, wanted, store=self.store, clock=self.practice.clock, limits=self.limits)

    def apply(self, plan: WritePlan) -> Delivery:
        return apply(self.crm, self.vendor, plan.id, store=self.store, clock=self.practice.clock, limits=self.limits)

    def run(self, wanted: Iterable[Wanted]) -> Delivery:
        return self.apply(self.plan(wanted))

    def api(self, name: str) -> str:
        return next(api for api, spec in Fields(self.crm).specs.items() if spec.name == name)

    def edit(self, record_id: str, **values: Any) -> None:
        """A rep types into the record."""
        typed = {self.api(name): value for name, value in values.items()}
        if self.vendor == "salesforce":
            self.sandbox.state.update_as_user("Contact", record_id, typed)
        else:
            words = {name: {True: "true", None: ""}.get(value, value) for name, value in typed.items()}
            self.sandbox.state.update("contacts", record_id, words)

    def forbid(self, name: str, option: str) -> None:
        """An administrator takes an option away."""
        if self.vendor == "hubspot":
            state, kind = self.sandbox.state, BY_NAME["contacts"]
            options = [
                one for one in state.properties.answer(kind, self.api(name))["options"] if one["value"] != option
            ]
            state.properties.update(kind, self.api(name), {"options": options})

    def remove(self, record_id: str) -> None:
        if self.vendor == "salesforce":
            self.sandbox.state.delete("Contact", record_id)
        else:
            self.sandbox.state.archive("contacts", record_id)

    def values(self, ids: Iterable[str], name: str) -> list[Any]:
        """What one field of some records holds."""
        some = list(ids)
        found = Fields(self.practice.crm()).read(self.object, some)
        return [found[one][name] for one in some]

    def value(self, record_id: str, name: str) -> Any:
        return self.values([record_id], name)[0]

    def writes(self) -> int:
        """Batches that reached the vendor and that it worked on."""
        method, path = WRITES[self.vendor]
        return sum(
            one.method == method and one.path.endswith(path) and one.fault not in IDLE
            for one in self.sandbox.log.entries
        )

    def rows(self, **where: Any) -> list[IntendedWrite]:
        with transaction(self.store) as session:
            return list(session.exec(select(IntendedWrite).filter_by(**where)))

    @contextmanager
    def killed_at(self, commit: int) -> Iterator[Death]:
        """The process dies at this commit, if it makes so many."""
        death = Death(commit)
        event.listen(self.store, "commit", death)
        try:
            yield death
        except Killed:
            death.came = True
        finally:
            event.remove(self.store, "commit", death)
