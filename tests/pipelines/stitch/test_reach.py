"""A stitch that looks at what a change can reach decides what one that looks at everything would."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, delete, select

from models.facts import Fact, Identifier, Profile, Scope
from models.identity import Judgement, Membership, RefusedTie
from models.keys import stable_hash
from models.store import transaction
from pipelines.ingest.anew import read_anew
from pipelines.ingest.lake import Lake
from pipelines.stitch import rulebook
from pipelines.stitch import stitch as stitching
from pipelines.stitch.clusters import cluster
from pipelines.stitch.membership import SNAPSHOT, look_anew
from pipelines.stitch.reach import everything
from pipelines.stitch.stitch import StitchReport, _attempt, gather, judgements, stitch
from tests.pipelines.ingest.scripted import read_otherwise
from tests.pipelines.stitch.conftest import ENGINE, Bench, Hand, company, judge, land_facts, open_bench, person


def run(bench: Bench, scope: Scope = Scope.person) -> StitchReport:
    return stitch(bench.lake, bench.store, bench.clock, scope)


def limit(bench: Bench, most: int, kinds: Sequence[str] = ()) -> None:
    """No value of these kinds, or of any, may join more records."""
    with transaction(bench.store) as session:
        for rule in rulebook.rulebook(session).of(Scope.person):
            if not kinds or rule.kind in kinds:
                decision = rulebook.Decision("ann", "few", bench.clock.now())
                rulebook.decide(session, replace(rule, max_records=most), decision)


def take_back(bench: Bench) -> None:
    """Whatever humans decided holds no more."""
    with transaction(bench.store) as session:
        for row in session.exec(select(Judgement)):
            row.superseded_at = bench.clock.now()
            session.add(row)


def forget(bench: Bench, name: str) -> None:
    """What an erasure does to lake and store."""
    record = bench.hand.key(name)
    with transaction(bench.store) as session:
        look_anew(session, bench.clock.now())
    bench.lake.erase([stable_hash(record)])
    with transaction(bench.store) as session:
        look_anew(session, bench.clock.now())
        session.execute(delete(Membership).where(col(Membership.record) == record))
        for model in (Judgement, RefusedTie):
            session.execute(delete(model).where((col(model.left) == record) | (col(model.right) == record)))


def at_once(bench: Bench, scope: Scope = Scope.person) -> set[frozenset[str]]:
    """Who would be together if everything were looked at; writes nothing."""
    with transaction(bench.store) as session:
        material = gather(bench.lake, rulebook.rulebook(session), scope, everything(bench.lake))
        clusters = cluster(material.people, material.found, *judgements(session, material.people), material.rules)
    found: dict[int, set[str]] = {}
    for record, label in zip(material.people["record"].to_pylist(), clusters.forest.label.tolist(), strict=True):
        found.setdefault(label, set()).add(record.rsplit("/", 1)[1])
    return {frozenset(names) for names in found.values()}


def via(bench: Bench) -> dict[str, tuple[str | None, str | None]]:
    return {row.record: (row.via_record, row.via_value) for row in bench.rows(Membership)}


def pair(name: str, **more: str) -> dict[str, list[Fact]]:
    """Two records of one person."""
    return {f"{name}{n}": person(name, email=f"{name}@corp.example", **more) for n in (1, 2)}


def test_only_what_hangs_together_with_a_change_is_looked_at(bench):
    """Also what hung together with it before; what is far away keeps its id and is not read."""
    bench.hand.write({**pair("jane"), **pair("john"), **pair("mary")})
    assert run(bench).looked_at == 6
    far = bench.membership()
    bench.hand.write({"jane1": person("jane", email="john@corp.example")})
    report = run(bench)
    assert (report.records, report.looked_at, report.entities, report.sizes) == (6, 4, 3, {1: 1, 2: 1, 3: 1})
    assert bench.clusters() == {
        frozenset({"jane1", "john1", "john2"}),
        frozenset({"jane2"}),
        frozenset({"mary1", "mary2"}),
    }
    assert all(bench.membership()[bench.hand.key(name)] == far[bench.hand.key(name)] for name in ("mary1", "mary2"))
    assert bench.lake.table(SNAPSHOT).count().to_pyarrow().as_py() == 6


def test_where_nothing_landed_nothing_is_looked_at(bench):
    bench.hand.write({**pair("jane"), "deleted": person(email="x@corp.example")})
    run(bench)
    report = run(bench)
    assert (report.looked_at, report.records, report.changed) == (0, 3, False)
    bench.hand.write({}, gone=["deleted"])
    report = run(bench)
    assert (report.looked_at, report.records, report.changes["gone"]) == (0, 2, 1)


def test_once_a_day_everything_is_looked_at(bench):
    bench.hand.write(pair("jane"))
    run(bench)
    bench.clock.advance(timedelta(days=1))
    bench.hand.write(pair("john"))
    assert run(bench).looked_at == 4


def test_the_day_is_that_on_which_the_look_began(bench):
    """One that reads before midnight and writes after it is yesterday's."""
    bench.clock.advance(timedelta(days=1) - timedelta(hours=9, seconds=1))
    begun = bench.clock.now()
    bench.hand.write(pair("jane"))
    assert _attempt(bench.lake, bench.store, begun, Scope.person)
    bench.clock.advance(timedelta(seconds=2))
    bench.hand.write(pair("john"))
    assert run(bench).looked_at == 4


def test_a_day_without_changes_is_looked_at_once(bench):
    bench.hand.write(pair("jane"))
    run(bench)
    bench.clock.advance(timedelta(days=1))
    assert (run(bench).looked_at, run(bench).looked_at) == (2, 0)


def test_where_the_lake_has_lost_its_snapshot_nothing_is_missed(bench):
    """As after a crash between store and lake, and where other tables of it are made anew before."""
    bench.hand.write({**pair("jane"), **pair("john")})
    run(bench)
    bench.lake.tables.drop(f"derived/{SNAPSHOT}")
    bench.hand.write({"jane1": person("jane", email="john@corp.example")})
    assert run(bench).looked_at == 4
    assert bench.clusters() == {frozenset({"jane1", "john1", "john2"}), frozenset({"jane2"})}


@pytest.mark.parametrize("first", [Scope.person, Scope.account])
def test_an_erasure_has_everything_looked_at_in_both_scopes(bench, first):
    """Whichever is stitched first: the value that one record fewer has may join now."""
    limit(bench, 2)
    bench.hand.write({**{f"r{n}": person(None, email="desk@corp.example") for n in range(3)}, "firm": company("Firm")})
    run(bench)
    run(bench, Scope.account)
    forget(bench, "r2")
    second = Scope.account if first == Scope.person else Scope.person
    assert sorted([run(bench, first).looked_at, run(bench, second).looked_at]) == [1, 2]
    assert bench.clusters() == {frozenset({"r0", "r1"})}


def test_an_erasure_while_a_stitch_reads_begins_it_anew(bench, monkeypatch):
    """Or else the stitch would write down again who has just been forgotten."""
    bench.hand.write(pair("jane"))
    real, times = stitching.gather, []

    def slow(*args):
        material = real(*args)
        if not times:
            times.append(1)
            forget(bench, "jane2")
        return material

    monkeypatch.setattr(stitching, "gather", slow)
    run(bench)
    assert bench.clusters() == {frozenset({"jane1"})}


def test_a_lake_that_was_made_anew_is_looked_at_as_a_whole(bench, tmp_path):
    """Batches are counted anew in it: that of a change may have a number that the old lake had passed."""
    for name in "abc":
        bench.hand.write(pair(name))
    run(bench)
    lake = Lake.open(str(tmp_path / "anew"), engine=ENGINE)
    anew = replace(bench, lake=lake, hand=Hand(lake))
    anew.hand.write({**pair("a"), **pair("b"), **pair("c")})
    assert run(anew).looked_at == 6
    anew.hand.write({}, gone=["a1"])
    assert run(anew).changes["gone"] == 1


def test_a_stream_that_is_read_as_one_more_fact_is_looked_at_again(bench):
    """A connector learns to read identifiers from records whose profiles it knew; nothing new has landed."""
    bench.hand.write({name: [Profile(scope=Scope.person, name="Jane Doe")] for name in "ab"})
    run(bench)
    source = {name: bench.hand._source(name) for name in "ab"}
    (found,) = Identifier.of(Scope.person, "email", "jane@corp.example")
    rows = [{**source[name], "batch": 1, **found.model_dump()} for name in "ab"]
    land_facts(bench.lake, Identifier, ("toy", "things"), rows, 1)
    assert run(bench).looked_at == 2
    assert bench.clusters() == {frozenset("ab")}


def test_facts_that_were_read_anew_are_looked_at_again(bench):
    """Nothing new has landed; what had is read otherwise."""
    bench.hand.write({name: person(email=f"{name}@corp.example") for name in "ab"})
    run(bench)
    assert run(bench).looked_at == 0
    now = read_otherwise("toy", "things", lambda _: person(email="jane@corp.example"), Profile, Identifier)
    read_anew(bench.lake, bench.store, now, bench.clock)
    assert run(bench).looked_at == 2
    assert bench.clusters() == {frozenset("ab")}
    assert run(bench).looked_at == 0


def test_other_rules_have_everything_looked_at(bench):
    bench.hand.write({**pair("jane"), **pair("john")})
    run(bench)
    limit(bench, 1, ["email"])
    assert run(bench).looked_at == 4
    assert len(bench.clusters()) == 4


def test_a_rule_that_reads_values_in_its_own_way_has_everything_looked_at(bench):
    with transaction(bench.store) as session:
        rule = rulebook.rulebook(session).find(Scope.person, "external_id")
        decision = rulebook.Decision("ann", "case does not matter", bench.clock.now())
        rulebook.decide(session, replace(rule, normaliser="email"), decision)
    bench.hand.write({**pair("jane"), "a": person(external_id="A@u.example")})
    run(bench)
    bench.hand.write({"b": person(external_id="a@u.example")})
    assert run(bench).looked_at == 4
    assert frozenset("ab") in bench.clusters()


@pytest.mark.parametrize("most", [2, 3])
def test_a_value_that_becomes_a_hub_or_ceases_to_be_one_reaches_all_that_have_it(bench, most):
    """The record that comes or goes is one; those whom the value joined, or joins now, are the others."""
    limit(bench, most)
    bench.hand.write({f"r{n}": person(None, email="desk@corp.example") for n in range(most)})
    run(bench)
    assert len(bench.clusters()) == 1
    bench.hand.write({"more": person(None, email="desk@corp.example")})
    assert run(bench).looked_at == most + 1
    assert len(bench.clusters()) == most + 1
    bench.hand.write({}, gone=["more"])
    run(bench)
    assert len(bench.clusters()) == 1


def test_a_hub_carries_no_change_on(bench):
    """Whoever has the value of very many records is told apart from them without their being decided anew."""
    limit(bench, 3)
    bench.hand.write({f"r{n}": person(f"p{n}", email="info2@corp.example") for n in range(30)})
    run(bench)
    bench.hand.write({"new": person("p1", email="info2@corp.example")})
    report = run(bench)
    assert (report.looked_at, report.entities) == (1, 31)


def test_a_value_that_many_had_and_few_have_still_carries_a_change_on(bench):
    """Of those who have it no more, nobody is joined."""
    limit(bench, 3)
    bench.hand.write({f"r{n}": person(None, email="desk@corp.example") for n in range(20)})
    bench.hand.write({f"r{n}": person(None, email=f"own{n}@corp.example") for n in range(2, 20)})
    run(bench)
    bench.hand.write({"new": person(None, email="desk@corp.example")})
    run(bench)
    assert frozenset({"r0", "r1", "new"}) in bench.clusters()
    bench.hand.write({f"more{n}": person(None, email="desk@corp.example") for n in range(2)})
    run(bench)
    assert bench.clusters() == at_once(bench)
    assert frozenset({"r0"}) in bench.clusters()


def test_a_hub_that_shrinks_record_by_record_joins_in_the_end(bench):
    limit(bench, 2)
    bench.hand.write({f"r{n}": person(None, email="desk@corp.example") for n in range(8)})
    run(bench)
    for n in range(7, 1, -1):
        bench.hand.write({f"r{n}": person(None, email=f"own{n}@corp.example")})
        run(bench)
        assert bench.clusters() == at_once(bench)
    assert frozenset({"r0", "r1"}) in bench.clusters()


def test_a_colleague_who_is_named_later_keeps_their_address_from_joining(bench):
    bench.hand.write(pair("rep"))
    run(bench)
    bench.hand.write({"user": person(scope=Scope.internal, email="rep@corp.example")})
    run(bench)
    assert bench.clusters() == {frozenset({"rep1"}), frozenset({"rep2"})}


def test_a_record_that_turns_out_to_be_a_company_leaves_its_persons(bench):
    """Whichever of the two is stitched first."""
    for first, second in ((Scope.person, Scope.account), (Scope.account, Scope.person)):
        bench.hand.write(pair("jane"))
        run(bench)
        run(bench, Scope.account)
        bench.hand.write({"jane1": company("Jane Ltd", domain="jane.example")})
        run(bench, first)
        run(bench, second)
        assert bench.clusters() == {frozenset({"jane2"})}
        assert bench.clusters(Scope.account) == {frozenset({"jane1"})}
        assert bench.lake.table(SNAPSHOT).count().to_pyarrow().as_py() == 2


def test_refusals_far_away_stand(bench):
    """The quarantine of those who are not looked at is left as it is."""
    bench.hand.write(
        {"a": person(email="x@corp.example", external_id="u1"), "b": person(email="x@corp.example", external_id="u2")}
    )
    assert run(bench).refused == {"one_ever": 1}
    bench.hand.write(pair("jane"))
    report = run(bench)
    assert (report.looked_at, report.refused, report.changes["quarantine"]) == (2, {"one_ever": 1}, 0)
    bench.hand.write({}, gone=["b"])
    assert run(bench).refused == {}
    assert bench.rows(RefusedTie) == []


NAMES = tuple(f"r{n:02d}" for n in range(16))
VALUES = {
    "email": st.sampled_from(
        ["m0@c.example", "m1@c.example", "m1+tag@c.example", "m2@c.example", "m3@c.example", "info@c.example"]
    ),
    "phone": st.sampled_from(["+442079460001", "+442079460002"]),
    "external_id": st.sampled_from(["u1", "u2"]),
    "stripe_customer": st.sampled_from(["cus_1", "cus_2", "cus_3"]),
}
SAID = st.builds(
    lambda name, scope, said: person(name, scope=scope, **{kind: [value] for kind, value in said}),
    st.sampled_from(["Jane Doe", "John Roe", None]),
    st.sampled_from([Scope.person] * 8 + [Scope.internal, Scope.account]),
    st.lists(st.one_of(*(st.tuples(st.just(kind), values) for kind, values in VALUES.items())), max_size=3),
)
STEP = st.one_of(
    st.tuples(st.just("write"), st.dictionaries(st.sampled_from(NAMES), SAID, min_size=1, max_size=3)),
    st.tuples(st.just("gone"), st.sampled_from(NAMES)),
    st.tuples(
        st.sampled_from(["same", "apart"]), st.lists(st.sampled_from(NAMES), min_size=2, max_size=2, unique=True)
    ),
    st.tuples(st.sampled_from(["take back", "accounts"]), st.none()),
    st.tuples(st.just("forget"), st.sampled_from(NAMES)),
)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.dictionaries(st.sampled_from(NAMES), SAID, min_size=8),
    steps=st.lists(STEP, min_size=2, max_size=6),
    most=st.integers(2, 6),
)
def test_through_any_history_it_finds_what_a_look_at_everything_finds(tmp_path_factory, start, steps, most):
    """The same persons, joined over the same records and values, and nothing left for a look at everything to write."""
    bench = open_bench(tmp_path_factory.mktemp("reach"))
    limit(bench, most)
    bench.hand.write(start)
    run(bench)
    for what, about in steps:
        match what:
            case "write":
                bench.hand.write(about)
            case "gone":
                bench.hand.write({}, gone=[about])
            case "take back":
                take_back(bench)
            case "accounts":
                run(bench, Scope.account)
                assert bench.clusters(Scope.account) == at_once(bench, Scope.account)
            case "forget":
                forget(bench, about)
            case _:
                judge(bench, *about, same=what == "same")
        run(bench)
        assert bench.clusters() == at_once(bench)
    found = via(bench)
    bench.clock.advance(timedelta(days=1))
    assert not run(bench).changed
    assert via(bench) == found
