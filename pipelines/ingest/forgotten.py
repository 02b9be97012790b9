"""What is not kept when a vendor tells of it again: records of people who are forgotten, and new ones that are theirs.

One rule decides both, what goes when somebody is forgotten and what is held back afterwards: a record is theirs if it is known as
theirs, bears an identifier that was theirs alone, holds words of theirs, or speaks of nobody else. One that is read as no facts at all
(an unpaid invoice) is theirs if it bears an address of theirs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from sqlalchemy import Engine
from sqlmodel import func, select

from connectors.base import Stream
from models.erasure import Forgotten
from models.facts import Fact, Identifier, Interaction, Outcome, Profile, Scope, Spend
from models.identifiers import normalise
from models.keys import stable_hash
from models.records import Record
from models.store import transaction
from pipelines.ingest.translate import SURPRISES

NAMING = ("subject", "payer")
"""Fields of facts that say of whom they are."""
OF_ITS_OWN = (Profile, Outcome, Spend)
"""What makes a record somebody's or something's own, whoever else it names: a company, a deal."""

Told = Iterable[tuple[type[Fact], Mapping[str, Any]]]
"""The facts of one record: of which kind each is, and its fields."""


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


def hashes(store: Engine) -> frozenset[int]:
    """Hashes of everything that is not kept any more."""
    with transaction(store) as session:
        return frozenset(session.exec(select(Forgotten.hash)))


def kept(store: Engine, stream: Stream, records: Sequence[Record], forgotten: AbstractSet[int]) -> Sequence[Record]:
    """The records without those of people who are forgotten; new ones of theirs are remembered by their hash.

    Where nobody was ever forgotten this costs nothing; else each record is read as facts once more.
    """
    if not forgotten:
        return records
    theirs = {one.key for one in records if one.key.hash in forgotten or _is_theirs(stream, one, forgotten)}
    if fresh := {one for one in theirs if one.hash not in forgotten}:
        with transaction(store) as session:
            for one in sorted(fresh):
                session.merge(Forgotten(hash=one.hash, vendor=one.vendor, object=one.object))
    return [one for one in records if one.key not in theirs]


def withheld(store: Engine, vendor: str, object_name: str) -> int:
    """How many records of a kind the vendor may still hold, and count, that are not kept here."""
    of_kind = (Forgotten.vendor == vendor, Forgotten.object == object_name)
    with transaction(store) as session:
        return session.exec(select(func.count()).select_from(Forgotten).where(*of_kind)).one()


def _is_theirs(stream: Stream, record: Record, forgotten: AbstractSet[int]) -> bool:
    try:
        facts = [] if record.deleted and not stream.lasting else list(stream.translate(record))
    except SURPRISES:
        facts = []
    if facts:
        return is_theirs([(type(fact), vars(fact)) for fact in facts], forgotten)
    return any(stable_hash("email", normalise("email", one) or "") in forgotten for one in _addresses(record.payload))


def _addresses(value: Any) -> Iterator[str]:
    """Texts of a payload that may be addresses."""
    if isinstance(value, str) and "@" in value:
        yield value
    elif isinstance(value, Mapping | list):
        for one in value.values() if isinstance(value, Mapping) else value:
            yield from _addresses(one)
