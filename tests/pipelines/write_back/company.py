"""A company on paper: an org of Salesforce that is pulled, understood and written to."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from connectors.salesforce import CONNECTOR
from models import Observation, RecordKey, Scope, WritePlan
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.pull import pull_stream
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.stitch import stitch
from pipelines.understand.accounts import score_accounts
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.scoring import score_alignment
from pipelines.understand.slots import seed
from pipelines.workspace import Workspace, WorkspaceSettings
from pipelines.write_back.crm import Fields, provision
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import plan
from sandbox.salesforce.state import ORG_ID
from tests.connectors.salesforce.conftest import Practice
from tests.pipelines.write_back.people import said

STREAMS = ("accounts", "contacts", "leads", "opportunities", "opportunity_contact_roles")


@dataclass
class Company:
    """An org in which Dana is a contact and a lead, Otto a contact, and both play a part in a deal of Kolbe's."""

    practice: Practice
    workspace: Workspace
    ids: dict[str, str]

    def pull(self) -> None:
        source = self.practice.source()
        for name in STREAMS:
            pull_stream(
                source, CONNECTOR, CONNECTOR.streams_by_name[name], lake=self.workspace.lake, store=self.workspace.store,
                staging=self.workspace.staging, clock=self.workspace.clock,
            )  # fmt: skip

    def understand(self) -> None:
        lake, store, clock = self.workspace.lake, self.workspace.store, self.workspace.clock
        for scope in (Scope.person, Scope.account):
            stitch(lake, store, clock, scope)
        build_journeys(lake, store, clock, Rates())
        replay_beliefs(store, clock)
        score_alignment(lake, store, clock)
        score_accounts(lake, store, clock)

    def hear(
        self, who: str, statement: str, slot: str, polarity: str = "negative", day: int = 0, *, purposes=("write_back",)
    ) -> None:
        """Somebody says something; whatever reads it finds one quote."""
        subject = RecordKey("salesforce", ORG_ID, "Contact", self.ids[who])
        row = said(statement, slot, polarity, day, subject=str(subject), subject_hash=subject.hash)
        row.observation_id = content_id(who, statement, str(day))
        row.id = content_id(row.observation_id, "quote")
        with transaction(self.workspace.store) as session:
            session.add(
                Observation(
                    id=row.observation_id, record=f"{subject}/{row.id}", subject=str(subject), subject_hash=subject.hash,
                    source="email", author="customer", text=row.quote, text_hash="t", occurred_at=row.occurred_at,
                    recorded_at=row.recorded_at, lawful_basis="contract", purposes=list(purposes), region="eu",
                    retain_until=row.occurred_at + timedelta(days=999),
                )
            )  # fmt: skip
            session.flush()
            session.add(row)

    def plan(self, **limits) -> WritePlan:
        place = self.workspace
        return plan(
            self.practice.crm(),
            "salesforce",
            lake=place.lake,
            store=place.store,
            clock=place.clock,
            limits=Limits(**limits),
        )

    def shown(self, object_name: str, who: str) -> dict:
        crm = self.practice.crm()
        return Fields(crm).read(object_name, [self.ids[who]])[self.ids[who]]


@pytest.fixture
def company(salesforce_sandbox, clock, tmp_path, new_desk, monkeypatch) -> Company:
    practice = Practice(salesforce_sandbox, clock)
    at = clock.now() - timedelta(days=300)
    ids = {"Kolbe": practice.plant("Account", "001", range(1, 2), at, Name="Kolbe")[0]}
    for number, (name, title) in enumerate((("Dana", "CFO"), ("Otto", "CTO")), start=1):
        (ids[name],) = practice.contacts(
            range(number, number + 1), at, AccountId=ids["Kolbe"], FirstName=name, LastName="Kolbe", Title=title,
            Email=f"{name}@kolbe.example".lower(),
        )  # fmt: skip
    (ids["lead"],) = practice.plant(
        "Lead", "00Q", range(1, 2), at, Company="Kolbe", Email="dana@kolbe.example", LeadSource="Web"
    )
    (ids["deal"],) = practice.plant(
        "Opportunity", "006", range(1, 2), at, Name="Kolbe", StageName="Prospecting", CloseDate="2026-12-01",
        AccountId=ids["Kolbe"],
    )  # fmt: skip
    for number, name in enumerate(("Dana", "Otto"), start=1):
        practice.plant(
            "OpportunityContactRole",
            "00K",
            range(number, number + 1),
            at,
            OpportunityId=ids["deal"],
            ContactId=ids[name],
        )
    for name, value in practice.settings().model_dump(include={"client_id", "domain", "base_url"}).items():
        monkeypatch.setenv(f"SALESFORCE_{name.upper()}", value)
    monkeypatch.setenv("SALESFORCE_CLIENT_SECRET", "sandbox-secret")
    workspace = Workspace(WorkspaceSettings(home=tmp_path / "home"))
    workspace.__dict__.update(clock=clock, store=new_desk().store)
    seed(workspace.store)
    made = Company(practice, workspace, ids)
    provision(practice.crm())
    made.pull()
    return made
