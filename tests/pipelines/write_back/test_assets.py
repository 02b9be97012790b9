"""The room as Dagster runs it: from records pulled out of a Salesforce back into its fields."""

from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
import pytest

from connectors.registry import connectors_by_name
from connectors.salesforce import CONNECTOR
from models import Consent, Observation, Payment, RecordKey, Scope, WritePlan
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
from pipelines.write_back import assets, automation, checks
from pipelines.write_back.crm import Fields, provision
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import plan
from sandbox.salesforce.state import ORG_ID
from tests.connectors.salesforce.conftest import Practice
from tests.pipelines.stitch.conftest import Hand
from tests.pipelines.write_back.people import said

STREAMS = ("accounts", "contacts", "leads", "opportunities", "opportunity_contact_roles")
SECRET = "The price is too high"


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


def job(company: Company) -> dg.ExecuteInProcessResult:
    company.understand()
    definitions = dg.Definitions(
        assets=assets.assets(),
        asset_checks=checks.checks(),
        jobs=automation.jobs(),
        schedules=automation.schedules(),
        resources={"workspace": company.workspace},
        executor=dg.in_process_executor,
    )
    with dg.DagsterInstance.ephemeral() as instance:
        return definitions.resolve_job_def("write_back_salesforce").execute_in_process(
            instance=instance, raise_on_error=False
        )


def counts(result: dg.ExecuteInProcessResult) -> dict:
    (made,) = [event for event in result.all_events if event.is_step_materialization]
    return {name: value.value for name, value in made.step_materialization_data.materialization.metadata.items()}


def reason(result: dg.ExecuteInProcessResult) -> str:
    return next(
        event.step_failure_data.user_failure_data.description for event in result.all_events if event.is_step_failure
    )


def verdicts(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}


def test_what_is_understood_reaches_every_record(company):
    """Contact, lead, account and deal show it; the checks read it back; the next run, a month later, is quiet."""
    company.hear("Dana", SECRET, "price")
    company.hear("Otto", "Saves half a year", "value", "positive", 3)
    result = job(company)
    assert result.success
    assert verdicts(result) == {"read_back_equals_sent": True, "fields_exist_and_fit": True, "few_records_parked": True}
    assert counts(result)["records_written"] == 5
    contact, lead = company.shown("Contact", "Dana"), company.shown("Lead", "lead")
    assert contact["top_belief"].startswith(SECRET)
    assert contact["acquisition_source"] == "Web (lead source)"
    stamps = {"updated_at", "run_id", "content_hash", "lock"}
    assert {**contact, **dict.fromkeys(stamps)} == {**lead, **dict.fromkeys(stamps)}
    assert contact["content_hash"] == lead["content_hash"]
    account = company.shown("Account", "Kolbe")
    assert (account["people_scored"], account["belief_count"]) == (2, 2)
    deal = company.shown("Opportunity", "deal")
    assert deal["summary"].startswith("Backs: Otto Kolbe (CTO) - value.\nBlocks: Dana Kolbe (CFO) - price.")
    assert deal["next_action"] == "Talk with Dana Kolbe (CFO) about price."
    company.workspace.clock.advance(timedelta(days=30))
    again = job(company)
    assert (counts(again)["planned"], counts(again)["written"], counts(again)["records_unchanged"]) == (0, 0, 5)


def test_metadata_hold_counts_and_no_words(company):
    """Neither quote nor name reaches Dagster."""
    company.hear("Dana", SECRET, "price")
    result = job(company)
    told = " ".join(str(event) for event in result.all_events)
    assert SECRET not in told
    assert "Dana" not in told
    assert all(isinstance(value, int) for name, value in counts(result).items() if name != "plan")


def test_an_opt_out_of_one_record_empties_all_of_the_person(company):
    """Contact and lead are emptied, locked or not, account and deal no longer speak of her, and the next run is quiet."""
    company.hear("Dana", SECRET, "price")
    company.hear("Otto", "Saves half a year", "value", "positive", 3)
    job(company)
    company.practice.sandbox.state.update_as_user("Contact", company.ids["Dana"], {"BLF_Lock__c": True})
    lead = RecordKey("salesforce", ORG_ID, "Lead", company.ids["lead"])
    Hand(company.workspace.lake).write({"c": [Consent(subject=str(lead), channel="all", granted=False)]})
    assert job(company).success
    for object_name, who in (("Contact", "Dana"), ("Lead", "lead")):
        assert {value for name, value in company.shown(object_name, who).items() if name != "lock"} == {None}
    for object_name, who in (("Account", "Kolbe"), ("Opportunity", "deal")):
        shown = company.shown(object_name, who)
        assert SECRET not in f"{shown['evidence']} {shown['summary']} {shown['top_belief']}"
        assert "Saves half a year" in shown["evidence"]
    assert "to write" not in company.plan().counts


def test_a_converted_lead_is_left_alone(company):
    """It takes no more writes, and is not looked up again in every run to find that out."""
    contact, at = company.ids["Dana"], company.workspace.clock.now() - timedelta(minutes=8)
    company.practice.plant(
        "Lead", "00Q", range(9, 10), at, Company="Kolbe", IsConverted=True, ConvertedContactId=contact
    )
    company.pull()
    company.hear("Dana", SECRET, "price")
    company.understand()
    plan = company.plan()
    assert (plan.counts["records"], plan.counts.get("gone", 0)) == (5, 0)


def test_words_that_may_not_be_written_back_are_not(company):
    """Evidence held for other purposes stays out of belief, score and count."""
    company.hear("Dana", SECRET, "price", purposes=("analytics",))
    company.hear("Dana", "Easy to use", "usability", "positive", 3)
    assert job(company).success
    shown = company.shown("Contact", "Dana")
    assert SECRET not in shown["evidence"]
    assert (shown["belief_count"], shown["alignment_score"]) == (1, None)


@pytest.mark.slow
def test_money_is_shown_in_the_currency_of_the_crm_alone(company):
    """Paid in euro is shown where the CRM's money is euro, and is left out and counted where it is not."""
    dana = str(RecordKey("salesforce", ORG_ID, "Contact", company.ids["Dana"]))
    payment = {"payer": dana, "currency": "eur", "occurred_at": company.workspace.clock.now() - timedelta(days=40)}
    Hand(company.workspace.lake).write(
        {
            "1": [Payment(kind="charge", amount_minor=12_050, **payment)],
            "2": [Payment(kind="tax", amount_minor=2_000, **payment)],
            "3": [Payment(kind="charge", amount_minor=5_000, **{**payment, "occurred_at": payment["occurred_at"] - timedelta(days=400)})],
        }
    )  # fmt: skip
    assert job(company).success
    assert company.shown("Contact", "Dana")["revenue_to_date"] == 150.5
    assert company.shown("Account", "Kolbe")["revenue_12m"] == 100.5
    assert company.plan(currency="usd").counts["payers in other currencies"] == 1


@pytest.mark.slow
def test_a_closed_deal_keeps_its_words_and_loses_its_next_step(company):
    """A deal that showed something is kept true after it was closed."""
    company.hear("Dana", SECRET, "price")
    job(company)
    company.practice.clock.advance(timedelta(hours=1))
    company.practice.sandbox.state.update_as_user("Opportunity", company.ids["deal"], {"StageName": "Closed Lost"})
    company.practice.clock.advance(timedelta(hours=1))
    company.pull()
    assert job(company).success
    shown = company.shown("Opportunity", "deal")
    assert SECRET in shown["evidence"]
    assert (shown["risk"], shown["next_action"]) == (None, None)


def test_an_org_without_our_fields_fails_with_what_to_do(company, monkeypatch):
    """Nothing was written, and the sentence names the fields and the command."""
    monkeypatch.setenv("SALESFORCE_FIELD_PREFIX", "NEW_")
    company.hear("Dana", SECRET, "price")
    told = reason(job(company))
    assert "Contact.NEW_Key__c, " in told
    assert "are missing or may not be edited by this user" in told
    assert "run: sidecar provision" in told


def test_missing_credentials_fail_the_asset_and_skip_the_schedule(company, monkeypatch):
    """Both name the variable."""
    monkeypatch.delenv("SALESFORCE_CLIENT_SECRET")
    assert "SALESFORCE_CLIENT_SECRET" in reason(job(company))
    schedule = next(one for one in automation.schedules() if one.job_name == "write_back_salesforce")
    with dg.DagsterInstance.ephemeral() as instance, Workspace.from_environment() as workspace:
        told = schedule.evaluate_tick(dg.build_schedule_context(instance, resources={"workspace": workspace}))
    assert "SALESFORCE_CLIENT_SECRET" in told.skip_message


def test_every_crm_has_its_own_asset_job_and_schedule():
    """One each, by the vendor's name; a vendor that is no CRM has none."""
    named = [name for name, connector in connectors_by_name().items() if connector.open_crm]
    assert [asset.key.to_user_string() for asset in assets.assets()] == [f"write_back/{name}_fields" for name in named]
    assert [one.name for one in automation.jobs()] == [f"write_back_{name}" for name in named]
    assert [one.job_name for one in automation.schedules()] == [f"write_back_{name}" for name in named]
