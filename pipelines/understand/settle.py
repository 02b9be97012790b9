"""Which evidence counts: derived from observations and readings, so that what comes back counts again without being read again."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from models import Evidence, Extraction, Observation
from pipelines.understand.people import chunks
from pipelines.understand.policy import EXTRACTION, UNREAD


def settle(session: Session, observation_ids: Iterable[str], now: datetime, reader: str | None = None) -> int:
    """Withdraw or restore the evidence of these observations; returns how many rows changed.

    Evidence counts while its observation does, its text is the present one, its purposes allow reading, and its reading is the
    one in force: that of `reader` where there is one, else the latest. What was not read out of a text has no reading to lose.
    """
    changed = 0
    for some in chunks(sorted(set(observation_ids))):
        observations = session.exec(select(Observation).where(col(Observation.id).in_(some))).all()
        by_id = {observation.id: observation for observation in observations}
        in_force = _readings(session, some, reader)
        for row in session.exec(select(Evidence).where(col(Evidence.observation_id).in_(some))).all():
            observation = by_id[row.observation_id]
            current = in_force.get((row.observation_id, row.text_hash))
            in_time = row.text_hash == observation.text_hash and (observation.source in UNREAD or row.model == current)
            counts = readable(observation) and in_time
            if counts != (row.withdrawn_at is None):
                row.withdrawn_at = None if counts else now
                changed += 1
    return changed


def readable(observation: Observation) -> bool:
    """Whether an observation counts and may be read for beliefs."""
    return observation.withdrawn_at is None and EXTRACTION in observation.purposes


def reader_of(extraction: Extraction) -> str:
    """The reader as evidence names it."""
    return f"{extraction.model}:{extraction.prompt}:{extraction.schema_hash}"


def _readings(session: Session, observation_ids: list[str], reader: str | None) -> dict[tuple[str, str], str]:
    read = (col(Extraction.observation_id).in_(observation_ids), Extraction.status == "ok")
    rows = session.exec(select(Extraction).where(*read)).all()
    in_force: dict[tuple[str, str], str] = {}
    for row in sorted(rows, key=lambda row: (row.extracted_at, reader_of(row))):
        key = (row.observation_id, row.text_hash)
        if in_force.get(key) != reader or reader is None:
            in_force[key] = reader_of(row)
    return in_force
