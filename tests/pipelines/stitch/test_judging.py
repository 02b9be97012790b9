"""Humans split and merge: seen before, kept through every run, taken back without a trace in who is who."""

from datetime import timedelta

import pytest

from models.facts import Scope
from models.identity import Entity, IdentityEvent, Judgement, Membership, RefusedTie
from models.store import transaction
from pipelines.stitch.entities import UnknownEntity, resolve
from pipelines.stitch.explain import events_between, refused_between, why
from pipelines.stitch.judging import BadJudgement, Effect, judge, named, preview, standing_between, take_back
from pipelines.stitch.rulebook import Decision
from pipelines.stitch.stitch import StitchReport, stitch
from tests.pipelines.stitch.conftest import Bench, company, person


def run(bench: Bench) -> StitchReport:
    return stitch(bench.lake, bench.store, bench.clock, Scope.person)


def by(bench: Bench, reason: str = "knows them") -> Decision:
    bench.clock.advance(timedelta(minutes=1))
    return Decision("ann", reason, bench.clock.now())


def decide(bench: Bench, left: str, right: str, *, same: bool) -> None:
    with transaction(bench.store) as session:
        judge(session, named(session, left), named(session, right), by(bench), same=same)


def undo(bench: Bench, left: str, right: str) -> None:
    with transaction(bench.store) as session:
        a, b = named(session, left), named(session, right)
        take_back(session, standing_between(session, a.records, b.records), by(bench, "was wrong"))


def ids(bench: Bench) -> dict[str, str]:
    return {record.rsplit("/", 1)[1]: entity for record, entity in bench.membership().items()}


@pytest.fixture
def four(bench: Bench) -> Bench:
    """Two people of two records each, and a company."""
    mails = {"a": "x", "b": "x", "c": "y", "d": "y"}
    bench.hand.write({name: person(email=f"{mail}@corp.example") for name, mail in mails.items()} | {"z": company("Z")})
    run(bench)
    stitch(bench.lake, bench.store, bench.clock, Scope.account)
    return bench


def test_merged_by_id_and_undone_everybody_has_the_id_of_before(four):
    """The loser's id leads to the winner while they are one, and to its own person again afterwards; the events say why."""
    before = ids(four)
    decide(four, before["a"], before["c"], same=True)
    merged = run(four)
    assert len(set(ids(four).values())) == 1
    assert merged.changes["merge"] == 1
    with transaction(four.store) as session:
        assert resolve(session, before["a"]) == resolve(session, before["c"])
        (event,) = events_between(session, before["a"], before["c"])
        assert (event.kind, event.via_kind, {event.left, event.right}) == (
            "merge", "judgement", {four.hand.key("a"), four.hand.key("c")},
        )  # fmt: skip
        assert "judged to be the same (ann: knows them)" in str(
            why(session, four.hand.key("a"), four.hand.key("c")).steps[0]
        )
    assert not run(four).changed
    undo(four, four.hand.key("a"), four.hand.key("c"))
    run(four)
    assert ids(four) == before
    assert not run(four).changed
    (row,) = four.rows(Judgement)
    assert (row.superseded_by, row.superseded_because) == ("ann", "was wrong")
    assert [event.kind for event in four.rows(IdentityEvent) if event.scope == "person"][-2:] == ["revive", "split"]


def test_a_merge_that_a_guard_kept_parts_back_from_is_taken_back_whole(bench):
    """Two people with a product user each: who was moved goes home, who was kept back stays, and nobody is called otherwise than before."""
    nadia = {f"n{n}": person(email="nadia@corp.example") for n in range(4)}
    luis = {f"l{n}": person(email="luis@corp.example") for n in range(4)}
    users = {
        "nuser": person(email="nadia@corp.example", external_id="u1"), "npaid": person(external_id="u1"),
        "luser": person(email="luis@corp.example", external_id="u2"), "lpaid": person(external_id="u2"),
    }  # fmt: skip
    bench.hand.write(nadia | luis | users)
    run(bench)
    before = ids(bench)
    decide(bench, bench.hand.key("n0"), bench.hand.key("l0"), same=True)
    merged = run(bench)
    assert ids(bench)["n0"] == ids(bench)["l0"]
    assert ids(bench)["nuser"] != ids(bench)["luser"]
    assert merged.changes["split"] == 1
    assert "merge" not in merged.changes
    undo(bench, bench.hand.key("n0"), bench.hand.key("l0"))
    back = run(bench)
    assert ids(bench) == before
    assert back.changes["create"] == 0
    assert "merge" not in back.changes
    assert {row.by_rules for row in bench.rows(Membership)} == {None}
    assert not run(bench).changed


def test_split_by_hand_holds_against_the_shared_address_and_shows_it_as_refused(four):
    """A later record with the same address goes to one of them, never both; undone, they are one again under the old id."""
    before = ids(four)
    decide(four, four.hand.key("a"), four.hand.key("b"), same=False)
    report = run(four)
    assert ids(four)["a"] != ids(four)["b"]
    assert before["a"] in {ids(four)["a"], ids(four)["b"]}
    assert report.refused == {"told_apart": 1}
    with transaction(four.store) as session:
        (tie,) = refused_between(session, {four.hand.key("a")}, {four.hand.key("b")})
        assert (tie.kind, tie.value, tie.cause) == ("email", "x***@corp.example", "told_apart")
    four.hand.write({"e": person(email="x@corp.example")})
    run(four)
    assert ids(four)["a"] != ids(four)["b"]
    undo(four, four.hand.key("a"), four.hand.key("b"))
    run(four)
    assert {ids(four)[name] for name in "abe"} == {before["a"]}
    assert four.rows(RefusedTie) == []


def test_a_preview_tells_what_the_stitch_then_does_and_writes_nothing(four):
    """Only what the decision changes: news that wait for the next stitch are not counted to it."""
    four.hand.write({"e": person(email="y@corp.example")})
    before, events = ids(four), len(four.rows(IdentityEvent))
    with transaction(four.store) as session:
        left, right = named(session, four.hand.key("a")), named(session, four.hand.key("c"))
    decision = by(four)
    told = preview(
        four.lake,
        four.store,
        four.clock,
        Scope.person,
        lambda session: judge(session, left, right, decision, same=True),
    )
    assert (ids(four), len(four.rows(IdentityEvent)), four.rows(Judgement)) == (before, events, [])
    assert (told.merged, told.split, len(told.moves), told.entities) == (1, 0, 2, {before["a"], before["c"]})
    run(four)
    decide(four, four.hand.key("a"), four.hand.key("c"), same=True)
    run(four)
    moved = {record for record, entity in ids(four).items() if entity != before.get(record, entity)}
    assert {move.record for move in told.moves} == {four.hand.key(name) for name in moved}


def test_a_decision_that_changes_nothing_says_so(four):
    """It still holds against whatever comes: the records stay together when their address goes."""
    with transaction(four.store) as session:
        left, right = named(session, four.hand.key("a")), named(session, four.hand.key("b"))
    decision = by(four)
    told = preview(
        four.lake,
        four.store,
        four.clock,
        Scope.person,
        lambda session: judge(session, left, right, decision, same=True),
    )
    assert told == Effect((), 0, 0, 0)
    decide(four, four.hand.key("a"), four.hand.key("b"), same=True)
    run(four)
    four.hand.write({"a": person("Somebody", email="new@corp.example")})
    run(four)
    assert ids(four)["a"] == ids(four)["b"]


def test_what_cannot_be_decided_is_refused(four):
    """A company and a person, one and itself, a person and one of its own records, and somebody unknown; each says what to do instead."""
    with transaction(four.store) as session:
        a, z = named(session, four.hand.key("a")), named(session, four.hand.key("z"))
        whole = named(session, a.entity)
        with pytest.raises(BadJudgement, match="they are never one"):
            judge(session, a, z, by(four), same=True)
        for same in (True, False):
            for left, right in ((whole, whole), (whole, a), (named(session, four.hand.key("b")), whole)):
                with pytest.raises(BadJudgement, match="Both are one person already; name two of its records"):
                    judge(session, left, right, by(four), same=same)
        with pytest.raises(UnknownEntity, match="no record, person or account"):
            named(session, "nobody")


def test_merged_and_unmerged_at_the_vendor_gives_the_ids_of_before(bench):
    """A HubSpot merge names the old ids; when the vendor takes them back, both people have their own ids again."""
    alone = {name: person(hubspot_id=name, email=f"{name}@corp.example") for name in ("501", "502")}
    bench.hand.write(alone)
    run(bench)
    before = ids(bench)
    bench.hand.write({"501": person(hubspot_id=["501", "502"], email="501@corp.example")})
    run(bench)
    assert len(set(ids(bench).values())) == 1
    bench.hand.write(alone)
    run(bench)
    assert ids(bench) == before
    assert all(entity.merged_into is None for entity in bench.rows(Entity))
