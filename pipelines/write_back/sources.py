"""What every live record of the CRM should show, read from lake and store; nothing is asked of the CRM.

Every live record of a person gets the same values, so duplicates and unconverted leads agree. Only evidence whose purposes allow
write-back is shown, and of somebody who opted out nothing is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from connectors.registry import connectors_by_name
from models import Alignment, Belief, Evidence, Observation, Purpose, Scope
from models.keys import RecordKey
from models.store import transaction
from pipelines.ingest.sources import unusable_variables
from pipelines.progress import track
from pipelines.understand.alignment import components_of, faded, with_stance
from pipelines.understand.beliefs import conclude
from pipelines.understand.components import Component
from pipelines.understand.lessons import taught
from pipelines.understand.people import chunks
from pipelines.understand.replay import load_evidence
from pipelines.understand.scoring import scores_of
from pipelines.understand.weighing import Weights, by_version
from pipelines.write_back.cast import Cast
from pipelines.write_back.compare import CHANGED, OPTED_OUT, Values, Wanted
from pipelines.write_back.consents import Showing
from pipelines.write_back.fields import ACCOUNT, DEAL, PERSON
from pipelines.write_back.known import Account, Figures, Person
from pipelines.write_back.values import (
    account_values,
    crossed,
    deal_scores,
    deal_values,
    numbered,
    numbered_together,
    person_values,
)

FEW = 50
"""Accounts or deals whose people are in memory together; those of one may be hundreds."""


def gather(store: Engine, cast: Cast, now: datetime) -> Iterator[Wanted]:
    """What every live record should show at an instant, persons first, then accounts, then deals. Shape: each record once."""
    known = [entity for entity in sorted(cast.records) if entity in cast.names]
    for ids in track(chunks(known), "portions of persons compared"):
        for person_id, person in _people(store, cast, ids, now).items():
            for record in cast.records[person_id]:
                yield _of_person(record, person, cast)
    for ids in chunks([entity for entity in sorted(cast.records) if entity not in cast.names], FEW):
        people = _people(store, cast, {one for id_ in ids for one in cast.members.get(id_, ())}, now)
        for account in _accounts(store, cast, ids, people):
            values = account_values(account, cast.slots)
            for record in cast.records[account.id]:
                why = _why(values, cast.members.get(account.id, ()), cast)
                told, late = numbered_together(account.people), crossed(account.scores, account.present)
                yield Wanted(record, ACCOUNT, account.id, values, why, told, late)
    for deals in chunks(list(cast.deals), FEW):
        people = _people(store, cast, {one for _, ids in deals for one in ids}, now)
        for deal, parts in deals:
            present = replace(deal, people=[people[id_] for id_ in parts if id_ in people])
            values = deal_values(present, cast.slots)
            why = _why(values, parts, cast)
            told, late = numbered_together(present.people), crossed(*deal_scores(present))
            yield Wanted(deal.record, DEAL, deal.entity_id, values, why, told, late)


def _of_person(record: RecordKey, person: Person, cast: Cast) -> Wanted:
    if person.id in cast.silenced:
        return Wanted(record, PERSON, person.id, {}, OPTED_OUT)
    values, late = person_values(person, cast.slots), crossed(person.scores, person.present)
    return Wanted(record, PERSON, person.id, values, CHANGED, numbered(person), late)


def _why(values: Values, people: Iterable[str], cast: Cast) -> str:
    """Where nobody is left to be heard because somebody opted out, that is the reason."""
    return OPTED_OUT if not values and not cast.silenced.isdisjoint(people) else CHANGED


def _people(store: Engine, cast: Cast, ids: Iterable[str], now: datetime) -> dict[str, Person]:
    """These people with beliefs, words, scores and figures; those who opted out by name only."""
    wanted_ids = sorted(set(ids) & cast.names.keys())
    heard = [id_ for id_ in wanted_ids if id_ not in cast.silenced]
    with transaction(store) as session:
        beliefs, scores = _beliefs(session, heard), scores_of(session, Scope.person, heard)
        behind = {id_ for rows in beliefs.values() for row in rows for id_ in row.evidence_ids}
        behind |= {id_ for rows in scores.values() for row in rows[-1:] for id_ in row.evidence_ids}
        evidence = load_evidence(session, behind)
        forbidden, links = barred(session, evidence), addresses(session, evidence)
        lesson, weights = taught(session), by_version(session)
    half_lives = {slot.name: slot.half_life_days for slot in cast.slots}
    people = {id_: cast.names[id_] for id_ in wanted_ids}
    for id_ in heard:
        own = [evidence[one] for row in beliefs[id_] for one in row.evidence_ids if one in evidence]
        allowed = {row.id: row for row in own if row.id not in forbidden}
        whole = len(allowed) == len({row.id for row in own})
        shown = [row for row in scores[id_] if forbidden.isdisjoint(row.evidence_ids)]
        latest = shown[-1] if shown else None
        people[id_] = replace(
            people[id_],
            beliefs=beliefs[id_] if whole else conclude(id_, list(allowed.values()), half_lives, lesson),
            evidence=list(allowed.values()),
            scores=shown,
            present=latest
            and faded(
                latest, [evidence[one] for one in latest.evidence_ids], cast.slots, weights[latest.weights_version], now
            ),
            links={row.id: links[row.id] for row in allowed.values() if row.id in links},
            figures=cast.figures.persons.get(id_, Figures()),
        )
    return people


def _accounts(store: Engine, cast: Cast, ids: Sequence[str], people: Mapping[str, Person]) -> Iterator[Account]:
    with transaction(store) as session:
        scores = scores_of(session, Scope.account, ids)
        forbidden = barred(session, {one for rows in scores.values() for row in rows for one in row.evidence_ids})
        weights = by_version(session)
    for id_ in ids:
        members = [people[one] for one in cast.members.get(id_, ()) if one in people]
        shown = [row for row in scores[id_] if forbidden.isdisjoint(row.evidence_ids)]
        present = _together(shown[-1], members, weights) if shown else None
        yield Account(id_, members, shown, present, cast.figures.accounts.get(id_))


def _together(score: Alignment, members: Sequence[Person], weights: Mapping[str, Weights]) -> Alignment:
    """An account's score, with what its people hold faded. Whoever is not at hand holds what they held: that is no silence."""
    held = components_of(score).get("stance")
    if held is None:
        return score
    lost = sum(_lost(person.scores[-1], person.present) for person in members if _rests_on(score, person))
    return with_stance(score, Component(held.value - lost / held.n, held.n), weights[score.weights_version])


def _rests_on(score: Alignment, person: Person) -> bool:
    """Whether the last that is shown of the person is part of the account's score."""
    return bool(person.scores) and person.scores[-1].as_of <= score.as_of


def _lost(heard: Alignment, present: Alignment | None) -> float:
    """How much of a person's stance silence has taken, weighed by what was observed of it."""
    before = components_of(heard).get("stance")
    return before.n * (before.value - components_of(present)["stance"].value) if before and present else 0.0


def _beliefs(session: Session, person_ids: Sequence[str]) -> dict[str, list[Belief]]:
    found: dict[str, list[Belief]] = {id_: [] for id_ in person_ids}
    for some in chunks(person_ids):
        for row in session.exec(select(Belief).where(col(Belief.person_id).in_(some)).order_by(Belief.id)):
            found[row.person_id].append(row)
    return found


def barred(session: Session, evidence_ids: Iterable[str]) -> set[str]:
    """Evidence from observations that may not be shown in a CRM: for want of purpose, or for where they may be processed."""
    regions = Showing().regions
    return {
        id_
        for id_, seen in _observed(session, evidence_ids)
        if Purpose.write_back not in seen.purposes or (regions and seen.region not in regions)
    }


def addresses(session: Session, evidence_ids: Iterable[str]) -> dict[str, str]:
    """Where the record of each piece of evidence is seen in its own system, by id of the evidence."""
    rooms = {
        name: (connector.address, connector.settings())
        for name, connector in connectors_by_name().items()
        if connector.address and not unusable_variables(connector)
    }
    found = {}
    for id_, seen in _observed(session, evidence_ids):
        record = RecordKey.parse(seen.record)
        address, settings = rooms.get(record.vendor, (None, None))
        if address and (link := address(settings, record, RecordKey.parse(seen.subject))):
            found[id_] = link
    return found


class Seen(NamedTuple):
    """Of an observation, all that showing it needs."""

    record: str
    subject: str
    purposes: list[str]
    region: str


def _observed(session: Session, evidence_ids: Iterable[str]) -> Iterator[tuple[str, Seen]]:
    columns = (Observation.record, Observation.subject, Observation.purposes, Observation.region)
    for some in chunks(sorted(evidence_ids)):
        rows = (
            select(Evidence.id, *columns)  # type: ignore[call-overload]  # SQLModel's types end at four columns
            .join(Observation, col(Observation.id) == col(Evidence.observation_id))
            .where(col(Evidence.id).in_(some))
        )
        for id_, *seen in session.exec(rows):
            yield id_, Seen(*seen)
