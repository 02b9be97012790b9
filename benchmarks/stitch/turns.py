"""What happens to a planted world while the sidecar runs on: records come, change, go and are merged at the vendor, and humans judge.

Every turn touches some persons; the truth follows. Only what is touched is held as Python objects.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from benchmarks.stitch.world import World, hashed, keyed

Said = tuple[str, str]
"""Kind and value of an identifier."""


@dataclass(frozen=True)
class Record:
    """One record as it stands."""

    vendor: str
    object: str
    id: str
    name: str | None
    person: int
    said: tuple[Said, ...]

    @property
    def key(self) -> str:
        """Its written key."""
        return f"{self.vendor}/acme/{self.object}/{self.id}"


@dataclass(frozen=True)
class Turn:
    """What is new: records to land, records that are gone, and the persons that any of it is about."""

    said: World
    gone: pa.Table
    touched: frozenset[int]


@dataclass
class Living:
    """A world that goes on."""

    world: World
    rng: np.random.Generator
    _persons: np.ndarray = field(init=False)
    _starts: np.ndarray = field(init=False)
    _touched: dict[int, list[Record]] = field(default_factory=dict)
    """Records of the persons who were ever touched."""

    def __post_init__(self) -> None:
        self._persons = self.world.records["person"].to_numpy()
        number = self.world.identifiers["number"].to_numpy()
        self._starts = np.searchsorted(number, np.arange(self.world.records.num_rows + 1))

    def records(self, person: int) -> list[Record]:
        """The records that a person has now."""
        if person not in self._touched:
            first, last = np.searchsorted(self._persons, [person, person + 1])
            self._touched[person] = [self._record(int(number)) for number in range(first, last)]
        return self._touched[person]

    def truth(self) -> dict[str, int]:
        """Whose each record is now, by written key."""
        keys, persons = self.world.records["record"].to_pylist(), self._persons.tolist()
        stand = {key: person for key, person in zip(keys, persons, strict=True) if person not in self._touched}
        return stand | {one.key: one.person for found in self._touched.values() for one in found}

    def turn(self, number: int, share: float) -> Turn:
        """Touch this share of the persons, each in one of the ways that there are."""
        every = int(self._persons[-1]) + 1
        chosen = self.rng.choice(every, max(len(WAYS), round(every * share)), replace=False).tolist()
        said, gone = list[Record](), list[Record]()
        for place, person in enumerate(chosen):
            before = self.records(person)
            after = WAYS[place % len(WAYS)](before, person, number)
            self._touched[person] = after
            said += [one for one in after if one not in before]
            gone += [one for one in before if one.key not in {other.key for other in after}]
        return Turn(_world(said), _world(gone).records, frozenset(chosen))

    def _record(self, number: int) -> Record:
        row: Mapping[str, object] = self.world.records.slice(number, 1).to_pylist()[0]
        own = self.world.identifiers.slice(self._starts[number], self._starts[number + 1] - self._starts[number])
        said = tuple(zip(own["kind"].to_pylist(), own["value"].to_pylist(), strict=True))
        return Record(row["vendor"], row["object"], row["id"], row["name"], row["person"], said)


def _came(records: list[Record], person: int, turn: int) -> list[Record]:
    """They fill in a form, under an address that is known of them; a stranger comes where nobody was left."""
    known = sorted({said for one in records for said in one.said if said[0] == "email"})
    said = known[:1] or [("email", f"new{turn}-{person}@post.example")]
    name = next((one.name for one in records if one.name), None)
    return [*records, Record("meta_ads", "lead", f"n{person}-{turn}", name, person, tuple(said))]


def _moved(records: list[Record], person: int, turn: int) -> list[Record]:
    """A new employer: one new address wherever there was an old one."""
    fresh = ("email", f"moved{turn}-{person}@post.example")
    return [
        replace(one, said=tuple(dict.fromkeys(fresh if said[0] == "email" else said for said in one.said)))
        for one in records
    ]


def _left(records: list[Record], *_: int) -> list[Record]:
    """A record is deleted."""
    return records[:-1]


def _merged(records: list[Record], *_: int) -> list[Record]:
    """The vendor merges two records of one object: the first survives and names the ids and addresses of both."""
    for place, one in enumerate(records):
        for other in records[place + 1 :]:
            if (one.vendor, one.object) == (other.vendor, other.object):
                whole = replace(one, said=tuple(dict.fromkeys((*one.said, *other.said))))
                return [whole if record is one else record for record in records if record is not other]
    return records


def _renamed(records: list[Record], *_: int) -> list[Record]:
    """Somebody corrects a name."""
    return [replace(one, name=one.name and f"Dr. {one.name}") for one in records[:1]] + records[1:]


WAYS = (_came, _moved, _left, _merged, _renamed)


def _world(records: Iterable[Record]) -> World:
    rows = list(records)
    columns = {name: [getattr(one, name) for one in rows] for name in ("vendor", "object", "id", "name", "person")}
    kinds = {"vendor": pa.string(), "object": pa.string(), "id": pa.string(), "name": pa.string(), "person": pa.int64()}
    table = keyed(pa.table(columns, schema=pa.schema(kinds)))
    said = [(number, *said) for number, one in enumerate(rows) for said in one.said]
    number, kind, value = zip(*said, strict=True) if said else ((), (), ())
    return World(
        table,
        hashed(
            pa.table(
                {
                    "number": pa.array(number, pa.int64()),
                    "kind": pa.array(kind, pa.string()),
                    "value": pa.array(value, pa.string()),
                }
            )
        ),
    )
