"""From facts in a real lake to persons in a real store."""

import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.facts import Identifier, Profile, Scope
from models.identity import Entity, IdentityEvent, Membership, RefusedTie
from models.store import transaction
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.entities import UnknownEntity, members_of, resolve
from pipelines.stitch.explain import why
from pipelines.stitch.membership import SNAPSHOT, snapshot
from pipelines.stitch.stitch import StitchReport, stitch
from tests.pipelines.stitch.conftest import Bench, company, judge, person
from tests.stores import new_store


def run(bench: Bench, scope: Scope = Scope.person) -> StitchReport:
    return stitch(bench.lake, bench.store, bench.clock, scope)


def together(*groups: str) -> set[frozenset[str]]:
    return {frozenset(group.split()) for group in groups}


def test_shared_addresses_and_ids_make_one_person(bench):
    """Case and white space of an address are no difference; an id that another record names is the strongest tie."""
    bench.hand.write(
        {
            "contact": person(email="Jane.Doe@Corp.Example", salesforce_id="003A"),
            "lead": person(email=" jane.doe@corp.example "),
            "customer": person(None, email="private@home.example", salesforce_id="003A"),
            "other": person(email="jane.doe@other.example"),
        }
    )
    report = run(bench)
    assert bench.clusters() == together("contact lead customer", "other")
    assert (report.records, report.entities, report.largest) == (4, 2, 3)


def test_a_record_without_any_identifier_is_a_person_of_its_own(bench):
    """Nobody is lost because nothing is known of them."""
    bench.hand.write({"a": person(), "b": person()})
    run(bench)
    assert bench.clusters() == together("a", "b")


def test_a_record_with_identifiers_but_no_profile_belongs_to_its_person(bench):
    """A guest's payment names an address and nothing else."""
    bench.hand.write(
        {"a": person(email="a@corp.example"), "paid": Identifier.of(Scope.person, "email", "a@corp.example")}
    )
    run(bench)
    assert bench.clusters() == together("a paid")


@pytest.mark.parametrize(
    "identifier",
    [
        {"email": "info@corp.example"}, {"email": "no-reply@corp.example"}, {"email": "billing+42@corp.example"},
        {"email": "test@test.com"}, {"email": "jane@example.com"}, {"phone": "+49 0000000000"}, {"phone": "+1 999 999 9999"},
        {"external_id": "null"}, {"external_id": "-1"}, {"external_id": "0000"}, {"shoe_size": "42"},
    ],
)  # fmt: skip
def test_values_that_say_nothing_join_nobody(bench, identifier):
    """Role mailboxes, test domains, placeholders and kinds without a rule."""
    bench.hand.write({"a": person(**identifier), "b": person(**identifier)})
    report = run(bench)
    assert bench.clusters() == together("a", "b")
    assert sum(report.values.values()) == report.values.get("blocked", 0) + report.values.get("unruled", 0)


def test_a_value_on_too_many_records_joins_nobody(bench):
    """A hub is no identity, however good it looks."""
    bench.hand.write({f"r{n}": person(f"Person {n}", email="shared@corp.example") for n in range(21)})
    report = run(bench)
    assert len(bench.clusters()) == 21
    assert report.values == {"hub": 1}


def test_bad_input_joins_nobody_it_should_not_and_is_counted(bench):
    """One phone on 500 people of one name, a shared mailbox, and columns that were swapped: the latter are read for what they are."""
    crowd = {f"p{n:03d}": person("Jane Doe", phone="+14155550100") for n in range(500)}
    mailbox = {f"m{n}": person(f"Clerk {n}", email="info+news@corp.example") for n in range(3)}
    swapped = {
        "right": person("John Roe", email="john@corp.example", phone="+442079460001"),
        "wrong": person("John Roe", email="+44 20 7946 0001", phone="john@corp.example"),
    }
    bench.hand.write(crowd | mailbox | swapped)
    report = run(bench)
    assert report.entities == 500 + 3 + 1
    assert {"right", "wrong"} in bench.clusters()
    assert report.values == {"used": 2, "hub": 1, "blocked": 2, "misplaced": 1}


def test_a_clerks_address_in_everybodys_record_is_refused_and_waits_for_review(bench):
    """Each keeps what is theirs; the ties that were cut are named with the value masked, and a further run leaves them as they are."""
    own = {
        f"{name}{n}": person(
            f"Person {n}", email=[f"own{n}@corp.example", *(["clerk@shop.example"] if name == "a" else [])]
        )
        for n in range(12)
        for name in "ab"
    }
    bench.hand.write(own)
    report = run(bench)
    assert bench.clusters() == together(*(f"a{n} b{n}" for n in range(12)))
    assert report.refused == {"too_many_values": 11}
    ties = bench.rows(RefusedTie)
    assert {(tie.kind, tie.value, tie.cause, tie.stitch_version) for tie in ties} == {
        ("email", "c***@shop.example", "too_many_values", report.version)
    }
    assert not run(bench).changed
    bench.hand.write({f"a{n}": person(f"Person {n}", email=f"own{n}@corp.example") for n in range(12)})
    assert run(bench).changes["quarantine"] == 11
    assert bench.rows(RefusedTie) == []


def test_addresses_of_colleagues_join_nobody(bench):
    """A rep who typed their own address into a lead does not become the customer."""
    internal = [Profile(scope=Scope.internal, name="Rep"), *Identifier.of(Scope.internal, "email", "rep@us.example")]
    bench.hand.write({"rep": internal, "a": person(email="REP@us.example"), "b": person(email="rep@us.example")})
    report = run(bench)
    assert bench.clusters() == together("a", "b")
    assert report.values == {"internal": 1}


def test_an_office_phone_joins_equal_names_only(bench):
    """Colleagues share a switchboard; the same name behind it is the same person."""
    office = "+44 20 7946 0001"
    bench.hand.write(
        {
            "jane": person("Jane Doe", phone=office), "twin": person("DOE, Jane", phone="+442079460001"),
            "john": person("John Roe", phone=office), "nameless": person(None, phone=office),
        }
    )  # fmt: skip
    run(bench)
    assert bench.clusters() == together("jane twin", "john", "nameless")


def test_a_tagged_address_is_its_plain_mailbox(bench):
    """`jane+shop@` is read by jane; a tag on a role mailbox does not make it a person."""
    bench.hand.write(
        {
            "a": person(email="jane+shop@corp.example"), "b": person(email="jane+news@corp.example"),
            "c": person(email="jane@corp.example"), "d": person(email="+jane@corp.example"),
            "e": person(email="info+1@corp.example"), "f": person(email="info+2@corp.example"),
        }
    )  # fmt: skip
    run(bench)
    assert bench.clusters() == together("a b c", "d", "e", "f")


def test_a_unicode_domain_meets_its_ascii_form(bench):
    """A vendor may keep either form of an international domain."""
    bench.hand.write({"a": person(email="käthe@bücher.example"), "b": person(email="KÄTHE@xn--bcher-kva.example")})
    run(bench)
    assert bench.clusters() == together("a b")


def test_two_values_of_a_one_ever_kind_are_two_people(bench):
    """What says most breaks the tie of what says less: the e-mail goes, and the stronger tie decides who keeps whom."""
    bench.hand.write(
        {
            "a": person(external_id="u1", email="shared@corp.example"),
            "b": person(external_id="u2", email="shared@corp.example"),
            "c": person(external_id="u2"),
        }
    )
    report = run(bench)
    assert bench.clusters() == together("a", "b c")
    assert report.refused == {"one_ever": 1}


def test_companies_with_one_web_site_are_one_if_their_names_agree(bench):
    """A duplicate is written with its legal form; a subsidiary has a name of its own; freemail is nobody's site."""
    bench.hand.write(
        {
            "a": company("Acme", domain="https://www.acme.example"), "b": company("ACME GmbH", domain="acme.example/en"),
            "sub": company("Acme Robotics", domain="acme.example"),
            "x": company("Solo", domain="gmail.com"), "y": company("Solo", domain="gmail.com"),
        }
    )  # fmt: skip
    run(bench, Scope.account)
    assert bench.clusters(Scope.account) == together("a b", "sub", "x", "y")


def test_a_second_stitch_of_the_same_facts_writes_nothing(bench):
    """Same version, no event, not one file in the lake."""
    bench.hand.write({"a": person(email="a@corp.example"), "b": person(email="a@corp.example"), "c": person()})
    first = run(bench)
    files = sorted((bench.lake.tables.folder / "derived").rglob("*"))
    rows = bench.rows(Membership), bench.rows(IdentityEvent), bench.rows(Entity)
    second = run(bench)
    assert first.changed
    assert not second.changed
    assert second.version == first.version
    assert rows == (bench.rows(Membership), bench.rows(IdentityEvent), bench.rows(Entity))
    assert files == sorted((bench.lake.tables.folder / "derived").rglob("*"))


def test_ids_survive_growing_merging_and_splitting(bench):
    """An id stays with its person and leads to whoever took the person over; once the merge is undone, it names its person again."""
    bench.hand.write(
        {"a": person(email="a@corp.example"), "b": person(email="b@corp.example"), "c": person(email="b@corp.example")}
    )
    run(bench)
    first = bench.membership()
    small, large = first[bench.hand.key("a")], first[bench.hand.key("b")]
    bench.hand.write({"a": person(email=["a@corp.example", "b@corp.example"])})
    merged = run(bench)
    assert set(bench.membership().values()) == {large}
    assert merged.changes["merge"] == 1
    with transaction(bench.store) as session:
        assert resolve(session, small) == large
        assert members_of(session, small) == [bench.hand.key(name) for name in "abc"]
    bench.hand.write({"a": person(email="a@corp.example")})
    split = run(bench)
    assert bench.clusters() == together("a", "b c")
    assert bench.membership()[bench.hand.key("b")] == large
    assert bench.membership()[bench.hand.key("a")] == small
    assert (split.changes["split"], split.changes["revive"]) == (1, 1)
    with transaction(bench.store) as session:
        assert resolve(session, small) == small


def test_a_record_deleted_at_the_vendor_leaves_and_its_person_still_resolves(bench):
    """Whoever kept the id of somebody who is gone is told that nobody is left, not that nobody ever was."""
    bench.hand.write({"a": person(email="a@corp.example"), "b": person()})
    run(bench)
    gone = bench.membership()[bench.hand.key("b")]
    bench.hand.write({}, gone=["b"])
    report = run(bench)
    assert bench.clusters() == together("a")
    assert report.changes["gone"] == 1
    assert not run(bench).changed
    with transaction(bench.store) as session:
        assert resolve(session, gone) == gone
        assert members_of(session, gone) == []
        with pytest.raises(UnknownEntity, match="no person or account 'nobody'"):
            resolve(session, "nobody")


def test_what_a_human_told_apart_stays_apart(bench):
    """A shared address does not bring them together again, not over a third record and not in the next run."""
    bench.hand.write({name: person(email="a@corp.example") for name in "abc"})
    run(bench)
    judge(bench, "a", "b", same=False)
    run(bench)
    assert len(bench.clusters()) == 2
    assert not any({"a", "b"} <= cluster for cluster in bench.clusters())
    assert not run(bench).changed


def test_what_a_human_joined_stays_joined_until_decided_otherwise(bench):
    """Nothing in common is no obstacle; the latest decision on a pair counts."""
    bench.hand.write({"a": person("Jane"), "b": person("Janet")})
    judge(bench, "b", "a", same=True)
    run(bench)
    assert bench.clusters() == together("a b")
    assert not run(bench).changed
    judge(bench, "a", "b", same=False)
    run(bench)
    assert bench.clusters() == together("a", "b")


def test_a_judgement_waits_for_records_that_are_gone(bench):
    """It binds again when they return."""
    judge(bench, "a", "b", same=True)
    bench.hand.write({"a": person()})
    run(bench)
    bench.hand.write({"b": person()})
    run(bench)
    assert bench.clusters() == together("a b")


def test_a_record_that_turns_into_a_company_changes_sides(bench):
    """It is never both, in whichever order the scopes are stitched."""
    bench.hand.write({"a": person(email="a@corp.example"), "b": person(email="a@corp.example")})
    run(bench)
    bench.hand.write({"a": company("Acme")})
    run(bench, Scope.account)
    run(bench)
    assert bench.clusters() == together("b")
    assert bench.clusters(Scope.account) == together("a")


class Meanwhile(logging.Handler):
    """Does something else, once, when a stitch says that it has read its records."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act: Callable[[], object] | None = act

    def emit(self, record: logging.LogRecord) -> None:
        if self._act is not None and record.getMessage().startswith("stitch person: records"):
            act, self._act = self._act, None
            act()


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], object]], None]]:
    """Has something done while the next stitch reads."""
    handlers: list[Meanwhile] = []

    def arrange(act: Callable[[], object]) -> None:
        handlers.append(Meanwhile(act))
        progress.logger.addHandler(handlers[-1])

    level = progress.logger.level
    progress.logger.setLevel(logging.INFO)
    yield arrange
    progress.logger.setLevel(level)
    for handler in handlers:
        progress.logger.removeHandler(handler)


def test_of_two_stitches_at_once_the_one_that_read_earlier_takes_nothing_back(bench, meanwhile):
    """Somebody merges by hand while the job runs: who came in meanwhile keeps the id that the other stitch gave."""
    bench.hand.write({"a": person(email="a@corp.example")})
    other = Bench(Lake.open(bench.lake.tables.root), bench.store, bench.clock, bench.hand)

    def news() -> None:
        bench.hand.write({"b": person(email="b@corp.example")})
        run(other)

    meanwhile(news)
    run(bench)
    kept = bench.membership()
    assert set(kept) == {bench.hand.key(name) for name in "ab"}
    assert not run(bench).changed
    assert bench.membership() == kept
    created = [event.to_id for event in bench.rows(IdentityEvent) if event.kind == "create"]
    assert sorted(created) == sorted(kept.values())


def test_the_snapshot_follows_the_store(bench):
    """A crash between the store's transaction and the lake's commit is mended by the next stitch."""
    bench.hand.write({"a": person(email="a@corp.example"), "b": person(email="a@corp.example")})
    run(bench)
    old = bench.lake.table(SNAPSHOT).to_pyarrow()
    bench.hand.write({"c": person()})
    run(bench)
    bench.lake.replace(SNAPSHOT, old, version=1)
    assert snapshot(bench.lake, bench.store)
    assert not snapshot(bench.lake, bench.store)
    rows = bench.lake.table(SNAPSHOT).to_pyarrow().to_pylist()
    assert {row["record"]: row["entity_id"] for row in rows} == bench.membership()


def test_the_snapshot_follows_another_store(bench, tmp_path):
    """A store that was lost or set back counts its stitches anew, up to the number that the lake holds already."""
    bench.hand.write({"a": person(email="a@corp.example"), "b": person(email="a@corp.example")})
    run(bench)
    bench.clock.advance(timedelta(hours=1))
    anew = replace(bench, store=new_store(tmp_path, "anew"))
    run(anew)
    rows = bench.lake.table(SNAPSHOT).to_pyarrow().to_pylist()
    assert {row["record"]: row["entity_id"] for row in rows} == anew.membership() != bench.membership()


def test_why_names_every_tie_on_the_way_and_no_whole_value(bench):
    """The answer can be read aloud to the customer's colleague."""
    bench.hand.write(
        {
            "a": person(email="jane.doe@corp.example"),
            "b": person(email="jane.doe@corp.example", phone="+14155550101"),
            "c": person(phone="+1 415 555 0101"),
            "d": person("John Roe"),
            "e": person("J. Roe"),
        }
    )
    judge(bench, "d", "e", same=True)
    run(bench)
    key = bench.hand.key
    with transaction(bench.store) as session:
        told = [str(step) for step in why(session, key("a"), key("c")).steps]
        assert told == [
            "toy thing a and toy thing b share the e-mail address j***@corp.example",
            "toy thing b and toy thing c share the phone number …0101",
        ]
        assert [step.kind for step in why(session, key("c"), key("a")).steps] == ["phone", "email"]
        assert "judged to be the same" in str(why(session, key("e"), key("d")).steps[0])
        assert why(session, key("a"), key("a")).steps == ()
        assert not why(session, key("a"), key("d")).together
        with pytest.raises(UnknownEntity):
            why(session, key("a"), key("z"))


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shares=st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_the_order_in_which_records_arrive_does_not_matter(tmp_path_factory, shares, seed):
    """The same records give the same persons, the same explanations and no event, however they were shuffled."""
    bench = fresh(tmp_path_factory)
    facts = {
        f"r{n:02d}": person(email=[f"m{value}@corp.example" for value in values]) for n, values in enumerate(shares)
    }
    bench.hand.write(facts)
    run(bench)
    before = bench.clusters()
    shuffled = list(facts)
    random.Random(seed).shuffle(shuffled)  # an order, no secret
    bench.hand.write({name: facts[name] for name in shuffled})
    assert not run(bench).changed
    assert bench.clusters() == before


def fresh(factory: pytest.TempPathFactory) -> Bench:
    from tests.pipelines.stitch.conftest import open_bench

    return open_bench(factory.mktemp("bench"))
