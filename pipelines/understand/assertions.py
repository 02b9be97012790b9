"""What agents say of a person: kept as evidence of its own, least reliable class, and counted only where nobody has said or done anything.

An agent's word is never its own evidence: however often it is repeated, by however many agents, it counts once. What is drawn from
other beliefs names them, is never surer than the least sure of them, and can never support them (`beliefs.py`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from models import Belief, Evidence, Level, Observation, Polarity, Strength
from models.keys import RecordKey, content_id, stable_hash
from pipelines.understand.policy import Policy


def record_assertion(
    session: Session,
    *,
    subject: str,
    agent: str,
    about: tuple[str | None, str, str],
    polarity: Polarity,
    statement: str,
    parents: Sequence[Belief],
    purposes: Sequence[str],
    now: datetime,
) -> str:
    """Keep what an agent says on a topic (holder, slot, aspect), and from which beliefs it drew it; said again, it is as said now.

    Shape: `subject` is the written key of a record of the person; `purposes` are those of everything it was drawn from. Returns the
    id of the evidence.
    """
    holder, slot, aspect = about
    policy, level = Policy(), Level.deduced if parents else Level.asserted
    told = content_id(agent, subject, holder or "", slot, aspect, polarity.value, statement, now.isoformat())
    record = str(RecordKey("sidecar", agent, "assertion", told))
    observation = Observation(
        id=content_id(record, "text"),
        record=record,
        subject=subject,
        subject_hash=stable_hash(subject),
        source="agent",
        author="agent",
        text=statement,
        text_hash=content_id(statement),
        thread=record,
        occurred_at=now,
        recorded_at=now,
        lawful_basis=policy.lawful_basis,
        purposes=list(purposes),
        region=policy.region,
        retain_until=now + policy.retention,
    )
    named = sorted([belief.holder, belief.slot, belief.aspect, belief.polarity] for belief in parents)
    evidence = Evidence(
        id=content_id("assertion", told),
        observation_id=observation.id,
        text_hash=observation.text_hash,
        model=f"agent:{agent}",
        subject=subject,
        subject_hash=observation.subject_hash,
        holder=holder,
        slot=slot,
        aspect=aspect,
        polarity=polarity.value,
        level=level.value,
        basis={"parents": named} if parents else None,
        strength=Strength.explicit.value,
        statement=statement[:160],
        quote="",
        start=0,
        end=0,
        speaker=agent,
        speaker_role="agent",
        source_class=f"agent/{level.value}",
        thread=record,
        occurred_at=now,
        recorded_at=now,
    )
    session.add(observation)
    session.flush()
    session.add(evidence)
    return evidence.id
