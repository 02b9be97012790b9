"""Forgetting a person: what is theirs, written down as hashes before anything goes, and then taken out of store and lake.

The decision comes first and is enough: whatever follows is a function of the tombstones, so a run that is killed anywhere is ended by
the next. CRM fields and the ledger of what was written there follow in `pipelines/write_back/erasure.py`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ibis
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, col, delete, func, select

from connectors.base import Stream
from connectors.registry import connectors_by_name
from models import (
    FACTS,
    Alignment,
    BatchRequest,
    Belief,
    Drift,
    Entity,
    Erasure,
    Evidence,
    Extraction,
    Fact,
    Forgotten,
    Identifier,
    IdentityEvent,
    IntendedWrite,
    Judgement,
    Look,
    Membership,
    Observation,
    Profile,
    RecordKey,
    RefusedTie,
    Rejection,
    Review,
    Scope,
    Suggestion,
)
from models.base import new_id
from models.clock import Clock
from models.keys import stable_hash
from models.records import Record
from models.store import alone, transaction
from pipelines.ingest.forgotten import NAMING, Tombstones, is_theirs
from pipelines.ingest.lake import Lake
from pipelines.ingest.staging import claim_all
from pipelines.stitch.membership import look_anew
from pipelines.understand.beliefs import belief_id
from pipelines.understand.people import chunks
from pipelines.understand.spelling import calls, is_full, written_forms

Facts = dict[str, list[tuple[type[Fact], Mapping[str, Any]]]]
"""Facts by written record key."""


@dataclass(frozen=True)
class Theirs:
    """What is held of one person.

    Shape: `records` are keys of all that goes; `hashes` are theirs and those of identifiers that nobody else has; `shown` and `naming`
    as in `Erasure`; `lake` and `store` are rows by table; `mentions` are keys of records of others that name them, and stay.
    """

    person_id: str
    records: list[str]
    identifiers: frozenset[int]
    shown: list[str]
    naming: list[str]
    lake: Mapping[str, int]
    store: Mapping[str, int]
    mentions: list[str] = field(default_factory=list)

    @property
    def hashes(self) -> frozenset[int]:
        """What the tombstones will say."""
        return self.identifiers | {stable_hash(record) for record in self.records}


def theirs(lake: Lake, store: Engine, person_id: str, named: frozenset[int] = frozenset()) -> Theirs:
    """Everything of a person, in all versions that were ever read; nothing is changed. `named` are hashes of identifiers of theirs, too."""
    with transaction(store) as session:
        live = set(session.exec(select(Membership.record).where(col(Membership.entity_id) == person_id)))
        members = set(session.exec(select(Membership.record_hash)))
        identifiers = named | _own_identifiers(lake, live)
        own = live | _gone(lake, identifiers, members)
        names, about = _names(lake, own), _about(lake, own, identifiers)
        told = own | about
        naming = _naming_records(lake, names) - told
        read = _read_as_facts(lake, naming)
        records = _pointing(lake, told | naming - read, identifiers)  # what names them and is read as nothing is theirs
        found = identifiers | {stable_hash(record) for record in records}
        shown = _shown(session, person_id, found)
        return Theirs(
            person_id=person_id,
            records=sorted(records),
            identifiers=identifiers,
            shown=shown,
            naming=_naming_writes(session, shown, names, _beliefs(session, person_id)),
            lake=lake.told_of(found),
            store=_count(session, found, person_id),
            mentions=sorted(read - records),
        )  # fmt: skip


def decide(store: Engine, found: Theirs, *, by: str, clock: Clock) -> Erasure:
    """Write down that the person is to be forgotten; from then on nothing of theirs is kept."""
    now = clock.now()
    erasure = Erasure(
        id=new_id(now), person_id=found.person_id, asked_by=by, asked_at=now, shown=found.shown, naming=found.naming
    )
    with transaction(store) as session:
        session.add(erasure)
        for record in map(RecordKey.parse, found.records):
            session.merge(Forgotten(hash=record.hash, vendor=record.vendor, object=record.object))
        for hashed in sorted(found.identifiers):
            session.merge(Forgotten(hash=hashed))
    return erasure


def erase(lake: Lake, store: Engine, staging: Path, clock: Clock) -> int:
    """Take out of staging, lake and store whatever the tombstones name; returns how many rows went.

    Errors: StreamBusyError while anybody pulls, LakeBusyError; run it again after each, and after a kill.
    """
    forgotten = Tombstones.of(store).hashes
    with claim_all(staging) as staged:
        for pages in staged:
            pages.clear()  # what waited there is read anew, without them
            pages.beside("dirty").clear()
        with transaction(store) as session:
            # should the lake's erasure be cut short, what is left is not what was stitched; once is enough, or a run that is
            # killed right here over and over would never get on
            if session.exec(select(Look.scope)).first():
                look_anew(session, clock.now())
        rows = sum(lake.erase(forgotten).values())
        with transaction(store) as session:
            open_ones = select(Erasure.id, Erasure.person_id).where(col(Erasure.erased_at).is_(None))
            erasures = dict(session.exec(open_ones).all())
            persons = sorted({*erasures.values()})
            if any(one.count(session) for one in _held(session, forgotten, persons)):
                alone(session, "stitch")
                look_anew(session, clock.now())
                rows += sum(one.remove(session) for one in _held(session, forgotten, persons))
        _scrub(store)
        with transaction(store) as session:  # what was decided meanwhile is not done
            for name in erasures:
                session.get_one(Erasure, name).erased_at = clock.now()
    return rows


@dataclass(frozen=True)
class _Rows:
    """Rows of a table by the values of one column."""

    model: type[SQLModel]
    column: str
    values: Sequence[Any]

    def count(self, session: Session) -> int:
        query = select(func.count()).select_from(self.model)
        return sum(session.exec(query.where(self._among(some))).one() for some in chunks(self.values))

    def remove(self, session: Session) -> int:
        before = self.count(session)
        for some in chunks(self.values) if before else ():
            session.execute(delete(self.model).where(self._among(some)))
        return before

    def _among(self, some: Sequence[Any]) -> Any:
        return col(getattr(self.model, self.column)).in_(some)


def _count(session: Session, forgotten: AbstractSet[int], person_id: str) -> dict[str, int]:
    counts = Counter[str]()
    for rows in _held(session, forgotten, [person_id]):
        counts[str(rows.model.__tablename__)] += rows.count(session)
    return dict(+counts)


def _held(session: Session, forgotten: AbstractSet[int], persons: Sequence[str]) -> list[_Rows]:
    """The rows of the store that are about them; what rows of other tables point to comes after these."""
    ids = [*persons, *_merged_into(session, persons)]
    observations = _observations(session, forgotten)
    hashed = sorted(forgotten)
    ties = [
        _Rows(model, "id", _between(session, model, forgotten))
        for model in (Judgement, RefusedTie, Suggestion, IdentityEvent)
    ]
    return [
        _Rows(BatchRequest, "observation_id", observations),
        _Rows(Extraction, "observation_id", observations),
        _Rows(Evidence, "observation_id", observations),
        _Rows(Evidence, "subject_hash", hashed),
        _Rows(Review, "subject_hash", hashed),
        _Rows(Observation, "id", observations),
        *(_Rows(model, "person_id", ids) for model in (Belief, Drift)),
        _Rows(Alignment, "entity_id", ids),
        _Rows(Membership, "record_hash", hashed),
        *ties,
        *(_Rows(IdentityEvent, column, ids) for column in ("from_id", "to_id")),
        _Rows(Rejection, "record", _hashed(session.exec(select(Rejection.record)), forgotten)),
    ]


def _observations(session: Session, forgotten: AbstractSet[int]) -> list[str]:
    rows = session.exec(select(Observation.id, Observation.subject_hash, Observation.record, Observation.participants))
    return [
        id_
        for id_, subject, record, others in rows
        if subject in forgotten or _hashed([record, *(others or ())], forgotten)
    ]


def _between(session: Session, model: type[Any], forgotten: AbstractSet[int]) -> list[str]:
    rows = session.exec(select(model.id, model.left, model.right).where(col(model.left).is_not(None)))
    return [id_ for id_, *ends in rows if _hashed(filter(None, ends), forgotten)]


def _hashed(records: Iterable[str], forgotten: AbstractSet[int]) -> list[str]:
    return [record for record in records if stable_hash(record) in forgotten]


def _merged_into(session: Session, persons: Sequence[str]) -> list[str]:
    """Ids that these took over, and ids that those had."""
    found = list(session.exec(select(Entity.id).where(col(Entity.merged_into).in_(persons))))
    return [*found, *_merged_into(session, found)] if found else []


def _own_identifiers(lake: Lake, live: AbstractSet[str]) -> frozenset[int]:
    """Identifiers of these records that no record of anybody else bears now."""
    told = lake.facts(Identifier).filter(lambda row: row.scope == Scope.person.value)
    hashed = [stable_hash(record) for record in live]
    own = told.filter(told.record_hash.isin(hashed)).select("value_hash").distinct()
    others = told.filter(~told.record_hash.isin(hashed)).select("value_hash").distinct()
    return frozenset(own.anti_join(others, "value_hash").to_pyarrow()["value_hash"].to_pylist())


def _gone(lake: Lake, identifiers: AbstractSet[int], members: AbstractSet[int]) -> set[str]:
    """Records that are no longer anybody's, deleted at their vendor for one, and once bore an identifier of theirs."""
    told = lake.written(Identifier)
    once = told.filter(told.value_hash.isin(sorted(identifiers))).select("record", "record_hash").distinct()
    return {row["record"] for row in once.to_pyarrow().to_pylist() if row["record_hash"] not in members}


def _about(lake: Lake, own: AbstractSet[str], identifiers: AbstractSet[int]) -> set[str]:
    """Records that are theirs though they are not they: what was done, said, paid, agreed."""
    forgotten = identifiers | {stable_hash(record) for record in own}
    return {record for record, facts in _facts(lake, sorted(own)).items() if is_theirs(facts, forgotten)}


def _facts(lake: Lake, own: Sequence[str]) -> Facts:
    """All facts of the records of which one names somebody; as each record was read last."""
    naming: set[int] = set()
    for kind in FACTS:
        told = lake.written(kind)
        names = [told[name].isin(own) for name in NAMING if name in told.columns]
        if "participants" in told.columns:
            names += [told.participants.contains(one) for one in own]
        if names:
            found = told.filter(ibis.or_(*names)).select("record_hash").distinct()
            naming |= set(found.to_pyarrow()["record_hash"].to_pylist())
    facts: dict[str, list[tuple[int, type[Fact], Mapping[str, Any]]]] = defaultdict(list)
    for kind in FACTS:
        told = lake.written(kind)
        for some in chunks(sorted(naming)):
            for row in told.filter(told.record_hash.isin(some)).to_pyarrow().to_pylist():
                facts[row["record"]].append((row["batch"], kind, row))
    latest = {record: max(batch for batch, *_ in rows) for record, rows in facts.items()}
    return {
        record: [(kind, row) for batch, kind, row in rows if batch == latest[record]] for record, rows in facts.items()
    }


def _names(lake: Lake, own: AbstractSet[str]) -> list[str]:
    """What they are called in a text: names and addresses."""
    profiles, identifiers = lake.written(Profile), lake.written(Identifier)
    hashed = [stable_hash(record) for record in own]
    told = profiles.filter(profiles.record_hash.isin(hashed)).select("name", "email").distinct().to_pyarrow()
    mail = identifiers.filter(identifiers.record_hash.isin(hashed), identifiers.kind == "email")
    words = {*told["name"].to_pylist(), *told["email"].to_pylist()}
    words |= set(mail.select("value").distinct().to_pyarrow()["value"].to_pylist())
    return sorted(word for word in words if word and word.strip())


def _naming_records(lake: Lake, names: Sequence[str]) -> set[str]:
    """Records of which one version names them in full."""
    forms = [form.lower() for name in names if is_full(name) for form in written_forms(name)]
    found: set[str] = set()
    for vendor, stream in lake.streams() if forms else ():
        raw = lake.raw(vendor, stream)
        naming = raw.filter(ibis.or_(*(raw.payload.lower().contains(form) for form in forms)))
        found |= set(naming.select("record").distinct().to_pyarrow()["record"].to_pylist())
    return found


def _pointing(lake: Lake, records: AbstractSet[str], identifiers: AbstractSet[int]) -> set[str]:
    """Records that name one of these and are theirs by the rule of the pull, and those that name such a one in turn.

    What Stripe's balance says of a charge, a dispute that was won: whatever is read as no facts.
    """
    found, fresh = set(records), set(records)
    while fresh:
        tombstones = Tombstones.naming(map(RecordKey.parse, found), identifiers)
        fresh = {str(one.key) for stream, one in _candidates(lake, fresh) if tombstones.are_of(stream, one)} - found
        found |= fresh
    return found


def _candidates(lake: Lake, records: AbstractSet[str]) -> Iterator[tuple[Stream, Record]]:
    """Records of the same vendors whose payload has the id of one of these, each with its stream."""
    for vendor, connector in connectors_by_name().items():
        ids = [key.id for key in map(RecordKey.parse, records) if key.vendor == vendor]
        for stream in connector.streams if ids else ():
            yield from ((stream, one) for one in lake.naming(vendor, stream.name, ids))


def _read_as_facts(lake: Lake, records: AbstractSet[str]) -> set[str]:
    """Those of the records of which some fact was ever read."""
    hashed = [stable_hash(record) for record in records]
    found: set[str] = set()
    for kind in FACTS if hashed else ():
        told = lake.written(kind)
        rows = told.filter(told.record_hash.isin(hashed)).select("record").distinct()
        found |= set(rows.to_pyarrow()["record"].to_pylist())
    return found


def _shown(session: Session, person_id: str, forgotten: AbstractSet[int]) -> list[str]:
    written = set(session.exec(select(IntendedWrite.record).where(IntendedWrite.entity_id == person_id).distinct()))
    return sorted(written | set(_hashed(session.exec(select(IntendedWrite.record).distinct()), forgotten)))


def _beliefs(session: Session, person_id: str) -> list[str]:
    """Ids of what they are held to believe, under every id that the person ever had."""
    persons = [person_id, *_merged_into(session, [person_id])]
    topics = select(Belief.holder, Belief.slot, Belief.aspect, Belief.polarity).where(
        col(Belief.person_id).in_(persons)
    )
    held = session.exec(topics).all()
    return [belief_id(one, (holder, slot, aspect), side) for one in persons for holder, slot, aspect, side in held]


def _naming_writes(session: Session, shown: Sequence[str], names: Sequence[str], beliefs: Sequence[str]) -> list[str]:
    """Writes to records of others whose value names them, and those that stamp a record as telling what they believe."""
    own = set(shown)
    found = [*_by_name(session, names), *_by_belief(session, beliefs)]
    return sorted({id_ for id_, record in found if record not in own})


def _by_name(session: Session, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Writes whose value names them, and their records; a name of one word counts where it stands alone."""
    value = col(IntendedWrite.new_value)
    for name in names:
        forms = written_forms(name)
        naming = sa.or_(*(value.contains(form, autoescape=True) for form in forms))
        for id_, record, kept in session.execute(
            sa.select(col(IntendedWrite.id), col(IntendedWrite.record), value).where(naming)
        ):
            if is_full(name) or calls(kept, forms):
                yield id_, record


def _by_belief(session: Session, beliefs: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Writes of the stamp that names its plan, and their records, where the record then told of one of these.

    That stamp is written whenever what a record tells has changed, and only then: a score or a line about others may well stay.
    """
    told = sa.cast(col(IntendedWrite.belief_ids), sa.Text)
    stamped = sa.literal('"').concat(col(IntendedWrite.plan_id)).concat('"')
    for some in chunks(beliefs):
        telling = sa.or_(*(told.contains(one) for one in some))
        rows = sa.select(col(IntendedWrite.id), col(IntendedWrite.record)).where(
            col(IntendedWrite.new_value) == stamped, telling
        )
        yield from ((id_, record) for id_, record in session.execute(rows))


def _scrub(store: Engine) -> None:
    """SQLite keeps what was deleted in free pages and in its log until they are written over; PostgreSQL vacuums by itself."""
    if store.dialect.name == "sqlite":
        with store.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
