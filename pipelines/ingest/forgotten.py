"""What is not kept when a vendor tells of it again: records of people who are forgotten, and new ones that are theirs.

One rule decides both, what goes when somebody is forgotten and what is held back afterwards: a record is theirs if it is known as
theirs, bears an identifier that was theirs alone, holds words of theirs, or speaks of nobody else. One that is read as no facts at all
(an unpaid invoice, a movement of the balance) is theirs if it bears an address of theirs or names a record of theirs.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from sqlalchemy import Engine
from sqlmodel import func, select

from connectors.base import Stream
from models.erasure import Forgotten
from models.facts import Fact, Identifier, Interaction, Outcome, Profile, Scope, Spend
from models.identifiers import normalise
from models.keys import RecordKey, stable_hash
from models.records import Record
from models.store import transaction
from pipelines.ingest.translate import SURPRISES

NAMING = ("subject", "payer")
"""Fields of facts that say of whom they are."""
OF_ITS_OWN = (Profile, Outcome, Spend)
"""What makes a record somebody's or something's own, whoever else it names: a company, a deal."""

Told = Iterable[tuple[type[Fact], Mapping[str, Any]]]
"""The facts of one record: of which kind each is, and its fields."""


def address_hash(address: str) -> int:
    """The hash under which an identifier of this address is known; one for all that are no address."""
    return stable_hash("email", normalise("email", address) or "")


def is_theirs(told: Told, forgotten: AbstractSet[int]) -> bool:
    """Whether a record with these facts is of somebody forgotten."""
    mine = others = False
    for kind, fact in told:
        if kind is Identifier:
            if fact["scope"] == Scope.person and fact["value_hash"] in forgotten:
                return True
            continue
        named = next((fact[name] for name in NAMING if fact.get(name)), None)
        theirs = named is not None and stable_hash(named) in forgotten
        if kind is Interaction and (theirs or any(stable_hash(one) in forgotten for one in fact["participants"] or ())):
            return True
        mine |= theirs
        others |= kind in OF_ITS_OWN or not theirs
    return mine and not others


@dataclass(frozen=True)
class Tombstones:
    """What is not kept any more, as hashes, and of which kinds the records among it are, by vendor."""

    hashes: frozenset[int] = frozenset()
    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, store: Engine) -> "Tombstones":
        """Those that stand."""
        with transaction(store) as session:
            hashes = frozenset(session.exec(select(Forgotten.hash)))
            named = session.exec(select(Forgotten.vendor, Forgotten.object).distinct()).all()
        return cls(hashes, _by_vendor(named))

    @classmethod
    def naming(cls, records: Iterable[RecordKey], identifiers: AbstractSet[int]) -> "Tombstones":
        """Those that will stand once these records and hashes of identifiers are forgotten."""
        keys = list(records)
        return cls(
            frozenset({*identifiers, *(key.hash for key in keys)}),
            _by_vendor({(key.vendor, key.object) for key in keys}),
        )

    def are_of(self, stream: Stream, record: Record) -> bool:
        """Whether a record is somebody's who is forgotten."""
        if record.key.hash in self.hashes:
            return True
        try:
            facts = [] if record.deleted and not stream.lasting else list(stream.translate(record))
        except SURPRISES:
            facts = []
        told = [(type(fact), vars(fact)) for fact in facts]
        return is_theirs(told, self.hashes) if told else self._named_in(record)

    def _named_in(self, record: Record) -> bool:
        """Whether its payload holds an address, or the id of a record."""
        said = list(_texts(record.payload))
        kinds = self.kinds.get(record.key.vendor, ())
        ids = (record.key._replace(object=kind, id=one).hash for one in said for kind in kinds)
        mails = (address_hash(one) for one in said if "@" in one)
        return any(one in self.hashes for one in chain(ids, mails))


def _by_vendor(named: Collection[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Kinds of records by vendor."""
    return {vendor: frozenset(kind for one, kind in named if one == vendor) for vendor, _ in named}


def kept(store: Engine, stream: Stream, records: Sequence[Record], tombstones: Tombstones) -> Sequence[Record]:
    """The records without those of people who are forgotten; new ones of theirs are remembered by their hash.

    Where nobody was ever forgotten this costs nothing; else each record is read as facts once more.
    """
    if not tombstones.hashes:
        return records
    theirs = {one.key for one in records if tombstones.are_of(stream, one)}
    if fresh := {one for one in theirs if one.hash not in tombstones.hashes}:
        with transaction(store) as session:
            for one in sorted(fresh):
                session.merge(Forgotten(hash=one.hash, vendor=one.vendor, object=one.object))
    return [one for one in records if one.key not in theirs]


def withheld(store: Engine, vendor: str, object_name: str) -> int:
    """How many records of a kind the vendor may still hold, and count, that are not kept here."""
    of_kind = (Forgotten.vendor == vendor, Forgotten.object == object_name)
    with transaction(store) as session:
        return session.exec(select(func.count()).select_from(Forgotten).where(*of_kind)).one()


def _texts(value: Any) -> Iterator[str]:
    """Every text of a payload."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
