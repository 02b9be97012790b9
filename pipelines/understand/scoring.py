"""Alignment of whole buckets of persons, and of all accounts, wherever what was said, paid or joined has changed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Alignment, BucketState, Membership, Payment, Relation, Scope
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.understand.alignment import WEIGHTS, Component, Paid, Sample, engagement_value, history, pooled, samples
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of, due, settled, versions
from pipelines.understand.people import chunks
from pipelines.understand.replay import evidence_by_person, load_evidence
from pipelines.understand.rows import Written, bring_in_step
from pipelines.understand.slots import active_slots, slots_version

STAGE, ACCOUNTS = "alignment", "account_alignment"
RULES = "1"
"""Version of the rules by which scores follow from evidence; another number scores everything anew."""
MEMBER = "member_of"

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
    report = Scored()
    with transaction(store) as session:
        slots = active_slots(session)
        valences = {slot.name: slot.valence for slot in slots}
        half_lives = {slot.name: slot.half_life_days for slot in slots}
        inputs = evidence_by_person(session, "")
        purse = payments_by_owner(lake, session, Scope.person)
        present = _versions(inputs.versions, purse, f"{RULES}-{WEIGHTS}-{slots_version(slots)}")
        pending = due(session, STAGE, buckets, present)
    payers: dict[int, set[str]] = defaultdict(set)
    for person_id in purse:
        payers[bucket_of(person_id)].add(person_id)
    for bucket in track(pending, "persons scored", len(pending), every=16):
        persons = inputs.by_bucket.get(bucket, {})
        with transaction(store) as session:
            evidence = load_evidence(session, (id_ for ids in persons.values() for id_ in ids))
            wanted: list[Alignment] = []
            for person_id in sorted(payers[bucket] | persons.keys()):
                own = [evidence[id_] for id_ in persons.get(person_id, ())]
                scores = history(own, purse.get(person_id, ()), valences, half_lives)
                wanted += [_row(Scope.person, person_id, sample) for sample in scores]
                report.entities += bool(scores)
            report.scores += _write(session, Scope.person, bucket, wanted)
            settled(session, STAGE, bucket, present[bucket], clock.now())
        report.buckets += 1
    return report


def score_accounts(lake: Lake, store: Engine, clock: Clock) -> Scored:
    """Roll the scores of their people up to accounts: what each member last showed, and what the account itself pays."""
    report = Scored()
    with transaction(store) as session:
        members = members_by_account(lake, session)
        purse = payments_by_owner(lake, session, Scope.account)
        version = _account_version(session, members, purse)
        if not due(session, ACCOUNTS, [0], {0: version}):
            return report
        by_person = _scores_by_person(session)
        wanted = []
        for account_id in track(sorted(members.keys() | purse.keys()), "accounts scored", None, every=1_000):
            people = {person: by_person[person] for person in members.get(account_id, ()) if person in by_person}
            scores = rolled_up(people, purse.get(account_id, ()))
            wanted += [_row(Scope.account, account_id, sample) for sample in scores]
            report.entities += bool(scores)
        report.scores += _write(session, Scope.account, None, wanted)
        settled(session, ACCOUNTS, 0, version, clock.now())
    report.buckets = 1
    return report


def rolled_up(people: Mapping[str, Sequence[Alignment]], payments: Sequence[Paid]) -> list[Sample]:
    """Scores of an account: at every sample of a member or payment of its own, from what each member showed last."""
    events: list[tuple[datetime, str, Alignment | None]] = [
        (row.as_of, person, row) for person, rows in people.items() for row in rows
    ]
    events += [(paid.at, "", None) for paid in payments]
    latest: dict[str, Alignment] = {}
    by_day: dict[object, tuple[datetime, Mapping[str, Component], Sequence[str]]] = {}
    for instant, person, row in sorted(events, key=lambda event: event[:2]):
        if row is not None:
            latest[person] = row
        by_day[instant.date()] = (instant, _pooled(latest, payments, instant), _ids(latest))
    return samples(by_day.values())


def members_by_account(lake: Lake, session: Session) -> dict[str, list[str]]:
    """Persons by account, from memberships that are in force."""
    relations = lake.facts(Relation)
    current = relations.filter((relations.kind == MEMBER) & relations.valid_to.isnull()).select("subject", "other")
    pairs = current.distinct().to_pyarrow().to_pylist()
    persons = owners(session, {pair["subject"] for pair in pairs}, Scope.person)
    accounts = owners(session, {pair["other"] for pair in pairs}, Scope.account)
    found: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        if (person := persons.get(pair["subject"])) and (account := accounts.get(pair["other"])):
            found[account].add(person)
    return {account: sorted(people) for account, people in found.items()}


def payments_by_owner(lake: Lake, session: Session, scope: Scope) -> dict[str, list[Paid]]:
    """What persons, or accounts, have paid and got back."""
    payments = lake.facts(Payment)
    kept = payments.filter(payments.payer.notnull() & (payments.kind != "tax"))
    rows = kept.select("payer", "kind", "amount_minor", "currency", "occurred_at").to_pyarrow().to_pylist()
    payers = owners(session, {row["payer"] for row in rows}, scope)
    found: dict[str, list[Paid]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row["occurred_at"]):
        if owner := payers.get(row["payer"]):
            amount = row["amount_minor"] if row["kind"] == "charge" else -row["amount_minor"]
            found[owner].append(Paid(row["occurred_at"], amount, row["currency"]))
    return found


def owners(session: Session, records: Iterable[str], scope: Scope) -> dict[str, str]:
    """The person or account of each record that has one."""
    found: dict[str, str] = {}
    for some in chunks(sorted(records)):
        statement = select(Membership.record, Membership.entity_id).where(
            col(Membership.record).in_(some), Membership.scope == scope.value
        )
        found |= dict(session.exec(statement).all())
    return found


def _pooled(latest: Mapping[str, Alignment], payments: Sequence[Paid], instant: datetime) -> dict[str, Component]:
    parts: dict[str, list[Component]] = defaultdict(list)
    for row in latest.values():
        for name, part in row.components.items():
            parts[name].append(Component(part["value"], int(part["n"])))
    parts["engagement_value"].append(engagement_value(payments, instant))
    return {name: part for name, found in parts.items() if (part := pooled(found)).n}


def _ids(latest: Mapping[str, Alignment]) -> list[str]:
    return sorted({id_ for row in latest.values() for id_ in row.evidence_ids})


def _row(scope: Scope, entity_id: str, sample: Sample) -> Alignment:
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
        weights_version=WEIGHTS,
        evidence_ids=list(sample.evidence_ids),
    )


def _write(session: Session, scope: Scope, bucket: int | None, wanted: Sequence[Alignment]) -> Written:
    statement = select(Alignment).where(Alignment.scope == scope.value)
    if bucket is not None:
        statement = statement.where(Alignment.bucket == bucket)
    return bring_in_step(session, session.exec(statement).all(), wanted, lambda row: (row.entity_id, row.as_of))


def _versions(evidence: Mapping[int, str], purse: Purse, always: str) -> dict[int, str]:
    paid = versions(((bucket_of(owner), (owner, *_digest(paid))) for owner, paid in purse.items()), always)
    return {bucket: f"{paid[bucket]}:{evidence[bucket]}" for bucket in ALL_BUCKETS}


def _digest(paid: Sequence[Paid]) -> tuple[int, int, str]:
    return len(paid), _fingerprint(paid), paid[-1].at.isoformat()


def _fingerprint(paid: Sequence[Paid]) -> int:
    """A number that differs when an amount or its instant does."""
    return sum(part.amount * int(part.at.timestamp()) for part in paid)


def _account_version(session: Session, members: Mapping[str, Sequence[str]], purse: Purse) -> str:
    states = session.exec(select(BucketState).where(BucketState.stage == STAGE).order_by(col(BucketState.bucket))).all()
    joined = (f"{account} {' '.join(people)}" for account, people in sorted(members.items()))
    paid = (f"{owner} {_digest(rows)}" for owner, rows in sorted(purse.items()))
    return content_id(RULES, WEIGHTS, *(state.version for state in states), *joined, *paid)


def _scores_by_person(session: Session) -> dict[str, list[Alignment]]:
    found: dict[str, list[Alignment]] = defaultdict(list)
    statement = select(Alignment).where(Alignment.scope == Scope.person.value).order_by(col(Alignment.as_of))
    for row in session.exec(statement).all():
        found[row.entity_id].append(row)
    return found
