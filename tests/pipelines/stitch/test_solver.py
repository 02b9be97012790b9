"""Persons as an independent solver finds them: networkx on the same records, values, rules and judgements, step by step from the text of the rules."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import combinations

import networkx as nx
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from models.base import new_id
from models.facts import Scope
from models.identity import Entity, IdentityEvent, Judgement
from models.keys import stable_hash
from models.store import transaction
from pipelines.stitch import stitch
from pipelines.stitch.clusters import cluster
from pipelines.stitch.edges import LINKS, Links
from pipelines.stitch.entities import resolve
from pipelines.stitch.judging import judge, named, standing_between, take_back
from pipelines.stitch.rulebook import Decision, decide, rulebook
from pipelines.stitch.rules import LARGEST, Rule, rules_of
from tests.pipelines.stitch.conftest import Bench, open_bench, person

KINDS = ("external_id", "stripe_customer", "email")
NAMES = tuple(f"r{n:02d}" for n in range(14))
RECORDS = st.dictionaries(
    st.sampled_from(NAMES),
    st.fixed_dictionaries(
        {
            "external_id": st.lists(st.sampled_from(["u1", "u2", "u3"]), max_size=1),
            "stripe_customer": st.lists(st.integers(0, 5).map(lambda n: f"cus_{n}"), max_size=1),
            "email": st.lists(st.integers(0, 7).map(lambda n: f"m{n}@corp.example"), max_size=3, unique=True),
        }
    ),
    min_size=1,
)
JUDGED = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.booleans()).filter(lambda one: one[0] < one[1]),
    max_size=3,
    unique_by=lambda one: one[:2],
)


@dataclass(frozen=True)
class Drawn:
    """One world: records with values, limits by kind, what humans decided."""

    records: dict[str, dict[str, list[str]]]
    max_records: dict[str, int]
    max_emails: int | None
    largest: int
    judged: list[tuple[str, str, bool]]


WORLDS = st.builds(
    Drawn, RECORDS, st.fixed_dictionaries({kind: st.integers(2, 9) for kind in KINDS}),
    st.one_of(st.none(), st.integers(1, 3)), st.integers(3, 8), JUDGED,
)  # fmt: skip
PRIORITY = {"external_id": 1, "stripe_customer": 1, "email": 3}


def solved(world: Drawn) -> set[frozenset[str]]:
    """Clusters by the rules as they are written, slowly: a graph of records and values, cut until nothing is left to cut."""
    graph = nx.Graph()
    graph.add_nodes_from(world.records)
    holders: dict[tuple[str, str], list[str]] = {}
    for record, values in world.records.items():
        for kind, found in values.items():
            for value in found:
                holders.setdefault((kind, value), []).append(record)
    for value, records in holders.items():
        if 1 < len(records) <= world.max_records[value[0]]:
            graph.add_edges_from((record, value) for record in records)
    drawn = [pair for *pair, same in world.judged if same and set(pair) <= set(world.records)]
    graph.add_edges_from(drawn)
    apart = {frozenset(pair) for *pair, same in world.judged if not same}
    usable = {value for value, records in holders.items() if len(records) <= world.max_records[value[0]]}
    sole = {
        record: number
        for record, values in world.records.items()
        for number in values["external_id"]
        if ("external_id", number) in usable
    }
    pending, done = [graph.subgraph(part).copy() for part in nx.connected_components(graph)], set()
    while pending:
        part = pending.pop()
        cut = surplus(part, world)
        if cut:
            part.remove_edges_from(cut)
            part.remove_nodes_from([node for node in part if isinstance(node, tuple) and part.degree(node) < 2])
            pending += [part.subgraph(piece).copy() for piece in nx.connected_components(part)]
        else:
            done |= joined(part, drawn, apart, sole)
    return done


def surplus(part: nx.Graph, world: Drawn) -> list[tuple[object, object]]:
    """What a part must lose; nothing if it is in order."""
    values = [node for node in part if isinstance(node, tuple)]
    if values and len(part) - len(values) > world.largest:
        weakest = max(PRIORITY[kind] for kind, _ in values)
        weak = {value for value in values if PRIORITY[value[0]] == weakest}
        return glue(part, weak) or list(part.edges(weak))
    emails = [value for value in values if value[0] == "email"]
    if world.max_emails is not None and len(emails) > world.max_emails:
        order = sorted(emails, key=lambda value: (-part.degree(value), min(part[value]), stable_hash(*value)))
        return glue(part, set(emails)) or list(part.edges(order[world.max_emails :]))
    return []


def glue(part: nx.Graph, weak: set[tuple[str, str]]) -> list[tuple[object, object]]:
    found = []
    for edge in nx.bridges(part):
        rest = nx.Graph(part)
        rest.remove_edge(*edge)
        sides = [sum(isinstance(node, str) for node in nx.node_connected_component(rest, end)) for end in edge]
        if min(sides) >= 2 and set(edge) & weak:
            found.append(edge)
    return found


def joined(
    part: nx.Graph, drawn: list[list[str]], apart: set[frozenset[str]], sole: dict[str, str]
) -> set[frozenset[str]]:
    """Strongest ties first, each unless it brings together what must not be."""
    ties = [(0, min(pair), max(pair), "") for pair in drawn if set(pair) <= set(part)]
    for value in (node for node in part if isinstance(node, tuple)):
        ties += [(PRIORITY[value[0]], *pair, value) for pair in combinations(sorted(part[value]), 2)]
    found = {record: frozenset([record]) for record in part if isinstance(record, str)}
    for priority, a, b, _ in sorted(ties, key=lambda tie: tie[:3]):
        left, right = found[a], found[b]
        if left == right or any(frozenset((x, y)) in apart for x in left for y in right):
            continue
        ours, theirs = ({sole[record] for record in side if record in sole} for side in (left, right))
        if priority and ours - theirs and theirs - ours:
            continue
        for record in left | right:
            found[record] = left | right
    return set(found.values())


def built(world: Drawn) -> tuple[pa.Table, Links, pa.Table, dict[int, set[int]], dict[str, Rule]]:
    """What clustering is given of this world, numbered by hand."""
    people = pa.table({"record": sorted(world.records)})
    rows = {record: row for row, record in enumerate(sorted(world.records))}
    holders: dict[tuple[str, str], list[int]] = {}
    for record, values in sorted(world.records.items()):
        for kind, found in values.items():
            for value in found:
                holders.setdefault((kind, value), []).append(rows[record])
    usable = {value: found for value, found in holders.items() if len(found) <= world.max_records[value[0]]}
    table = [
        (row, min(found), kind, PRIORITY[kind], stable_hash(kind, value), "…")
        for (kind, value), found in usable.items()
        if len(found) > 1
        for row in found
    ]
    sole = [
        (row, kind, stable_hash(kind, value))
        for (kind, value), found in usable.items()
        if kind == "external_id"
        for row in found
    ]
    drawn = [
        (max(rows[a], rows[b]), min(rows[a], rows[b]), "judgement", 0, 0, None)
        for a, b, same in world.judged
        if same and {a, b} <= rows.keys()
    ]
    apart: dict[int, set[int]] = {}
    for a, b, same in world.judged:
        if not same and {a, b} <= rows.keys():
            apart.setdefault(rows[a], set()).add(rows[b])
            apart.setdefault(rows[b], set()).add(rows[a])
    held = pa.schema([LINKS.field(name) for name in ("row", "kind", "value_hash")])
    rules = {
        kind: replace(rule, max_values=world.max_emails if kind == "email" else None)
        for kind, rule in rules_of(Scope.person).items()
    }
    return people, Links(listed(table, LINKS), listed(sole, held), {}), listed(drawn, LINKS), apart, rules


def listed(rows: list[tuple], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)


@settings(max_examples=200)
@given(world=WORLDS)
def test_clusters_are_those_of_an_independent_solver(world):
    """Too large, too many values, two numbers, told apart, joined by hand, and all of it at once; what was refused is named."""
    people, *material = built(world)
    found = cluster(people, *material, largest=world.largest)
    parts: dict[int, set[str]] = {}
    for record, label in zip(people["record"].to_pylist(), found.forest.label.tolist(), strict=True):
        parts.setdefault(label, set()).add(record)
    expected = solved(world)
    assert set(map(frozenset, parts.values())) == expected
    for tie in found.refused:
        assert found.forest.label[tie.left] != found.forest.label[tie.right]


def obey(bench: Bench, world: Drawn) -> None:
    """The world's limits and judgements as rows of the store."""
    with transaction(bench.store) as session:
        for kind in KINDS:
            rule = rulebook(session).find(Scope.person, kind)
            most = world.max_emails if kind == "email" else None
            decide(session, replace(rule, max_records=world.max_records[kind], max_values=most), by(bench))
        for left, right, same in world.judged:
            now = bench.clock.now()
            session.add(
                Judgement(
                    id=new_id(now), left=bench.hand.key(left), right=bench.hand.key(right), same=same, decided_by="ann",
                    reason="drawn", decided_at=now,
                )
            )  # fmt: skip


def by(bench: Bench) -> Decision:
    bench.clock.advance(timedelta(minutes=1))
    return Decision("ann", "drawn", bench.clock.now())


def run(bench: Bench) -> stitch.StitchReport:
    return stitch.stitch(bench.lake, bench.store, bench.clock, Scope.person)


def facts(world: Drawn) -> dict[str, list]:
    return {name: person("Jane Doe", **values) for name, values in world.records.items()}


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(world=WORLDS, data=st.data())
def test_whole_and_stepwise_stitches_agree_with_an_independent_solver(tmp_path_factory, world, data):
    """All at once, or record by record in any order with a stitch after each few: the same persons, and nothing left for a further run."""
    world = replace(world, largest=LARGEST)
    expected = solved(world)
    at_once = open_bench(tmp_path_factory.mktemp("whole"))
    obey(at_once, world)
    at_once.hand.write(facts(world))
    run(at_once)
    assert at_once.clusters() == expected
    assert not run(at_once).changed
    stepwise = open_bench(tmp_path_factory.mktemp("steps"))
    order = data.draw(st.permutations(sorted(world.records)))
    size = data.draw(st.integers(3, 7))
    said = facts(world)
    for start in range(0, len(order), size):
        stepwise.hand.write({name: said[name] for name in order[start : start + size]})
        run(stepwise)
    obey(stepwise, world)
    run(stepwise)
    assert stepwise.clusters() == expected
    assert not run(stepwise).changed


STEPS = st.lists(
    st.tuples(st.sampled_from(["merge", "split", "undo", "email"]), st.integers(0, 7), st.integers(0, 7)).filter(
        lambda step: step[1] != step[2]
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_through_any_history_ids_resolve_and_those_untouched_keep_theirs(tmp_path_factory, steps):
    """Merged, split and unmerged by hand or by the data: every id ever issued leads somewhere, and whose records stay the same keeps it."""
    bench = open_bench(tmp_path_factory.mktemp("history"))
    bench.hand.write({f"r{n}": person(email=f"m{n // 2}@corp.example") for n in range(8)})
    run(bench)
    for what, a, b in steps:
        before = bench.membership()
        left, right = (bench.hand.key(f"r{n}") for n in (a, b))
        if what == "email":
            bench.hand.write({f"r{a}": person(email=[f"m{a // 2}@corp.example", f"m{b // 2}@corp.example"])})
        else:
            with transaction(bench.store) as session:
                if what == "undo":
                    take_back(session, standing_between(session, [left], [right]), by(bench))
                else:
                    judge(session, named(session, left), named(session, right), by(bench), same=what == "merge")
        run(bench)
        assert not run(bench).changed
        after = bench.membership()
        was, stands = inverted(before), inverted(after)
        for records, entity in was.items():
            assert stands.get(records, entity) == entity
        with transaction(bench.store) as session:
            for entity in session.exec(select(Entity)).all():
                assert session.get(Entity, resolve(session, entity.id)).merged_into is None
            alive = {entity.id for entity in session.exec(select(Entity)) if entity.merged_into is None}
        assert set(after.values()) <= alive
    for event in bench.rows(IdentityEvent):
        assert event.rules_version
        if event.kind == "merge":
            assert event.left
            assert event.via_kind in {"email", "judgement"}


def inverted(membership: dict[str, str]) -> dict[frozenset[str], str]:
    groups: dict[str, set[str]] = {}
    for record, entity in membership.items():
        groups.setdefault(entity, set()).add(record)
    return {frozenset(records): entity for entity, records in groups.items()}
