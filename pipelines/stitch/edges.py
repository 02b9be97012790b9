"""Which records share which usable value: the edges of the identity graph, as joins on the lake.

Star edges: each record is tied to the first record with the same value, so k records make k-1 edges instead of k(k-1)/2.
Records are numbered in the order of their keys, so the same lake always gives the same edges.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.facts import MISPLACED, UNREADABLE, Fact, Identifier, Profile, Scope
from models.identifiers import NORMALISERS, normaliser_of
from models.keys import stable_hash
from pipelines.ingest.lake import Lake
from pipelines.stitch.names import SAME_NAME, agreeing, may_be_one
from pipelines.stitch.rules import PLACEHOLDERS, Rule

USED, HUB, BLOCKED, INTERNAL, UNRULED = "used", "hub", "blocked", "internal", "unruled"
"""What became of a value: it may join records; too many records have it; it says nothing; it is a colleague's; no rule knows it."""

CONTRADICTED = "contradicted"
"""Of the used ones, addresses whose records' names contradict each other: several people read them."""
SHARED = {"email"}
"""Kinds whose values are one person's, but for those that a family or an office shares."""

MARKS = (MISPLACED, UNREADABLE)

TAGGED = r"^([^+@]+)\+[^@]*@"
"""An address with a tag that its mail server ignores."""


@dataclass(frozen=True)
class Links:
    """Records that share a usable value.

    Shape: `table` has one row per (record, value) with `row, first, kind, priority, value_hash, shown`; `row` and `first` number
    the records, rows with equal `first, kind, value_hash` share the value; `shown` is the value masked. `sole` has every usable
    value of the one-ever kinds, shared or not: `row, kind, value_hash`. `values` counts all distinct values by what became of
    them (contradicted are among the used), and under misplaced and unreadable the records that have such a value.
    """

    table: pa.Table
    sole: pa.Table
    values: Mapping[str, int]


LINK_COLUMNS: dict[str, pa.DataType] = {
    "row": pa.int64(),
    "first": pa.int64(),
    "kind": pa.string(),
    "priority": pa.int64(),
    "value_hash": pa.int64(),
    "shown": pa.string(),
}
LINKS = pa.schema(LINK_COLUMNS)


HELD_COLUMNS: dict[str, pa.DataType] = {
    "row": pa.int64(),
    "kind": pa.string(),
    "value": pa.string(),
    "value_hash": pa.int64(),
}
HELD = pa.schema(HELD_COLUMNS)


@dataclass(frozen=True)
class Told:
    """What records say of whom they speak, kept in the engine: to find out which facts hold costs more than to keep those that do.

    `only` are the hashes of the records to listen to; None for all.
    """

    lake: Lake
    only: NDArray[np.int64] | None = None

    @cached_property
    def profiles(self) -> ir.Table:
        """`record, record_hash, scope, name` of every profile."""
        return self._facts(Profile).select("record", "record_hash", "scope", "name").cache()

    @cached_property
    def identifiers(self) -> ir.Table:
        """`record, record_hash, scope, kind, value, value_hash` of every identifier."""
        return self._facts(Identifier).select("record", "record_hash", "scope", "kind", "value", "value_hash").cache()

    def _facts(self, fact: type[Fact]) -> ir.Table:
        return self.lake.facts(fact, None if self.only is None else pa.array(self.only, pa.int64()))


def members(told: Told, scope: Scope) -> pa.Table:
    """Every live record that speaks of a person (or account): `record, record_hash, name`, sorted by record.

    A record's profile says whom it speaks of; one without a profile goes by its identifiers.
    """
    naming = told.identifiers.filter(~told.identifiers.kind.isin(MARKS))
    loose = naming.anti_join(told.profiles, "record_hash").mutate(name=ibis.null("string"))
    every = told.profiles.union(loose.select(*told.profiles.columns))
    # account sorts before internal and person: a record that names both belongs to the account
    one = every.group_by("record_hash").agg(
        record=lambda t: t.record.arbitrary(), scope=lambda t: t.scope.min(), name=lambda t: t.name.min()
    )
    own = one.filter(one.scope == scope).select("record", "record_hash", "name")
    found: pa.Table = own.order_by("record").to_pyarrow()
    return found


def links(told: Told, scope: Scope, people: pa.Table, rules: Mapping[str, Rule]) -> Links:
    """All usable ties between these records. `rules` by kind."""
    rows = ibis.memtable(
        pa.table({"row": pa.array(range(people.num_rows), pa.int64()), "record_hash": people["record_hash"]})
    )
    identifiers = told.identifiers
    barred = identifiers.filter(identifiers.scope == Scope.internal).select("value_hash").distinct()
    own = identifiers.filter(identifiers.scope == scope).join(rows, "record_hash").select(*HELD.names)
    held = _once(_untagged(_comparable(own, rules))).cache()  # asked for three times
    marks = identifiers.filter(identifiers.kind.isin(MARKS)).semi_join(rows, "record_hash")
    marked = marks.group_by(fate="kind").agg(values=lambda t: t.record_hash.nunique()).to_pyarrow().to_pylist()
    values = _judged(held, barred, rules).cache()
    counts = values.group_by("fate").agg(values=lambda t: t.count()).to_pyarrow().to_pylist() + marked
    shared = values.filter(values.fate == USED, values.records > 1)
    ties = held.drop("value").join(shared.select("value_hash", "first", shown=_masked(shared)), "value_hash")
    ties = ties.mutate(priority=_by_kind(ties.kind, {kind: rule.priority for kind, rule in rules.items()}))
    arrow = ties.select(*LINKS.names).order_by("row", "priority", "value_hash").to_pyarrow().cast(LINKS)
    one_ever = values.filter(
        values.fate == USED, values.kind.isin([kind for kind, rule in rules.items() if rule.one_ever])
    )
    sole = held.semi_join(one_ever, "value_hash").select("row", "kind", "value_hash").to_pyarrow()
    table, apart = _agreed(arrow, people, rules, scope)
    fates = {row["fate"]: row["values"] for row in counts} | ({CONTRADICTED: apart} if apart else {})
    return Links(table, sole, fates)


def _comparable(held: ir.Table, rules: Mapping[str, Rule]) -> ir.Table:
    """Values read once more by a rule that has another normaliser than ingest; what makes no sense to it joins nobody."""
    other = {kind: rule.normaliser for kind, rule in rules.items() if rule.normaliser != normaliser_of(kind)}
    if not other:
        return held
    chosen = held.filter(held.kind.isin(list(other))).to_pyarrow().to_pylist()
    read = [{**row, "value": NORMALISERS[other[row["kind"]]](row["value"])} for row in chosen]
    rows = [{**row, "value_hash": stable_hash(row["kind"], row["value"])} for row in read if row["value"]]
    again = pa.Table.from_pylist(rows, schema=HELD)
    return held.filter(~held.kind.isin(list(other))).union(ibis.memtable(again))


def _untagged(held: ir.Table) -> ir.Table:
    """Also the plain form of tagged addresses: `jane+shop@x.org` is read in `jane@x.org` (RFC 5233, subaddressing)."""
    tagged = held.filter(held.kind == "email", held.value.re_search(TAGGED)).to_pyarrow()
    if not tagged.num_rows:
        return held
    values = [plain(value) for value in tagged["value"].to_pylist()]
    hashes = [stable_hash("email", value) for value in values]
    more = {"row": tagged["row"], "kind": tagged["kind"], "value": values, "value_hash": pa.array(hashes, pa.int64())}
    return held.union(ibis.memtable(pa.table(more)))


def plain(address: str) -> str:
    """An address without its tag."""
    return re.sub(TAGGED, r"\1@", address)


def _once(held: ir.Table) -> ir.Table:
    """Each value of a record once; its hash tells the kind and the value."""
    return held.group_by("row", "value_hash").agg(
        kind=lambda t: t.kind.arbitrary(), value=lambda t: t.value.arbitrary()
    )


def _judged(held: ir.Table, barred: ir.Table, rules: Mapping[str, Rule]) -> ir.Table:
    """One row per value: `value_hash, kind, value, first, records, fate`."""
    values = held.group_by("value_hash").agg(
        kind=lambda t: t.kind.arbitrary(),
        value=lambda t: t.value.arbitrary(),
        first=lambda t: t.row.min(),
        records=lambda t: t.count(),
    )
    values = values.left_join(barred.mutate(internal=True), "value_hash").drop("value_hash_right")
    fate = ibis.cases(
        (~values.kind.isin(list(rules)), UNRULED),
        (values.internal.fill_null(False), INTERNAL),  # noqa: FBT003  # ibis' signature
        (_blocked(values, rules), BLOCKED),
        (values.records > _by_kind(values.kind, {kind: rule.max_records for kind, rule in rules.items()}), HUB),
        else_=USED,
    )
    return values.mutate(fate=fate).drop("internal")


def _blocked(values: ir.Table, rules: Mapping[str, Rule]) -> ir.BooleanValue:
    """A placeholder, or a pattern of the value's own kind."""
    tests = [_matches(values.value, PLACEHOLDERS)]
    tests += [
        (values.kind == kind) & _matches(values.value, rule.blocked) for kind, rule in rules.items() if rule.blocked
    ]
    return reduce(lambda left, right: left | right, tests)


def _matches(value: ir.StringValue, patterns: tuple[str, ...]) -> ir.BooleanValue:
    return reduce(lambda left, right: left | right, [value.re_search(pattern) for pattern in patterns])


def _by_kind(kind: ir.StringValue, numbers: Mapping[str, int]) -> ir.IntegerValue:
    branches = [(kind == name, number) for name, number in numbers.items()]
    return ibis.cases(*branches, else_=0) if branches else ibis.literal(0)  # every rule can be off


def _masked(values: ir.Table) -> ir.StringValue:
    """Enough of a value to recognise it, too little to use it; a domain is no secret."""
    value = values.value
    return ibis.cases(
        (values.kind == "email", value.left(1) + "***" + value.substr(value.find("@"))),
        (values.kind == "domain", value),
        else_="…" + value.right(4),
    )


def _agreed(table: pa.Table, people: pa.Table, rules: Mapping[str, Rule], scope: Scope) -> tuple[pa.Table, int]:
    """The links after names have had their say, `first` being the first of each group of agreeing names; and how many values fell apart.

    A weak value joins only records whose names agree. An address joins all its records, unless their names contradict each other, as those
    of a family do: then it joins those that may be one person, and records without a name not at all.
    """
    weak = [kind for kind, rule in rules.items() if rule.needs_same_name]
    shared = sorted(SHARED & rules.keys() - set(weak))
    names = people["name"].combine_chunks().dictionary_encode()
    first = table["first"].to_numpy().copy()
    chosen = _of_kinds(table, weak)
    first[chosen] = _regrouped(table.take(chosen), names, SAME_NAME[scope], weak=True)
    chosen = _of_kinds(table, shared)
    addresses = table.take(chosen)
    first[chosen] = regrouped = _regrouped(addresses, names, may_be_one, weak=False)
    apart = np.unique(addresses["value_hash"].to_numpy()[addresses["first"].to_numpy() != regrouped])
    return table.set_column(table.column_names.index("first"), LINKS.field("first"), pa.array(first)), len(apart)


def _of_kinds(table: pa.Table, kinds: list[str]) -> NDArray[np.int64]:
    """Where the links of these kinds are."""
    return np.flatnonzero(np.asarray(pc.is_in(table["kind"], value_set=pa.array(kinds, pa.string()))))


def _regrouped(table: pa.Table, names: Any, same: Callable[[str, str], bool], *, weak: bool) -> NDArray[np.int64]:
    """`first` of each link by name. Most values have one name only; where there are several, they are compared one by one.

    Shape: `names` are those of the records, as a dictionary array.
    """
    row, value = table["row"].to_numpy(), table["value_hash"].to_numpy()
    name = pc.fill_null(names.indices, -1).to_numpy()[row].astype(np.int64)
    first: NDArray[np.int64] = table["first"].to_numpy().copy()
    values, group = np.unique(value, return_inverse=True)
    low, high = np.full(len(values), len(names.dictionary)), np.full(len(values), -1)
    known = name >= 0
    np.minimum.at(low, group[known], name[known])
    np.maximum.at(high, group[known], name[known])
    if weak:
        starts = np.full(len(values), len(names))
        np.minimum.at(starts, group[known], row[known])
        first = np.where(known, starts[group], row)
    mixed = np.flatnonzero((low < high)[group])
    mixed = mixed[np.lexsort((row[mixed], group[mixed]))]
    texts = names.dictionary.take(pa.array(name[mixed], mask=name[mixed] < 0)).to_pylist()
    first[mixed] = _firsts(group[mixed].tolist(), row[mixed].tolist(), texts, same, weak=weak)
    return first


def _firsts(
    values: list[int], rows: list[int], names: list[str | None], same: Callable[[str, str], bool], *, weak: bool
) -> list[int]:
    """The first record with the same value and an agreeing name, for each link, in the order of values and rows.

    A record without a name is its own, unless the value is not weak and all its names agree.
    """
    named: dict[int, set[str]] = {}
    for value, name in zip(values, names, strict=True):
        named.setdefault(value, set()).update([name] if name else [])
    groups = {value: agreeing(found, same) for value, found in named.items()}
    whole = {value for value, found in groups.items() if not weak and len(set(found.values())) == 1}
    first: dict[tuple[int, int], int] = {}
    result = []
    for value, row, name in zip(values, rows, names, strict=True):
        if value in whole:
            result.append(first.setdefault((value, 0), row))
        else:
            result.append(first.setdefault((value, groups[value][name]), row) if name else row)
    return result
