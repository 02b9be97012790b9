"""How much of the open pipeline has words to read: no extractor finds beliefs where nobody wrote anything down."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from connectors.base import Finding
from models import Membership, Observation, Outcome, Relation
from models.keys import stable_hash
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.workspace import Workspace

RECENT = timedelta(days=90)  # the half-life of most slots is longer, of most deals shorter
REMEDY = (
    "Log calls and e-mails on the contacts and opportunities they belong to, give opportunities contact roles, and let the "
    "integration user read Task, Event, EmailMessage and Case descriptions."
)


def words_on_deals(workspace: Workspace) -> Finding:
    """The share of open opportunities that have text of the last 90 days: on themselves or on somebody who plays a part in them."""
    subject = "text on open opportunities"
    deals = _open_deals(workspace.lake)
    if not deals:
        return Finding(subject, ok=True, message="no open opportunity has been pulled yet")
    with transaction(workspace.store) as session:
        spoken = _sources(session, workspace.lake, deals, workspace.clock.now() - RECENT)
    reached = {deal for found in spoken.values() for deal in found}
    share = len(reached) / len(deals)
    by_source = sorted(spoken.items(), key=lambda item: (-len(item[1]), item[0]))
    parts = ", ".join(f"{source} {len(found) / len(deals):.0%}" for source, found in by_source) or "no source at all"
    message = f"{len(reached)} of {len(deals)} ({share:.0%}) have words of the last {RECENT.days} days: {parts}"
    return Finding(subject, ok=bool(reached), message=message, remedy=REMEDY)


def _open_deals(lake: Lake) -> set[str]:
    outcomes = lake.facts(Outcome)
    return set(outcomes.filter(outcomes.status == "open").record.to_pyarrow().to_pylist())


def _sources(session: Session, lake: Lake, deals: set[str], since: datetime) -> dict[str, set[str]]:
    """Open deals by the source of the texts that reach them."""
    parts = _parts(session, lake, deals)
    query = (
        select(Observation.source, Observation.regarding, Membership.entity_id)
        .join(Membership, col(Membership.record_hash) == col(Observation.subject_hash), isouter=True)
        .where(col(Observation.withdrawn_at).is_(None), col(Observation.occurred_at) >= since)
        .distinct()
    )
    found: dict[str, set[str]] = defaultdict(set)
    for source, regarding, person in session.exec(query):
        found[source] |= parts[person]
        if regarding in deals:
            found[source].add(regarding)
    return {source: reached for source, reached in found.items() if reached}


def _parts(session: Session, lake: Lake, deals: set[str]) -> dict[str | None, set[str]]:
    """The open deals that each person plays a part in."""
    relations = lake.facts(Relation)
    rows = relations.filter(relations.kind == "contact_role").select("subject", "other").to_pyarrow().to_pylist()
    members = select(Membership.record_hash, Membership.entity_id).where(Membership.scope == "person")
    person_of = dict(session.exec(members).all())
    parts: dict[str | None, set[str]] = defaultdict(set)
    for row in rows:
        if row["other"] in deals and (person := person_of.get(stable_hash(row["subject"]))):
            parts[person].add(row["other"])
    return parts
