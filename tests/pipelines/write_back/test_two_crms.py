"""Two CRMs side by side: one person with records in both, each CRM with a plan of its own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from connectors.base import Connector, Crm
from connectors.registry import connectors_by_name
from models import Observation, Payment, RecordKey, Scope
from models.clock import FrozenClock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import pull_stream
from pipelines.stitch.journeys import build_journeys
from pipelines.stitch.rates import Rates
from pipelines.stitch.stitch import stitch
from pipelines.understand.accounts import score_accounts
from pipelines.understand.extraction import extract
from pipelines.understand.extractor import Extractor
from pipelines.understand.language_model import open_language_model
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.scoring import score_alignment
from pipelines.understand.settings import LanguageModelSettings
from pipelines.understand.slots import seed
from pipelines.write_back.compare import CROSSED
from pipelines.write_back.crm import Fields, provision
from pipelines.write_back.deliver import apply
from pipelines.write_back.fields import STAMPS
from pipelines.write_back.history import writes
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.plan import plan
from tests.connectors.hubspot import conftest as hubspot
from tests.connectors.salesforce import conftest as salesforce
from tests.pipelines.stitch.conftest import Hand
from tests.pipelines.understand.llm_stub import Stub
from tests.pipelines.understand.test_extraction import claim
from tests.pipelines.write_back.people import said

STREAMS = {
    "salesforce": ("accounts", "contacts", "leads", "opportunities", "opportunity_contact_roles", "cases"),
    "hubspot": ("companies", "contacts", "deals"),
}


TOPICS = ("price", "usability", "value", "support")
SAID = re.compile(r"About (\w+) we are (glad|sorry)\.")


def answer(sent: str) -> list[dict[str, str]]:
    """What a language model finds in the text of a ticket."""
    found = SAID.search(sent)
    assert found
    topic, tone = found.groups()
    side = {"glad": "positive", "sorry": "negative"}[tone]
    return [claim(found[0], slot=topic, polarity=side, statement=f"They are {tone} about {topic}")]


@dataclass
class Both:
    """Dana, who is a contact and a lead in Salesforce and two contacts in HubSpot."""

    practices: dict[str, Any]
    crms: dict[str, Crm]
    records: dict[str, list[tuple[str, str]]]
    """Object and id of Dana's records, by CRM."""
    lake: Lake
    store: Engine
    clock: FrozenClock
    staging: Any

    def pull(self) -> None:
        for name, practice in self.practices.items():
            connector: Connector = connectors_by_name()[name]
            source = practice.source()
            for stream in STREAMS[name]:
                pull_stream(
                    source, connector, connector.streams_by_name[stream], lake=self.lake, store=self.store, staging=self.staging,
                    clock=self.clock,
                )  # fmt: skip
        for scope in (Scope.person, Scope.account):
            stitch(self.lake, self.store, self.clock, scope)
        build_journeys(self.lake, self.store, self.clock, Rates())
        replay_beliefs(self.store, self.clock)

    def read(self, model: Extractor) -> None:
        """Everything new that was pulled is read, believed and scored."""
        collect_observations(self.lake, self.store, self.clock)
        extract(self.lake, self.store, model, self.clock)
        replay_beliefs(self.store, self.clock)
        score_alignment(self.lake, self.store, self.clock)
        score_accounts(self.lake, self.store, self.clock)

    def write(self, name: str) -> Delivery:
        self.clock.advance(timedelta(minutes=1))
        crm, limits = self.crms[name], Limits()
        planned = plan(crm, name, lake=self.lake, store=self.store, clock=self.clock, limits=limits)
        return apply(crm, name, planned.id, store=self.store, clock=self.clock, limits=limits)

    def written(self, name: str) -> list[tuple[Any, ...]]:
        """Write, and tell what was written beside the stamps, each for the reason that a band was crossed: record, field, old, new."""
        done, fields = self.write(name), Fields(self.crms[name])
        found = []
        for one in writes(self.store, plan_id=done.plan_id):
            field = fields.specs[one.field]
            assert (one.state, one.reason) == ("ok", "goes with the content" if field in STAMPS else CROSSED)
            if field not in STAMPS:
                found.append((RecordKey.parse(one.record).id, field.name, one.old, one.new))
        return found

    def shown(self, name: str, field: str) -> list[Any]:
        fields = Fields(self.crms[name])
        return [fields.read(kind, [one])[one][field] for kind, one in self.records[name]]

    def ask(self, contact: str, tone: str, days: int) -> None:
        """Somebody opens four tickets, a day after another; the last is as old as told."""
        practice = self.practices["salesforce"]
        for ago, topic in enumerate(TOPICS):
            at, taken = self.clock.now() - timedelta(days=days + ago), len(practice.sandbox.state.rows("Case"))
            words = {"ContactId": contact, "Description": f"About {topic} we are {tone}."}
            practice.plant("Case", "500", range(taken + 1, taken + 2), at, **words)

    def hear(self, name: str) -> None:
        """Dana says something on her first record of a CRM."""
        kind, one = self.records[name][0]
        subject = RecordKey(name, self.crms[name].account, kind, one)
        row = said("The price is too high", "price", subject=str(subject), subject_hash=subject.hash)
        row.observation_id = content_id(str(subject))
        with transaction(self.store) as session:
            session.add(
                Observation(
                    id=row.observation_id, record=f"{subject}/x", subject=str(subject), subject_hash=subject.hash, source="email",
                    author="customer", text=row.quote, text_hash="t", occurred_at=row.occurred_at, recorded_at=row.recorded_at,
                    lawful_basis="contract", purposes=["write_back"], region="eu", retain_until=row.occurred_at + timedelta(days=999),
                )
            )  # fmt: skip
            session.flush()
            session.add(row)

    def pay(self, currency: str, minor: int, at: datetime) -> None:
        kind, one = self.records["salesforce"][0]
        payer = str(RecordKey("salesforce", self.crms["salesforce"].account, kind, one))
        payment = Payment(payer=payer, kind="charge", amount_minor=minor, currency=currency, occurred_at=at)
        Hand(self.lake).write({currency: [payment]})


@pytest.fixture
def both(salesforce_sandbox, hubspot_sandbox, clock, tmp_path, new_desk) -> Both:
    practices = {
        "salesforce": salesforce.Practice(salesforce_sandbox, clock),
        "hubspot": hubspot.Practice(hubspot_sandbox, clock),
    }
    at = clock.now() - timedelta(days=300)
    (contact,) = practices["salesforce"].contacts(range(1, 2), at, FirstName="Dana", Email="dana@kolbe.example")
    (lead,) = practices["salesforce"].plant("Lead", "00Q", range(1, 2), at, Company="K", Email="dana@kolbe.example")
    (first,) = practices["hubspot"].contacts(range(1, 2), at, email="dana@kolbe.example", firstname="Dana")
    (second,) = practices["hubspot"].contacts(range(2, 3), at, salesforcecontactid=contact)
    records = {
        "salesforce": [("Contact", contact), ("Lead", lead)],
        "hubspot": [("contact", first), ("contact", second)],
    }
    crms: dict[str, Crm] = {name: practice.crm() for name, practice in practices.items()}
    for crm in crms.values():
        provision(crm)
    store = new_desk().store
    seed(store)
    return Both(practices, crms, records, Lake.open(str(tmp_path / "lake")), store, clock, tmp_path / "staging")


@pytest.mark.parametrize("heard", ["salesforce", "hubspot"])
def test_every_live_record_in_both_crms_shows_what_was_said_in_either(both, heard):
    """Each CRM is written by itself, and a second run of either writes nothing."""
    both.hear(heard)
    both.pull()
    for name in ("salesforce", "hubspot"):
        assert both.write(name).records == 2
        (top,) = set(both.shown(name, "top_belief"))
        assert top.startswith("The price is too high")
    assert len(set(both.shown("salesforce", "key") + both.shown("hubspot", "key"))) == 1
    assert [both.write(name).written for name in both.crms] == [0, 0]


@pytest.fixture
def stub() -> Stub:
    """A language model, and every request that it is sent."""
    return Stub(always=answer)


@pytest.fixture
def model(stub, serve) -> Iterator[Extractor]:
    """That model, reached by the vendor's own SDK."""
    address = LanguageModelSettings(name="openai/m", api_key="sk-x", base_url=f"{serve(stub.app)}/v1")
    with open_language_model(address) as opened:
        yield opened


def test_an_account_shows_all_its_people_in_both_crms_whichever_of_them_knows_them(both, model):
    """Lena is a Salesforce contact only: the HubSpot company is told her belief by name, and half a year of silence crosses the same band in both."""
    practice, at = both.practices["salesforce"], both.clock.now() - timedelta(days=300)
    (account,) = practice.plant("Account", "001", range(1, 2), at, Name="Kolbe", Website="https://kolbe.example")
    (lena,) = practice.contacts(range(5, 6), at, AccountId=account, FirstName="Lena", LastName="Voss")
    company = (
        both.practices["hubspot"].sandbox.state.create("companies", {"name": "Kolbe", "domain": "kolbe.example"}).id
    )
    both.ask(lena, "sorry", 150)
    both.pull()
    both.read(model)
    both.records = {"salesforce": [("Account", account)], "hubspot": [("company", str(company))]}
    told = ("key", "people_scored", "belief_count", "top_belief", "summary", "confidence")
    for days, band, score in ((0, "Low", 33), (8, "Medium", 43)):
        both.clock.advance(timedelta(days=days))
        for name in both.crms:
            both.write(name)
        assert both.shown("salesforce", "people_scored") == [1]
        assert "Lena Voss" in both.shown("hubspot", "summary")[0]
        assert [both.shown("hubspot", field) for field in told] == [both.shown("salesforce", field) for field in told]
        for name in both.crms:
            assert (both.shown(name, "alignment_band"), both.shown(name, "alignment_score")) == ([band], [score])


@pytest.mark.slow
def test_while_nothing_happens_nothing_is_read_and_only_crossed_bands_are_written(both, model, stub):
    """Pull, read, write, a day, a week and a month on: no model is asked, no record has a new version, every write names its reason.

    Dana is glad and fades out of High in the month, Lena is sorry and leaves Low in the week, with her account and her deal; Otto was
    glad just now and stays.
    """
    practice, at = both.practices["salesforce"], both.clock.now() - timedelta(days=300)
    dana = both.records["salesforce"][0][1]
    (kolbe,) = practice.plant("Account", "001", range(1, 2), at, Name="Kolbe")
    lena, otto = practice.contacts(range(5, 6), at, AccountId=kolbe) + practice.contacts(range(6, 7), at)
    for one, tone, days in ((dana, "glad", 50), (lena, "sorry", 150), (otto, "glad", 1)):
        both.ask(one, tone, days)
    due = {"StageName": "Prospecting", "CloseDate": "2027-12-01", "AccountId": kolbe}
    (deal,) = practice.plant("Opportunity", "006", range(1, 2), at, Name="Kolbe", **due)
    practice.plant("OpportunityContactRole", "00K", range(1, 2), at, OpportunityId=deal, ContactId=lena)
    both.pull()
    both.read(model)
    assert [both.write(name).records for name in both.crms] == [6, 2]
    assert len(stub.calls) == 3 * len(TOPICS)
    before = {name: both.lake.census(name, "contacts") for name in both.crms}
    told = {}
    for days in (1, 7, 30):
        both.clock.advance(timedelta(days=days))
        both.pull()
        both.read(model)
        told[days] = [one for name in both.crms for one in both.written(name)]
        assert [both.write(name).written for name in both.crms] == [0, 0]
    assert len(stub.calls) == 3 * len(TOPICS)
    assert {name: both.lake.census(name, "contacts") for name in both.crms} == before
    low, high = (
        [("alignment_band", "Low", "Medium"), ("alignment_score", 33, 43)],
        [("alignment_band", "High", "Medium"), ("alignment_score", 67, 62)],
    )
    assert told == {
        1: [],
        7: [(one, *field) for one in (kolbe, lena, deal) for field in low],
        30: [(one, *field) for name in both.crms for _, one in sorted(both.records[name]) for field in high],
    }


@pytest.mark.slow
def test_who_refuses_in_a_data_privacy_record_is_shown_in_neither_crm(both):
    """Every record of hers is emptied once, in the other CRM too, the next run writes nothing, and a refusal taken back shows her again."""
    org = both.practices["salesforce"].sandbox.state
    org.security.protect_data()
    (kind, contact), _ = both.records["salesforce"]
    (refusal,) = both.practices["salesforce"].plant("Individual", "0PK", range(1, 2), both.clock.now())
    org.update_as_user(kind, contact, {"IndividualId": refusal})
    both.hear("hubspot")
    both.pull()
    assert [both.write(name).records for name in both.crms] == [2, 2]
    org.update_as_user("Individual", refusal, {"ShouldForget": True})
    both.clock.advance(timedelta(hours=25))
    both.pull()
    assert [both.write(name).records for name in both.crms] == [2, 2]
    for name in both.crms:
        assert both.shown(name, "top_belief") + both.shown(name, "key") == [None] * 4
    assert [both.write(name).written for name in both.crms] == [0, 0]
    org.update_as_user("Individual", refusal, {"ShouldForget": False})
    both.clock.advance(timedelta(hours=25))
    both.pull()
    assert [both.write(name).records for name in both.crms] == [2, 2]


@pytest.mark.slow
def test_where_consent_is_the_basis_it_is_read_in_hubspot_and_withdrawn_there(both, monkeypatch):
    """Nobody's silence is a yes: nothing is written before her consent is the contact's legal basis, and all is emptied once it is not."""
    monkeypatch.setenv("SIDECAR_TEXT_LAWFUL_BASIS", "consent")
    portal = both.practices["hubspot"].sandbox.state
    _, contact = both.records["hubspot"][1]
    both.hear("salesforce")
    both.pull()
    assert [both.write(name).records for name in both.crms] == [0, 0]
    for basis, records in (("Performance of a contract;Freely given consent from contact", 2), ("Not applicable", 2)):
        portal.update("contacts", contact, {"hs_legal_basis": basis})
        both.clock.advance(timedelta(hours=3))
        both.pull()
        assert [both.write(name).records for name in both.crms] == [records, records]
        assert [both.write(name).written for name in both.crms] == [0, 0]
    assert both.shown("hubspot", "top_belief") + both.shown("salesforce", "key") == [None] * 4


def test_contacts_that_were_merged_are_written_under_their_new_id_alone(both):
    """The survivor is found before the merge is pulled, and what it shows then is what it shows afterwards."""
    both.hear("hubspot")
    both.pull()
    (kind, first), (_, second) = both.records["hubspot"]
    merged = both.practices["hubspot"].sandbox.state.merge("contacts", first, second)
    assert both.write("salesforce").records == 2
    assert both.write("hubspot").records == 1
    both.clock.advance(timedelta(hours=1))
    both.pull()
    both.write("hubspot")
    (shown,) = Fields(both.crms["hubspot"]).read(kind, [first, second, str(merged.id)]).values()
    assert shown["top_belief"]


def test_money_is_in_the_currency_that_each_crm_tells(both):
    """A portal names its own; an org that names none, while payments name two, shows no money."""
    both.pay("eur", 12_050, both.clock.now() - timedelta(days=40))
    both.pay("usd", 99_900, both.clock.now() - timedelta(days=30))
    both.pull()
    for name in both.crms:
        both.write(name)
    assert both.shown("hubspot", "revenue_to_date") == [120.5, 120.5]
    assert both.shown("salesforce", "revenue_to_date") == [None, None]
