"""How far a change reaches: the records that may be stitched otherwise than they stand, so that the others need not be looked at.

A record is in reach if it has changed, if humans judged it, or if it hangs together with one of those, as one person or account or by
values that they have or ever had: so the records in reach are clustered among themselves as they would be among all. A value that was
and is on more records than any rule allows joins nobody and carries no change on; who has it is read to be counted, and nothing is
decided on them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.facts import Fact, Identifier, Profile, Scope
from models.identifiers import normaliser_of
from models.keys import stable_hash
from pipelines.ingest.lake import Lake
from pipelines.stitch.carry import Column
from pipelines.stitch.components import Ints
from pipelines.stitch.edges import Links, Told, members, plain
from pipelines.stitch.rules import Rule

ReadTo = Mapping[str, int]
"""By `vendor/stream/fact/id/reading`, the last batch of the raw table of this id that was read as this fact, by this reading."""
SPEAKING: tuple[type[Fact], ...] = (Identifier, Profile)
"""The facts that a stitch reads."""
NOBODY: Ints = np.empty(0, np.int64)


@dataclass(frozen=True)
class Reach:
    """What a stitch looks at, and how far it can read.

    Shape: hashes of records, sorted: `own` are decided anew, None for all that there are; `beside` are only counted.
    """

    read_to: ReadTo
    own: Ints | None = None
    beside: Ints = field(default_factory=NOBODY.copy)

    @property
    def read(self) -> Ints | None:
        """All records to be read; None for all that there are."""
        return None if self.own is None else np.union1d(self.own, self.beside)


def everything(lake: Lake) -> Reach:
    """All records, as far as the facts of each stream can be read now."""
    return Reach(lake.read_to(SPEAKING))


def reach(
    lake: Lake, scope: Scope, since: ReadTo, judged: Iterable[str], standing: pa.Table, rules: Mapping[str, Rule]
) -> Reach:
    """What has to be looked at since a look that had read this far, `standing` being the membership of the scope.

    Everything is in reach where the lake is not the one of that look, or an earlier state of it, where facts have been read anew, and
    where a rule reads values otherwise than they were read at ingest, for then they cannot be told by hash.
    """
    every = everything(lake)  # before anything is read: what lands from now on is told of by the next stitch
    if any(every.read_to.get(name, 0) < batch for name, batch in since.items()):
        return every
    if any(rule.normaliser != normaliser_of(kind) for kind, rule in rules.items()):
        return every
    changed = _changed(lake, every.read_to, since)
    seeds = np.union1d(changed, np.array([stable_hash(record) for record in set(judged)], np.int64))
    if not len(seeds):
        return Reach(every.read_to, seeds)
    spread = _Spread(lake, scope, rules, changed, standing)
    return Reach(every.read_to, *spread.from_(seeds))


def within(found: Links, people: pa.Table, own: Ints) -> tuple[Links, pa.Table] | None:
    """Ties and people without those that were only counted. None if somebody is tied to one of these, for facts have landed meanwhile."""
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


def _changed(lake: Lake, read_to: ReadTo, since: ReadTo) -> Ints:
    """Records of which a version has landed that had not been read as one of the facts that its stream is read as."""
    behind: dict[tuple[str, str], int] = {}
    for name in read_to:
        vendor, stream, *_ = name.split("/")
        behind[vendor, stream] = min(behind.get((vendor, stream), since.get(name, 0)), since.get(name, 0))
    found = [NOBODY]
    for (vendor, stream), batch in behind.items():
        rows = lake.raw(vendor, stream)
        found.append(rows.filter(rows.batch > batch).select("record_hash").to_pyarrow()["record_hash"].to_numpy())
    return np.unique(np.concatenate(found))


@dataclass(frozen=True)
class _Spread:
    """How what has changed is followed, from hop to hop. `standing` has `record_hash, entity_id`: who is together."""

    lake: Lake
    scope: Scope
    rules: Mapping[str, Rule]
    changed: Ints
    standing: pa.Table

    def from_(self, seeds: Ints) -> tuple[Ints, Ints]:
        """Everything that hangs together with a seed; and what shares values with that which are on too many records to matter."""
        pairs = self._pairs(self.lake.written(Identifier))
        own, beside, frontier = seeds, NOBODY, seeds
        while len(frontier):
            rows = pairs.filter(_among(pairs["value"], _of(pairs, "record", frontier, "value")))
            hubs = self._hubs(rows)
            many = _of(rows, "value", hubs, "record")
            near = rows.filter(pc.invert(_among(rows["value"], hubs)))["record"].to_numpy()
            entities = _of(self.standing, "record_hash", frontier, "entity_id")
            mates = _of(self.standing, "entity_id", entities, "record_hash")
            frontier = np.setdiff1d(np.concatenate([near, mates]), own)
            own, beside = np.union1d(own, frontier), np.union1d(beside, many)
        return own, np.setdiff1d(beside, own)

    def _hubs(self, rows: pa.Table) -> Ints:
        """Values that were hubs before the change and are: on more records than any rule allows that have them now and have not changed."""
        most = max((rule.max_records for rule in self.rules.values()), default=0)
        ever = self._crowded(rows, most)
        if not len(ever):
            return ever
        told = Told(self.lake, _of(rows, "value", ever, "record"))
        people = members(told, self.scope)["record_hash"]
        now = self._pairs(told.identifiers.filter(told.identifiers.scope == self.scope))
        return self._crowded(now.filter(pc.and_(_among(now["value"], ever), _among(now["record"], people))), most)

    def _crowded(self, rows: pa.Table, most: int) -> Ints:
        """Values on more than so many records that have not changed."""
        kept = rows.filter(pc.invert(_among(rows["record"], self.changed)))
        counts = kept.group_by("value").aggregate([("record", "count_distinct")])
        many = pc.greater(counts["record_count_distinct"], pa.scalar(most))
        found: Ints = counts.filter(many)["value"].to_numpy()
        return found

    def _pairs(self, identifiers: ir.Table) -> pa.Table:
        """`record` and `value` by their hashes: which record has which value that a rule knows; a tagged address has its plain form as well.

        Values of records of the scope, and those of colleagues, who keep a value from joining.
        """
        wanted = identifiers.scope.isin([self.scope, Scope.internal]) & identifiers.kind.isin(list(self.rules))
        heard = identifiers.filter(wanted)
        tagged = (heard.kind == "email") & heard.value.contains("+")
        told = heard.select(
            record="record_hash", value="value_hash", tagged=tagged.ifelse(heard.value, ibis.null("string"))
        ).to_pyarrow()
        addresses = told.filter(pc.is_valid(told["tagged"]))
        hashes = [stable_hash("email", plain(address)) for address in addresses["tagged"].to_pylist()]
        more = pa.table({"record": addresses["record"], "value": pa.array(hashes, pa.int64())})
        return pa.concat_tables([told.drop_columns("tagged"), more])


def _of(table: pa.Table, column: str, wanted: Any, other: str) -> Any:
    """The other column's different values where the one has one of those wanted."""
    return pc.unique(table.filter(_among(table[column], wanted))[other]).to_numpy(zero_copy_only=False)


def _among(column: Column, wanted: Any) -> Any:
    known = wanted if isinstance(wanted, pa.ChunkedArray) else pa.array(wanted, column.type)
    return pc.is_in(column, value_set=known)


def _replaced(table: pa.Table, name: str, numbers: Ints) -> pa.Table:
    place = table.column_names.index(name)
    return table.set_column(place, table.schema.field(place), pa.array(numbers, pa.int64()))
