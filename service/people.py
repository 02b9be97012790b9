"""Finding the person somebody means, and reading what lake and store hold on them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import ibis
from sqlmodel import Session, col, select

from models import (
    Engagement,
    Entity,
    Erasure,
    Evidence,
    Forgotten,
    Identifier,
    Membership,
    Observation,
    Profile,
    Purpose,
)
from models.identifiers import normalise
from models.keys import stable_hash
from pipelines.ingest.forgotten import address_hash
from pipelines.ingest.lake import Lake
from pipelines.stitch.derived import SPEND
from pipelines.stitch.entities import resolve
from pipelines.understand.slots import in_use
from service.errors import UsageError

NEVER = datetime.max.replace(tzinfo=UTC)
LONGEST_NAMED = 80
"""Characters of what was asked that are said back."""


def find_person(session: Session, lake: Lake, asked: str) -> str:
    """Id of the person behind a person id, record key, CRM id or e-mail address.

    Errors: UsageError if there is none, or several, or if they were forgotten.
    """
    found = {resolve(session, entity) for entity in _candidates(session, lake, asked.strip())}
    named = asked if len(asked) <= LONGEST_NAMED else f"{asked[:LONGEST_NAMED]}…"
    if not found and is_tombstone(session, asked):
        raise UsageError(f"{named!r} names somebody who was forgotten; nothing is held of them.")
    if not found:
        raise UsageError(
            f"No person is known as {named!r}; give an e-mail address, a person id, a CRM id or a record key."
        )
    if len(found) > 1:
        raise UsageError(f"{asked!r} names {len(found)} persons; give one of their ids: {', '.join(sorted(found))}.")
    person_id = found.pop()
    if at := _forgotten_at(session, person_id):
        raise UsageError(f"{named!r} was forgotten on {at:%Y-%m-%d}; nothing is held of them.")
    return person_id


def is_tombstone(session: Session, asked: str) -> bool:
    """Whether a record key or an address was somebody's who is forgotten; only their hashes are kept."""
    asked = asked.strip()
    named = col(Forgotten.hash).in_([stable_hash(asked), address_hash(asked)])
    return session.exec(select(Forgotten).where(named)).first() is not None


def records_of(session: Session, person_id: str) -> list[Membership]:
    """The records that make the person, in order of their keys."""
    query = select(Membership).where(Membership.entity_id == person_id, Membership.scope == "person")
    return sorted(session.exec(query), key=lambda row: row.record)


def evidence_of(session: Session, records: Sequence[Membership], purpose: Purpose, present: datetime) -> list[Evidence]:
    """All evidence that hangs on these records, may be used for the purpose (the subject may see all of it) and may still be kept."""
    query = (
        select(Evidence, Observation)
        .join(Observation, col(Observation.id) == col(Evidence.observation_id))
        .where(col(Evidence.subject_hash).in_([row.record_hash for row in records]))
        .where(col(Observation.retain_until) > present)
    )
    if purpose is not Purpose.subject:
        query = query.where(in_use())
    return [
        evidence
        for evidence, observation in session.exec(query)
        if purpose is Purpose.subject or purpose in observation.purposes
    ]


def profiles_of(lake: Lake, records: Sequence[Membership]) -> list[dict[str, Any]]:
    """What each record says the person is called and is, the oldest record first."""
    profile = lake.facts(Profile)
    rows = profile.filter(profile.record_hash.isin([row.record_hash for row in records])).to_pyarrow().to_pylist()
    return sorted(rows, key=lambda row: (row["created_at"] or NEVER, row["record"]))


def derived_rows(lake: Lake, table: str, person_id: str, column: str) -> list[dict[str, Any]]:
    """The person's rows of a derived table; empty if it was never written."""
    found = lake.table(table)
    return [] if found is None else found.filter(found[column] == person_id).to_pyarrow().to_pylist()


def cost_of(lake: Lake, person_id: str) -> list[dict[str, Any]]:
    """What ads cost to bring the person, one row per currency: `currency, amount` in minor units; empty if no ad is known to have."""
    found = lake.table(SPEND.name)
    if found is None:
        return []
    own = found.filter(found.person_id == person_id)
    sums = own.group_by("currency").agg(amount=own.amount.sum().cast("int64")).order_by("currency")
    rows: list[dict[str, Any]] = sums.to_pyarrow().to_pylist()
    return rows


def brought_by_ads(lake: Lake) -> dict[str, set[str]]:
    """The ad platforms that brought each person, of those whom an ad is known to have brought."""
    found = lake.table(SPEND.name)
    if found is None:
        return {}
    told = found.filter(found.person_id.notnull()).select("person_id", "vendor").distinct().to_pyarrow().to_pylist()
    people: dict[str, set[str]] = {}
    for row in told:
        people.setdefault(row["person_id"], set()).add(row["vendor"])
    return people


def engagements_of(lake: Lake, records: Sequence[Membership]) -> list[dict[str, Any]]:
    """What was done with the person, by whoever tells of it: `vendor, kind, times`, in the order of their names."""
    told = lake.facts(Engagement)
    own = told.filter(told.subject.isin([row.record for row in records]))
    counts = own.group_by("vendor", "kind").agg(times=own.count()).order_by("vendor", "kind")
    rows: list[dict[str, Any]] = counts.to_pyarrow().to_pylist()
    return rows


def _forgotten_at(session: Session, person_id: str) -> datetime | None:
    """When it was decided to forget a person of whom no record is left; None if there are records, or nobody decided so."""
    if records_of(session, person_id):
        return None
    decided = select(Erasure.asked_at).where(Erasure.person_id == person_id).order_by(col(Erasure.id).desc())
    return session.exec(decided).first()


def _candidates(session: Session, lake: Lake, asked: str) -> set[str]:
    entity = session.get(Entity, asked)
    if entity and entity.scope == "person":  # an id that was merged away resolves for ever
        return {asked}
    named = (col(Membership.record) == asked) | col(Membership.record).endswith(f"/{asked}", autoescape=True)
    found = set(session.exec(select(Membership.entity_id).where(Membership.scope == "person", named)))
    email = normalise("email", asked)
    if found or not email:
        return found
    identifier = lake.facts(Identifier)
    hashes = (
        identifier.filter((identifier.kind == "email") & (identifier.value == ibis.literal(email)))
        .record_hash.to_pyarrow()
        .to_pylist()
    )
    by_hash = select(Membership.entity_id).where(Membership.scope == "person", col(Membership.record_hash).in_(hashes))
    return set(session.exec(by_hash))
