"""Alignment of whole buckets of persons, wherever what was said, paid or joined has changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import intern

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Alignment, Payment, Scope
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.understand.alignment import Paid, Sample, history
from pipelines.understand.behaviour.deeds import facts_version
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of, due, settled, versions
from pipelines.understand.components import NOTHING_DONE, Doings
from pipelines.understand.doings import read_doings, summary
from pipelines.understand.people import belonging, chunks
from pipelines.understand.replay import evidence_by_person, load_evidence
from pipelines.understand.rows import Written, bring_in_step
from pipelines.understand.slots import active_slots
from pipelines.understand.topics import weighed_by
from pipelines.understand.weighing import schedule

STAGE = "alignment"
WHOLE = "alignment_inputs"
"""Under this stage stands what all scores rest on, so that a quiet run reads no facts."""
RULES = "3"
"""Version of the rules by which scores follow from evidence; another number scores everything anew."""
Purse = Mapping[str, Sequence[Paid]]
"""Payments by person or account, oldest first."""


@dataclass
class Scored:
    """What one scoring did: buckets and entities looked at, score rows written."""

    buckets: int = 0
    entities: int = 0
    scores: Written = field(default_factory=Written)


def score_alignment(lake: Lake, store: Engine, clock: Clock, buckets: Iterable[int] = ALL_BUCKETS) -> Scored:
    """Bring the scores of the persons in these buckets in step with evidence and payments."""
    report, chosen = Scored(), list(buckets)
    with transaction(store) as session:
        slots = active_slots(session)
        valences = {slot.name: slot.valence for slot in slots}
        half_lives = {slot.name: slot.half_life_days for slot in slots}
        inputs = evidence_by_person(session, "")
        rules = f"{RULES}-{weighed_by(slots)}"
        whole = content_id(rules, facts_version(lake, session), *(inputs.versions[one] for one in ALL_BUCKETS))
        if not due(session, WHOLE, [0], {0: whole}):
            return report
        purse = payments_by_owner(lake, session, Scope.person)
        doings = read_doings(lake, session, clock.now())
        present = _versions(inputs.versions, purse, doings, rules)
        pending, weights = due(session, STAGE, chosen, present), schedule(session)
    payers: dict[int, set[str]] = defaultdict(set)
    for person_id in purse:
        payers[bucket_of(person_id)].add(person_id)
    for bucket in track(pending, "persons scored", len(pending)):
        persons = inputs.by_bucket.get(bucket, {})
        with transaction(store) as session:
            evidence = load_evidence(session, (id_ for ids in persons.values() for id_ in ids))
            wanted: list[Alignment] = []
            for person_id in sorted(payers[bucket] | persons.keys()):
                own = [evidence[id_] for id_ in persons.get(person_id, ())]
                done = doings.get(person_id, NOTHING_DONE)
                scores = history(own, purse.get(person_id, ()), valences, half_lives, done, weights)
                wanted += [score_row(Scope.person, person_id, sample) for sample in scores]
                report.entities += bool(scores)
            report.scores += write_scores(session, Scope.person, bucket, wanted)
            settled(session, STAGE, bucket, present[bucket], clock.now())
        report.buckets += 1
    if set(chosen) == set(ALL_BUCKETS):
        with transaction(store) as session:
            settled(session, WHOLE, 0, whole, clock.now())
    return report


def payments_by_owner(lake: Lake, session: Session, scope: Scope) -> dict[str, list[Paid]]:
    """What persons, or accounts, have paid and got back."""
    payments = lake.facts(Payment)
    kept = payments.filter(payments.payer.notnull() & (payments.kind != "tax"))
    owned = kept.join(belonging(session, scope).rename(payer="record"), "payer")
    rows = owned.select("entity_id", "kind", "amount_minor", "currency", "occurred_at").order_by("occurred_at")
    found: dict[str, list[Paid]] = defaultdict(list)
    for batch in rows.to_pyarrow().to_batches():
        for row in batch.to_pylist():
            amount = row["amount_minor"] if row["kind"] == "charge" else -row["amount_minor"]
            found[row["entity_id"]].append(Paid(row["occurred_at"], amount, intern(row["currency"])))
    return found


def score_row(scope: Scope, entity_id: str, sample: Sample) -> Alignment:
    """A score as it is kept."""
    return Alignment(
        scope=scope.value,
        entity_id=entity_id,
        as_of=sample.as_of,
        bucket=bucket_of(entity_id),
        overall=round(sample.overall, 6),
        low=round(sample.low, 6),
        high=round(sample.high, 6),
        trend=sample.trend,
        components={
            name: {"value": round(part.value, 6), "n": float(part.n)} for name, part in sample.components.items()
        },
        coverage=sample.coverage,
        weights_version=sample.weights,
        evidence_ids=list(sample.evidence_ids),
    )


def scores_of(session: Session, scope: Scope, ids: Iterable[str]) -> dict[str, list[Alignment]]:
    """Alignment of these persons or accounts, oldest first."""
    found: dict[str, list[Alignment]] = {id_: [] for id_ in ids}
    for some in chunks(sorted(found)):
        rows = select(Alignment).where(Alignment.scope == scope.value, col(Alignment.entity_id).in_(some))
        for row in session.exec(rows.order_by(col(Alignment.as_of))):
            found[row.entity_id].append(row)
    return found


def write_scores(session: Session, scope: Scope, bucket: int, wanted: Sequence[Alignment]) -> Written:
    """Make these the scores of a bucket."""
    statement = select(Alignment).where(Alignment.scope == scope.value, Alignment.bucket == bucket)
    return bring_in_step(session, session.exec(statement).all(), wanted, lambda row: (row.entity_id, row.as_of))


def _versions(evidence: Mapping[int, str], purse: Purse, doings: Mapping[str, Doings], always: str) -> dict[int, str]:
    paid = versions(((bucket_of(owner), (owner, *digest(paid))) for owner, paid in purse.items()), always)
    done = versions((bucket_of(person), (person, *summary(done))) for person, done in doings.items())
    return {bucket: f"{paid[bucket]}{done[bucket]}:{evidence[bucket]}" for bucket in ALL_BUCKETS}


def digest(paid: Sequence[Paid]) -> tuple[int, int, str]:
    """Values that differ when any payment does."""
    return len(paid), _fingerprint(paid), paid[-1].at.isoformat()


def _fingerprint(paid: Sequence[Paid]) -> int:
    """A number that differs when an amount or its instant does."""
    return sum(part.amount * int(part.at.timestamp()) for part in paid)
