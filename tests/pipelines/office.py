"""A whole office on paper: three vendors, two of them CRMs, through every job of the product, each able to fail in its own way."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic_settings import SettingsConfigDict

import connectors
from connectors.base import Connector, Finding, Page, Stream, VendorSettings
from connectors.registry import connectors_by_name
from models import Identifier, Interaction, Profile, RecordKey, Scope
from models.facts import Fact
from models.records import Record
from pipelines import definitions
from pipelines.jobs import JobOutcome
from pipelines.run import local_instance, run_all
from pipelines.workspace import Workspace
from pipelines.write_back.fields import FIELDS
from service import doctor
from tests import stores
from tests.pipelines.ingest.scripted import START, ScriptedSource
from tests.pipelines.write_back.fake_crm import FakeCrm

DEAD, NORTH, SOUTH = "dead", "north", "south"
VENDORS = (DEAD, NORTH, SOUTH)
WORDS = "Honestly, the price is far too high for us. We will not renew the contract."


def contact(record: Record) -> Iterator[Fact]:
    """Somebody with a name, an address and something to say."""
    yield Profile(scope=Scope.person, name=record.payload["name"])
    yield from Identifier.of(Scope.person, "email", record.payload["email"])
    said = {"subject": str(record.key), "source": "email", "author": "customer", "field": "said"}
    yield Interaction(**said, occurred_at=record.updated_at)


CONTACTS = Stream("contacts", "Contact", "People.", contact, facts=(Profile, Identifier, Interaction))
FRIENDS = replace(CONTACTS, name="friends", object="Friend", description="Friends.")


class Key(VendorSettings):
    key: str | None = None

    @classmethod
    def required(cls) -> tuple[str, ...]:
        return ("key",)


@dataclass
class Vendor:
    """What one vendor holds, and how it fails: at its door, by stream, or (a CRM) at every write."""

    name: str
    crm: FakeCrm
    door: Exception | None = None
    streams: dict[str, Exception] = field(default_factory=dict)
    pages_before: int = 0

    def connector(self) -> Connector:
        settings = type("Settings", (Key,), {"model_config": SettingsConfigDict(env_prefix=f"{self.name.upper()}_")})
        opened = None if self.name == DEAD else lambda settings, clock: self.crm
        return Connector(
            self.name, self.name.title(), frozenset({"python"}), settings, (CONTACTS, FRIENDS), self.open, "0 * * * *", opened
        )  # fmt: skip

    def open(self, settings: Any, clock: Any) -> "Failing":
        if self.door:
            raise self.door
        return Failing(self)

    def versions(self, stream: Stream) -> list[Record]:
        return [self.version(stream, number) for number in range(6)]

    def version(self, stream: Stream, number: int) -> Record:
        key = RecordKey(self.name, self.crm.account, stream.object, f"{self.name}{number}")
        said = {"name": f"Dana {number}", "email": f"dana{number}@kolbe.example", "said": WORDS}
        return Record(key, START + timedelta(days=200 + number), said)


class Failing(ScriptedSource):
    """A source that breaks off after some pages."""

    def __init__(self, script: Vendor) -> None:
        super().__init__([], account=script.crm.account)
        self.script = script

    def pages(self, stream: Stream, cursor: Any, resume: Any) -> Iterator[Page]:
        self.log, left = self.script.versions(stream), self.script.pages_before
        for page in super().pages(stream, cursor, resume):
            if not left and (error := self.script.streams.get(stream.name)):
                raise error
            left -= 1
            yield page

    def diagnose(self, streams: Any) -> list[Finding]:
        refused = self.script.streams
        return [
            Finding(one.name, ok=one.name not in refused, message=str(refused.get(one.name, "ok"))) for one in streams
        ]


@dataclass
class Office:
    vendors: dict[str, Vendor]
    home: Path

    said: dict[str, str] = field(default_factory=dict)
    """Why assets failed, as their pages show it."""

    def run(self, *names: str) -> dict[str, JobOutcome]:
        """Every job that is due; those that are named in any case."""
        with local_instance(self.home) as instance:
            ran = run_all(definitions.build(), instance, names=list(names) or None, anyway=bool(names))
            outcomes = {one.job: one for one in ran}
            self.said = {
                event.step_key.replace("__", "/"): event.dagster_event.step_failure_data.user_failure_data.description
                for outcome in outcomes.values()
                if outcome.run_id
                for event in instance.all_logs(outcome.run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
                if not event.step_key.endswith("_checks")
            }
        return outcomes

    def doctor(self, label: str) -> list[Finding]:
        with Workspace.from_environment() as workspace:
            return doctor.examine(workspace)[label]

    def shown(self, vendor: str) -> set[str]:
        """Records of a CRM that show what somebody believes."""
        there = self.vendors[vendor].crm.records["Contact"]
        return {record for record in there if self.vendors[vendor].crm.value("Contact", record, "top_belief")}


STAND: dict[str, Connector] = {}
"""What the vendors' folders declare; a test puts its own here."""


def open_office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """`connectors/` holds three vendors with credentials; each knows the same six people, and both CRMs have our fields."""
    made = {name: Vendor(name, FakeCrm()) for name in VENDORS}
    for name, vendor in made.items():
        (tmp_path / "vendors" / name).mkdir(parents=True)
        (tmp_path / "vendors" / name / "__init__.py").write_text(
            f"from tests.pipelines.office import STAND\nCONNECTOR = STAND[{name!r}]\n"
        )
        STAND[name] = vendor.connector()
        vendor.crm.provision(FIELDS, dry_run=False)
        vendor.crm.records["Contact"] = {record.key.id: {} for record in vendor.versions(CONTACTS)}
        monkeypatch.setenv(f"{name.upper()}_KEY", "k")
    monkeypatch.setattr(connectors, "__path__", [str(tmp_path / "vendors")])
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    for name, value in {"SIDECAR_HOME": str(tmp_path / "home"), **stores.variables(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SIDECAR_WRITE_BACK_MIN_RECORDS", "4")
    monkeypatch.setenv("SIDECAR_WRITE_BACK_MAX_CHANGED_SHARE", "1")
    connectors_by_name.cache_clear()
    yield Office(made, tmp_path / "home")
    connectors_by_name.cache_clear()
    STAND.clear()
    for name in VENDORS:
        sys.modules.pop(f"connectors.{name}", None)
