"""Beliefs of whole buckets, replayed from evidence wherever evidence, membership or slots have changed.

Evidence names records; membership says whose they are. A merge joins the evidence of several records, a split parts it again,
and neither asks an extractor anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Belief, Drift, Evidence, Membership, Scope, Slot
from models.clock import Clock
from models.store import transaction
from pipelines.progress import track
from pipelines.understand.beliefs import conclude
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of, due, settled, versions
from pipelines.understand.drift import drifts
from pipelines.understand.lessons import learn, taught
from pipelines.understand.people import chunks
from pipelines.understand.rows import Written, bring_in_step
from pipelines.understand.slots import in_use
from pipelines.understand.taught import Taught
from pipelines.understand.topics import weighed_by

STAGE = "beliefs"
RULES = "3"
"""Version of the rules by which beliefs follow from evidence; another number replays everything."""


@dataclass
class Replayed:
    """What one replay did: buckets and persons looked at, belief rows written."""

    buckets: int = 0
    persons: int = 0
    contested: int = 0
    superseded: int = 0
    beliefs: Written = field(default_factory=Written)
    drifts: Written = field(default_factory=Written)


@dataclass(frozen=True)
class Inputs:
    """Which evidence belongs to whom right now, and what each bucket's conclusions rest on."""

    by_bucket: Mapping[int, Mapping[str, Sequence[str]]]
    versions: Mapping[int, str]


def replay_beliefs(store: Engine, clock: Clock, buckets: Iterable[int] = ALL_BUCKETS) -> Replayed:
    """Bring the beliefs of these buckets, and their turns, in step with the evidence; writes nothing where nothing changed."""
    report = Replayed()
    with transaction(store) as session:
        slots = sorted(session.exec(select(Slot)), key=lambda slot: slot.name)  # what is out of use keeps its half-life
        half_lives = {slot.name: slot.half_life_days for slot in slots}
        learn(session, half_lives, clock.now())
        lesson = taught(session)
        rules = f"{RULES}-{weighed_by(slots)}-{lesson.version}"
        inputs = evidence_by_person(session, rules)
        pending = due(session, STAGE, buckets, inputs.versions)
    for bucket in track(pending, "beliefs replayed", len(pending)):
        with transaction(store) as session:
            _replay(session, bucket, inputs.by_bucket.get(bucket, {}), half_lives, lesson, report)
            settled(session, STAGE, bucket, inputs.versions[bucket], clock.now())
        report.buckets += 1
    return report


def evidence_by_person(session: Session, always: str) -> Inputs:
    """Ids of the evidence that counts and is on a slot in use, by bucket and person."""
    statement = (
        select(Evidence.id, Membership.entity_id)
        .join(Membership, col(Membership.record) == col(Evidence.subject))
        .where(col(Evidence.withdrawn_at).is_(None), Membership.scope == Scope.person.value, in_use())
    )
    found: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    inputs = []
    for evidence_id, person_id in session.exec(statement):
        bucket = bucket_of(person_id)
        found[bucket][person_id].append(evidence_id)
        inputs.append((bucket, (evidence_id, person_id)))
    return Inputs(found, versions(inputs, always))


def load_evidence(session: Session, ids: Iterable[str]) -> dict[str, Evidence]:
    """Evidence rows by id."""
    rows: dict[str, Evidence] = {}
    for some in chunks(list(ids)):
        rows |= {row.id: row for row in session.exec(select(Evidence).where(col(Evidence.id).in_(some))).all()}
    return rows


def _replay(
    session: Session,
    bucket: int,
    persons: Mapping[str, Sequence[str]],
    half_lives: Mapping[str, float],
    lesson: Taught,
    report: Replayed,
) -> None:
    evidence = load_evidence(session, (id_ for ids in persons.values() for id_ in ids))
    wanted = [
        belief
        for person_id, ids in persons.items()
        for belief in conclude(person_id, [evidence[id_] for id_ in ids], half_lives, lesson)
    ]
    turned = [
        one for person_id, ids in persons.items() for one in drifts(person_id, [evidence[i] for i in ids], lesson)
    ]
    known = session.exec(select(Drift).where(Drift.bucket == bucket)).all()
    report.drifts += bring_in_step(session, known, turned, lambda one: one.id)
    present = session.exec(select(Belief).where(Belief.bucket == bucket)).all()
    report.beliefs += bring_in_step(session, present, wanted, lambda belief: belief.id)
    report.persons += len(persons)
    report.contested += sum(belief.contested for belief in wanted)
    report.superseded += sum(belief.valid_to is not None for belief in wanted)
