"""Alignment of accounts, rolled up from the scores of their people and from what the account itself pays."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import Alignment, BucketState, Scope
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.understand import scoring
from pipelines.understand.alignment import Paid, Sample, components_of, engagement_value, pooled, samples
from pipelines.understand.buckets import ALL_BUCKETS, bucket_of, due, settled
from pipelines.understand.components import Component
from pipelines.understand.doings import members_by_account
from pipelines.understand.scoring import Purse, Scored, digest, payments_by_owner, score_row, scores_of, write_scores
from pipelines.understand.weighing import EQUAL, Weights, schedule

STAGE = "account_alignment"
RULES = "2"
"""Version of the rules of the roll-up; another number scores everything anew."""


def score_accounts(lake: Lake, store: Engine, clock: Clock) -> Scored:
    """Roll the scores of their people up to accounts: what each member last showed, and what the account itself pays."""
    report = Scored()
    with transaction(store) as session:
        members = members_by_account(lake, session)
        purse = payments_by_owner(lake, session, Scope.account)
        version = _account_version(session, members, purse)
        if not due(session, STAGE, [0], {0: version}):
            return report
        weights = schedule(session)
    by_bucket: dict[int, list[str]] = defaultdict(list)
    for account_id in sorted(members.keys() | purse.keys()):
        by_bucket[bucket_of(account_id)].append(account_id)
    for bucket in track(ALL_BUCKETS, "accounts scored", len(ALL_BUCKETS)):
        with transaction(store) as session:
            wanted = _wanted(session, by_bucket[bucket], members, purse, weights)
            report.scores += write_scores(session, Scope.account, bucket, wanted)
        report.entities += len({row.entity_id for row in wanted})
    with transaction(store) as session:
        settled(session, STAGE, 0, version, clock.now())
    report.buckets = 1
    return report


def _wanted(
    session: Session,
    accounts: Sequence[str],
    members: Mapping[str, Sequence[str]],
    purse: Purse,
    schedule: Sequence[Weights],
) -> list[Alignment]:
    """Every score of these accounts."""
    people = scores_of(session, Scope.person, {one for id_ in accounts for one in members.get(id_, ())})
    return [
        score_row(Scope.account, id_, sample)
        for id_ in accounts
        for sample in rolled_up({one: people[one] for one in members.get(id_, ())}, purse.get(id_, ()), schedule)
    ]


def rolled_up(
    people: Mapping[str, Sequence[Alignment]], payments: Sequence[Paid], schedule: Sequence[Weights] = (EQUAL,)
) -> list[Sample]:
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
    return samples(by_day.values(), schedule)


def _pooled(latest: Mapping[str, Alignment], payments: Sequence[Paid], instant: datetime) -> dict[str, Component]:
    parts: dict[str, list[Component]] = defaultdict(list)
    for row in latest.values():
        for name, part in components_of(row).items():
            parts[name].append(part)
    parts["engagement_value"].append(engagement_value(payments, instant))
    return {name: part for name, found in parts.items() if (part := pooled(found)).n}


def _ids(latest: Mapping[str, Alignment]) -> list[str]:
    return sorted({id_ for row in latest.values() for id_ in row.evidence_ids})


def _account_version(session: Session, members: Mapping[str, Sequence[str]], purse: Purse) -> str:
    states = session.exec(
        select(BucketState).where(BucketState.stage == scoring.STAGE).order_by(col(BucketState.bucket))
    ).all()
    joined = (f"{account} {' '.join(people)}" for account, people in sorted(members.items()))
    paid = (f"{owner} {digest(rows)}" for owner, rows in sorted(purse.items()))
    return content_id(RULES, *(state.version for state in states), *joined, *paid)
