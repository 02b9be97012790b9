"""Forgetting a person: what goes, what stays, and that nothing of it ends half way or comes back."""

from contextlib import contextmanager

import pyarrow as pa
import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from models import (
    Audit,
    Baseline,
    Belief,
    Engagement,
    Erasure,
    Forgotten,
    Identifier,
    IntendedWrite,
    Profile,
    Purpose,
    RecordKey,
    Scope,
    Verdict,
    WritePlan,
)
from models.store import transaction
from pipelines.ingest import tables
from pipelines.ingest.payload import dump
from pipelines.ingest.schemas import RAW
from pipelines.stitch.derived import JOURNEYS
from pipelines.understand.observations import collect_observations
from pipelines.write_back.held import as_json
from service import forgetting
from service.errors import UsageError
from tests.conftest import NOW
from tests.dying import READING
from tests.pipelines.stitch.conftest import land_facts
from tests.pipelines.understand.conftest import key
from tests.traces import traces

MAIL = "dana@kolbe.example"
WORDS = "The price is too high for us."
OTHERS = "I feel ignored since onboarding."
ENOUGH = 30
"""Deaths; whoever dies as often gets nowhere."""
TRACES = (MAIL, "Dana Kolbe", WORDS, "price is too high")


def contact(name: str, mail: str) -> list:
    return [
        Profile(scope=Scope.person, name=name, email=mail),
        *Identifier.of(Scope.person, "email", mail),
    ]


class Died(BaseException):
    """The process is gone, right after a commit."""


@contextmanager
def mortal(store, monkeypatch):
    """Whoever commits a change to the store, or to a table of the lake, dies of it."""

    def change(connection, _cursor, statement, *_):
        if not statement.lstrip().upper().startswith(READING):
            connection.info["changed"] = True

    def die(session):
        session.flush()
        if session.connection().info.pop("changed", False):
            session.info["dies"] = True

    def dead(session):
        if session.info.pop("dies", False):
            raise Died

    def committed(*arguments, **options):
        commit(*arguments, **options)
        raise Died

    commit, hooks = (
        tables.DeltaTable.create_write_transaction,
        [(Session, "before_commit", die), (Session, "after_commit", dead)],
    )
    event.listen(store, "before_cursor_execute", change)
    for hook in hooks:
        event.listen(*hook)
    monkeypatch.setattr(tables.DeltaTable, "create_write_transaction", committed)
    try:
        yield
    finally:
        for hook in hooks:
            event.remove(*hook)
        event.remove(store, "before_cursor_execute", change)


@pytest.fixture
def told(office):
    """Dana and Otto, each with words and a journey, and a call with both."""
    world = office.world
    world.person("person-otto", key("Contact", "otto"))
    both = [Engagement(subject=key("Contact", who), kind="meeting", occurred_at=NOW) for who in ("dana", "otto")]
    world.land(
        ("Contact/dana", {"Name": "Dana Kolbe", "Email": MAIL}, contact("Dana Kolbe", MAIL)),
        ("Contact/otto", {"Name": "Otto"}, contact("Otto", "otto@kolbe.example")),
        ("Event/both", {"Subject": "Kick-off"}, both),
        ("Invoice/unpaid", {"to": MAIL}, []),
    )
    world.say("1", WORDS)
    world.say("2", OTHERS, who="otto")
    collect_observations(world.lake, world.store, world.clock)
    world.lake.replace(JOURNEYS.name, JOURNEYS.schema.empty_table())
    return office


def held(office, *words: str) -> set[str]:
    return traces(office.models.workspace.settings.home, office.world.store, words or TRACES)


def test_everything_of_theirs_goes_and_what_others_said_stays(told):
    """No file, no row and no log holds a word of it; a call with somebody else does stay, and so do their beliefs."""
    told.think()
    belief = told.read().beliefs[0]
    told.models.review(belief.id, Verdict.disagree, purpose=Purpose.sales, correction="Dana Kolbe finds the price fair")
    assert {"observation", "evidence", "review"} <= held(told)
    outcome = told.models.forget(MAIL)
    assert (outcome.waiting, outcome.refused) == ([], ())
    assert outcome.rows > 8
    assert held(told) == set()
    assert "observation" in held(told, OTHERS)
    assert {one.person_id for one in told.world.rows(Belief)} == {"person-otto"}
    lake = told.world.lake
    assert lake.facts(Engagement).count().to_pyarrow().as_py() == 2
    assert lake.table(JOURNEYS.name) is None
    with pytest.raises(UsageError):
        told.read(MAIL)


def test_what_would_go_is_counted_first_and_nothing_is_changed(told):
    """By table of lake and store; records of others that name them are listed, and stay."""
    told.world.say("3", f"Ask {MAIL}, she knows.", who="otto")
    found = forgetting.found_of(told.models.workspace, "person-dana")
    assert set(found.records) == {key(*name.split("/")) for name in ("Contact/dana", "Task/1", "Invoice/unpaid")}
    assert found.mentions == [key("Task", "3")]
    assert found.lake["raw/salesforce/records"] == 3
    assert found.store == {"observation": 1, "membership": 1}
    assert held(told)


def test_a_second_time_finds_nothing_left_to_do(told):
    """Nor does the record that somebody asked for first; only hashes, and who decided, are kept."""
    told.models.forget(MAIL)
    for name in (MAIL, f" {MAIL.upper()} ", key("Contact", "dana"), "person-dana"):
        assert told.models.forget(name) == forgetting.Outcome(0, [], ())
    (audit,) = [row for row in told.world.rows(Audit) if row.action == "forget"]
    assert (audit.actor, audit.purpose) == ("tester", "subject")
    (erasure,) = told.world.rows(Erasure)
    assert erasure.done_at == told.world.clock.now()
    assert all(isinstance(row.hash, int) for row in told.world.rows(Forgotten))


def test_who_asks_for_somebody_forgotten_is_told_so(told):
    """By a person id, one that they took over included, with the day; an address and a record are known by their hash only."""
    told.models.forget(MAIL)
    for name in ("person-dana", "person-old"):
        with pytest.raises(UsageError, match=f"'{name}' was forgotten on {told.world.clock.now():%Y-%m-%d}"):
            told.read(name)
    for name in (MAIL, key("Contact", "dana")):
        with pytest.raises(UsageError, match="names somebody who was forgotten"):
            told.read(name)


def test_decided_and_died_the_next_one_ends_it(told):
    """Whoever is asked next, and whoever is asked about."""
    workspace = told.models.workspace
    forgetting.decide(workspace, forgetting.found_of(workspace, MAIL), actor="cli")
    assert held(told)
    assert forgetting.carry_out(workspace).waiting == []
    assert held(told) == set()


def test_killed_after_every_commit_the_runs_that_follow_end_it(told, monkeypatch):
    """Each run gets one commit of the store or the lake further; decided first, done last, and then nothing is left."""
    workspace, deaths = told.models.workspace, 0
    forgetting.decide(workspace, forgetting.found_of(workspace, MAIL), actor="cli")
    with mortal(workspace.store, monkeypatch):
        while deaths < ENOUGH:
            try:
                outcome = forgetting.carry_out(workspace)
                break
            except Died:
                deaths += 1
    assert 5 < deaths < ENOUGH
    assert outcome.waiting == []
    assert held(told) == set()
    assert "observation" in held(told, OTHERS)


def test_who_shares_an_address_with_somebody_takes_only_their_own_along(told):
    """The address stays with the other person, and brings them no harm."""
    told.world.land(("Contact/otto", {"Name": "Otto", "Email": MAIL}, contact("Otto", MAIL)))
    found = forgetting.found_of(told.models.workspace, "person-dana")
    assert found.identifiers == frozenset()
    assert key("Contact", "otto") in found.mentions


def test_somebody_who_was_deleted_at_the_vendor_can_be_forgotten_still(told):
    """The change log remembers what its vendor does not."""
    gone = "eva@kolbe.example"
    told.world.land(("Contact/eva", {"Email": gone}, contact("Eva Lind", gone)))
    told.world.land(("Contact/eva", {"Email": gone}, []), deleted=True)
    told.models.forget(gone)
    assert held(told, gone, "Eva Lind") == set()
    assert held(told)


def test_what_a_crm_shows_of_them_keeps_the_erasure_open(told):
    """It is empty once the CRM is; until then the ledger says where it stands."""
    world, now = told.world, told.world.clock.now()
    shown = {"record": key("Contact", "dana"), "field": "BLF_Summary__c", "value_hash": "h"}
    words = f'"{WORDS}"'
    with transaction(world.store) as session:
        session.add(WritePlan(id="p", crm="salesforce", account="org", created_at=now, counts={}))
        session.flush()
        session.add(
            IntendedWrite(
                id="w", plan_id="p", entity_id="person-dana", state="ok", reason="x", new_value=words, **shown
            )
        )
        session.add(Baseline(value=words, write_id="w", acknowledged_at=now, **shown))
    outcome = told.models.forget(MAIL)
    assert [one.shown for one in outcome.waiting] == [[key("Contact", "dana")]]
    assert "No CRM is set up" in outcome.refused[0]
    assert {place for place in held(told) if not place.startswith("store.db")} == {"baseline", "intended_write"}


def paid(world, stream: str, **payload) -> str:
    """Stripe tells of an object, and the lake keeps it; its key."""
    record = RecordKey("stripe", "acct", stream.removesuffix("s"), payload["id"])
    at = {"updated_at": NOW, "pulled_at": NOW, "batch": 0, "deleted": False, "payload_hash": 1}
    row = {**record._asdict(), "record": str(record), "record_hash": record.hash, **at, "payload": dump(payload)[0]}
    world.lake.append_raw("stripe", stream, pa.Table.from_pylist([row], schema=RAW).to_reader(), 1)
    return str(record)


def test_what_is_read_as_nothing_and_names_a_record_of_theirs_goes_with_what_names_that(told):
    """A dispute that was won and a charge that was declined are no payments, but theirs; so is what the balance says of them.

    The pull would hold the same ones back.
    """
    world = told.world
    customer = {"created": 1, "object": "customer", "email": MAIL}
    theirs = [paid(world, "customers", id="cus_dana", **customer)]
    address = Identifier.of(Scope.person, "email", MAIL)
    named = {"vendor": "stripe", "account": "acct", "object": "customer", "id": "cus_dana", "batch": 1}
    rows = [
        {**named, "record": theirs[0], "record_hash": RecordKey.parse(theirs[0]).hash, **one.model_dump()}
        for one in address
    ]
    land_facts(world.lake, Identifier, ("stripe", "customers"), rows, 1)
    world.person("person-dana", theirs[0])
    money = {"amount": 100, "currency": "eur", "created": 1}
    charge = {"id": "ch_1", "customer": "cus_dana"}
    theirs += [
        paid(world, "disputes", id="du_won", status="won", charge=charge, **money),
        paid(world, "charges", id="ch_declined", status="failed", customer="cus_dana", note="", **money),
        paid(world, "balance_transactions", id="txn_won", source="du_won", **money),
    ]
    paid(world, "disputes", id="du_other", status="won", charge={"id": "ch_2", "customer": "cus_otto"}, **money)
    paid(world, "balance_transactions", id="txn_other", source="du_other", **money)
    found = forgetting.found_of(told.models.workspace, "person-dana")
    assert {one for one in found.records if one.startswith("stripe/")} == set(theirs)
    assert found.lake["raw/stripe/disputes"] == 1
    told.models.forget("person-dana")
    assert held(told, "cus_dana", "du_won") == set()
    assert held(told, "du_other") != set()


def written(world, *rows: dict) -> None:
    """One plan that wrote these rows, of which each says what is unlike the others."""
    told = {"plan_id": "p", "record": key("Account", "kolbe"), "entity_id": "account-kolbe", "field": "BLF_Summary__c"}
    with transaction(world.store) as session:
        session.add(WritePlan(id="p", crm="salesforce", account="org", created_at=world.clock.now(), counts={}))
        session.flush()
        session.add_all(
            IntendedWrite(**{**told, "value_hash": "h", "state": "ok", "reason": "x", **row}) for row in rows
        )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ('Robert "Bob" Smith', 'Blocks: Robert "Bob" Smith - price.'),
        ("Ann  Lee", "Ann  Lee: The price is too high (sure)"),
        ("Ann  Lee", "Ann Lee: The price is too high (sure)"),
        ("Zoë <b>Ünal", "Silent: Zoë \u2039b>Ünal."),
        ("Madonna", "Backs: Otto - value.\nMadonna - price."),
    ],
)
def test_a_field_of_others_names_them_in_the_form_in_which_the_crm_holds_it(told, name, value):
    """Quotes are escaped in the ledger, blanks are joined, tags do not open; one word is a name where it stands alone."""
    told.world.land(("Contact/dana", {"Name": name}, contact(name, MAIL)))
    other = "Madonnas of all ages; one of robert's smiths"
    written(told.world, {"id": "theirs", "new_value": as_json(value)}, {"id": "other", "new_value": as_json(other)})
    assert forgetting.found_of(told.models.workspace, MAIL).naming == ["theirs"]


def test_a_record_that_told_what_they_believe_is_known_by_its_beliefs(told):
    """Their name was never known there, or another: the stamp of the plan says when the record tells something else."""
    told.think()
    (belief,) = told.read().beliefs
    rows = [("words", as_json("CFO: the price is too high")), ("score", "40"), ("stamp", as_json("p"))]
    others = {"id": "other", "record": key("Account", "other"), "new_value": as_json("p"), "belief_ids": ["another"]}
    written(told.world, *({"id": id_, "new_value": value, "belief_ids": [belief.id]} for id_, value in rows), others)
    assert forgetting.found_of(told.models.workspace, MAIL).naming == ["stamp"]


def test_a_note_that_writes_their_name_with_quotes_is_a_mention(told):
    """As their own record has it, or with single blanks."""
    name = 'Dana  "Dany" Kolbe'
    told.world.land(("Contact/dana", {"Name": name}, contact(name, MAIL)))
    told.world.say("3", 'Ask Dana "Dany" Kolbe.', who="otto")
    assert forgetting.found_of(told.models.workspace, MAIL).mentions == [key("Task", "3")]


@pytest.mark.parametrize("words", ["--json", "plain"])
def test_the_command_asks_before_it_does_anything(door, words):
    """Without --yes and without anybody at the terminal it refuses; of nobody it says so."""
    answer = door.ask("forget", "nobody@kolbe.example", *(["--json"] if words == "--json" else []))
    assert answer.code == 2
    assert "No person is known" in answer.said
