"""Findings as rows: an observation with the stated numbers and one piece of evidence each, appended, withdrawn and taken back.

The id of a row is a hash of what it says, so a run that finds the same writes nothing, and what a merge took away a split brings back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Evidence, Level, Observation, Strength
from models.clock import Clock
from models.keys import RecordKey, content_id, stable_hash
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.stitch.lens.settings import LensSettings
from pipelines.understand.behaviour.deeds import each_person, facts_version, read_deeds, read_zones
from pipelines.understand.behaviour.findings import Finding, findings
from pipelines.understand.behaviour.rules import RULES, VERSION
from pipelines.understand.buckets import due, settled
from pipelines.understand.people import CHUNK, chunks, refused
from pipelines.understand.policy import REFUSED, Policy
from pipelines.understand.settle import settle

STAGE = "behaviour"
SOURCE = "behaviour"
MODEL = f"rules-{VERSION}"
SURE = 2
"""Times the least number of occasions from which a finding counts as plain, and not as implied."""


@dataclass
class Noticed:
    """What one pass over everybody's deeds did: persons looked at, rows appended, withdrawn and taken back."""

    persons: int = 0
    findings: int = 0
    added: int = 0
    withdrawn: int = 0
    restored: int = 0


def notice(lake: Lake, store: Engine, clock: Clock, policy: Policy | None = None) -> Noticed:
    """Bring behavioural evidence in step with the facts; nothing is even read where neither facts nor persons have changed."""
    policy, now, report = policy or Policy(), clock.now(), Noticed()
    with transaction(store) as session:
        version = _version(lake, session, policy)
        if not due(session, STAGE, [0], {0: version}):
            return report
        deeds, zones, barred = read_deeds(lake, session), read_zones(lake, session), refused(lake, session)
        known = dict(session.execute(select(Observation.id, Observation.withdrawn_at).where(Observation.source == SOURCE)).all())  # fmt: skip
    home, kept = LensSettings().home, set[str]()
    people = each_person(deeds)
    for some in track(iter(lambda: list(islice(people, CHUNK)), []), "behaviour", None):
        found = [one for person, done in some for one in findings(done, zones.get(person, home))]
        wanted = {_id(one): one for one in found if one.at + policy.retention > now}
        kept |= wanted.keys()
        with transaction(store) as session:
            _append(session, {id_: one for id_, one in wanted.items() if id_ not in known}, barred, policy, now, report)
            _mark(session, [id_ for id_ in wanted if known.get(id_)], None, now)
        report.persons += len(some)
        report.findings += len(wanted)
        report.restored += sum(known.get(id_) is not None for id_ in wanted)
    gone = sorted(id_ for id_, withdrawn_at in known.items() if id_ not in kept and withdrawn_at is None)
    with transaction(store) as session:
        _mark(session, gone, now, now)
        settled(session, STAGE, 0, version, now)
    report.withdrawn = len(gone)
    return report


def _version(lake: Lake, session: Session, policy: Policy) -> str:
    """Facts, who is who, rules, terms, and the zone of those whose own is not known."""
    terms = (*map(repr, RULES), policy.model_dump_json(), LensSettings().zone)
    return content_id(VERSION, facts_version(lake, session), *terms)


def _id(found: Finding) -> str:
    """Of all that the finding says."""
    sign = "against" if found.against else "for"
    numbers = (f"{name}={number}" for name, number in sorted(found.numbers.items()))
    records = (f"{record}={count}" for record, count in found.records.items())
    return content_id(SOURCE, VERSION, found.rule.name, found.which, sign, found.at.isoformat(), *numbers, *records)


def _append(
    session: Session,
    new: Mapping[str, Finding],
    barred: set[str],
    policy: Policy,
    now: datetime,
    report: Noticed,
) -> None:
    observations = [observed(id_, found, _terms(found, barred, policy), policy, now) for id_, found in new.items()]
    session.add_all(observations)
    session.flush()  # evidence refers to them
    session.add_all(evident(*said, now) for said in zip(observations, new.values(), strict=True))
    session.flush()
    settle(session, new.keys(), now)
    report.added += len(new)


def _terms(found: Finding, barred: set[str], policy: Policy) -> list[str]:
    return REFUSED if found.subject in barred else [purpose.value for purpose in policy.purposes]


def observed(id_: str, found: Finding, purposes: list[str], policy: Policy, now: datetime) -> Observation:
    """The finding as an observation, whose text is the stated numbers and holds no word of a customer."""
    words = found.statement
    return Observation(
        id=id_,
        record=str(RecordKey("sidecar", SOURCE, found.rule.name, id_)),
        subject=found.subject,
        subject_hash=stable_hash(found.subject),
        source=SOURCE,
        author="customer",
        participants=[],  # said here, for Pydantic takes long to find out how to call the default's factory
        thread=_thread(found),
        text=words,
        text_hash=content_id(words),
        occurred_at=found.at,
        recorded_at=now,
        lawful_basis=policy.lawful_basis,
        purposes=purposes,
        region=policy.region,
        retain_until=found.at + policy.retention,
    )


def evident(observation: Observation, found: Finding, now: datetime) -> Evidence:
    """The finding as evidence: no quote, but the numbers and the records behind it. Given up, it only speaks against."""
    n = found.numbers.get("n") or found.numbers.get("before") or found.numbers.get("purchases") or 0
    plain = found.rule.look == "event" or int(n) >= SURE * found.rule.least
    return Evidence(
        id=content_id(observation.id, found.rule.slot, found.aspect),
        observation_id=observation.id,
        text_hash=observation.text_hash,
        model=MODEL,
        subject=observation.subject,
        subject_hash=observation.subject_hash,
        slot=found.rule.slot,
        aspect=found.aspect,
        polarity=found.rule.polarity.value,
        against=found.against,
        level=Level.behavioural.value,
        basis={
            "rule": found.rule.name,
            "window_days": found.rule.window,
            "numbers": dict(found.numbers),
            "records": dict(found.records),
        },
        strength=(Strength.explicit if plain else Strength.implied).value,
        statement=found.statement,
        quote="",
        start=0,
        end=0,
        speaker="",
        speaker_role="customer",
        source_class=SOURCE,
        thread=_thread(found),
        occurred_at=found.at,
        recorded_at=now,
    )


def _thread(found: Finding) -> str:
    """All rules about one topic are one conversation: a fall that ends and a rise that begins count once."""
    return f"{SOURCE}/{found.rule.slot}/{found.aspect}"


def _mark(session: Session, ids: list[str], withdrawn_at: datetime | None, now: datetime) -> None:
    for some in chunks(ids):
        for row in session.exec(select(Observation).where(col(Observation.id).in_(some))).all():
            row.withdrawn_at = withdrawn_at
        session.flush()
        settle(session, some, now)
