"""How far a change reaches: the records that may be stitched otherwise than they stand, so that the others need not be looked at.

A record is in reach if it has changed, if humans judged it, or if it hangs together with one of those, as one person or account or by
values that they have or ever had: so the records in reach are clustered among themselves as they would be among all. A value on very
many records joins nobody and carries no change on; the records that have it are read to be counted, and nothing is decided on them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.facts import Fact, Identifier, Profile, Scope
from models.identifiers import normaliser_of
from models.keys import stable_hash
from pipelines.ingest.lake import Lake
from pipelines.stitch.carry import Column
from pipelines.stitch.components import Ints
from pipelines.stitch.edges import Links, plain
from pipelines.stitch.membership import SNAPSHOT, ReadTo
from pipelines.stitch.rules import Rule

SPEAKING: tuple[type[Fact], ...] = (Identifier, Profile)
"""The facts that a stitch reads."""
SLACK = 2
"""Times as many records as a rule allows one value, above which no change is carried on. All that ever had it are counted here, and by
the rule those of one scope that have it now; where that matters, `within` finds out."""


@dataclass(frozen=True)
class Reach:
    """What a stitch looks at, and how far each stream can be read.

    Shape: hashes of records, sorted: `own` are decided anew, `beside` are only counted; `own` is None for all that there are.
    """

    read_to: ReadTo
    own: Ints | None = None
    beside: Ints | None = None

    @property
    def every(self) -> Ints | None:
        """All records to be read; None for all that there are."""
        return None if self.own is None or self.beside is None else np.union1d(self.own, self.beside)


def everything(lake: Lake) -> Reach:
    """All records, as far as the facts of each stream can be read now."""
    found = {}
    for vendor, stream in lake.streams():
        marks = [mark for fact in SPEAKING if (mark := lake.translated(fact, vendor, stream))]
        if marks:
            found[f"{vendor}/{stream}"] = min(marks)
    return Reach(found)


def reach(lake: Lake, scope: Scope, since: ReadTo, judged: Iterable[str], rules: Mapping[str, Rule]) -> Reach:
    """What has to be looked at since a stitch that had read this far, and left the snapshot that is in the lake.

    Everything is in reach where a rule reads values otherwise than they were read at ingest, for then they cannot be told by hash.
    """
    every = everything(lake)  # before anything is read: what lands from now on is told of by the next stitch
    if any(rule.normaliser != normaliser_of(kind) for kind, rule in rules.items()):
        return every
    changed = _changed(lake, every.read_to, since)
    seeds = np.union1d(changed, np.array([stable_hash(record) for record in set(judged)], np.int64))
    if not len(seeds):
        return Reach(every.read_to, seeds, seeds)
    most = SLACK * max((rule.max_records for rule in rules.values()), default=0)
    return Reach(every.read_to, *_spread(_pairs(lake, scope, rules), _standing(lake, scope), seeds, changed, most))


def within(found: Links, people: pa.Table, own: Ints) -> tuple[Links, pa.Table] | None:
    """Ties and people without those that were only counted; None if one of these is tied to anybody, so that more was in reach than was read."""
    kept = np.isin(people["record_hash"].to_numpy(), own)
    number = np.cumsum(kept) - 1
    row, first, value = (found.table[name].to_numpy() for name in ("row", "first", "value_hash"))
    if np.isin(value[~kept[row]], value[kept[row]]).any():
        return None
    table = found.table.filter(pa.array(kept[row]))
    for name, numbers in (("row", row), ("first", first)):
        table = _replaced(table, name, number[numbers[kept[row]]])
    alone = found.sole["row"].to_numpy()
    sole = _replaced(found.sole.filter(pa.array(kept[alone])), "row", number[alone[kept[alone]]])
    return Links(table, sole, found.values), people.filter(pa.array(kept))


def _changed(lake: Lake, streams: ReadTo, since: ReadTo) -> Ints:
    """Records of which a version has landed whose facts had not been read."""
    found = [np.empty(0, np.int64)]
    for name in streams:
        rows = lake.raw(*name.split("/", 1))
        later = rows.filter(rows.batch > since.get(name, 0)).select("record_hash")
        found.append(later.to_pyarrow()["record_hash"].to_numpy())
    return np.unique(np.concatenate(found))


def _pairs(lake: Lake, scope: Scope, rules: Mapping[str, Rule]) -> pa.Table:
    """`record` and `value` by their hashes: which record ever had which value that a rule knows; a tagged address has its plain form as well.

    Values of records of this scope, and those of colleagues, who keep a value from joining.
    """
    identifiers = lake.written(Identifier)
    heard = identifiers.filter(identifiers.scope.isin([scope, Scope.internal]), identifiers.kind.isin(list(rules)))
    tagged = (heard.kind == "email") & heard.value.contains("+")
    told = heard.select(
        record="record_hash", value="value_hash", tagged=tagged.ifelse(heard.value, ibis.null("string"))
    ).to_pyarrow()
    addresses = told.filter(pc.is_valid(told["tagged"]))
    hashes = [stable_hash("email", plain(address)) for address in addresses["tagged"].to_pylist()]
    more = pa.table({"record": addresses["record"], "value": pa.array(hashes, pa.int64())})
    return pa.concat_tables([told.drop_columns("tagged"), more])


def _standing(lake: Lake, scope: Scope) -> pa.Table:
    """`record` by its hash, and `entity`: who is together."""
    snapshot = lake.table(SNAPSHOT)
    assert snapshot is not None  # noqa: S101  # a stitch left it
    own = snapshot.filter(snapshot.scope == scope).select(record="record_hash", entity="entity_id")
    found: pa.Table = own.to_pyarrow()
    return found


def _spread(pairs: pa.Table, standing: pa.Table, seeds: Ints, changed: Ints, most: int) -> tuple[Ints, Ints]:
    """Everything that hangs together with a seed, from hop to hop; and what shares values with it that are on too many records to matter."""
    own, beside, frontier = seeds, seeds[:0], seeds
    while len(frontier):
        values = _of(pairs, "record", frontier, "value")
        rows = pairs.filter(_among(pairs["value"], values))
        # on how many records it was before the change, if all that have changed since have it only now
        before = rows.filter(pc.invert(_among(rows["record"], changed)))
        counts = before.group_by("value").aggregate([("record", "count_distinct")])
        crowded = counts.filter(pc.greater(counts["record_count_distinct"], pa.scalar(most)))["value"].to_numpy()
        many = _of(rows, "value", crowded, "record")
        near = rows.filter(pc.invert(_among(rows["value"], crowded)))["record"].to_numpy()
        mates = _of(standing, "entity", _of(standing, "record", frontier, "entity"), "record")
        frontier = np.setdiff1d(np.concatenate([near, mates]), own)
        own, beside = np.union1d(own, frontier), np.union1d(beside, many)
    return own, np.setdiff1d(beside, own)


def _of(table: pa.Table, column: str, wanted: Any, other: str) -> Any:
    """The other column's different values where the one has one of those wanted."""
    return pc.unique(table.filter(_among(table[column], wanted))[other]).to_numpy(zero_copy_only=False)


def _among(column: Column, wanted: Any) -> Any:
    return pc.is_in(column, value_set=pa.array(wanted, column.type))


def _replaced(table: pa.Table, name: str, numbers: Ints) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(place), pa.array(numbers, pa.int64()))
