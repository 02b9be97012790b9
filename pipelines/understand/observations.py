"""What customers said, from every field that an interaction points to: the only place where text lives outside the raw record.

Quiet where nothing changed: a text is read only if its record has a newer version than the observation, or has been read as facts
anew. A record that is gone, or whose retention is over, withdraws its observation and with it the evidence; nothing is deleted here.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import ibis
import pyarrow as pa
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from models import BucketState, Interaction, Observation
from models.clock import Clock
from models.keys import content_id, stable_hash
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.progress import track
from pipelines.understand.buckets import settled
from pipelines.understand.people import chunks, refused
from pipelines.understand.policy import REFUSED, Policy
from pipelines.understand.settle import settle
from pipelines.understand.text import canonical

EMPTY = content_id("")
"""Hash of the text of an observation that says nothing: kept so that it is not read again, withdrawn so that it never counts."""
PORTION = 20_000
"""Texts read from the lake at a time: 80 MB of records of 4 kB."""
STAGE = "observations"
"""What is kept under this name: by which reading of each vendor its texts were collected, as JSON."""
OWN_PREFIX = "blf_"
"""What we wrote into a CRM is never evidence, whatever a translation makes of it."""


@dataclass
class Collected:
    """What one collection did, in numbers of observations."""

    seen: int = 0
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    empty: int = 0
    refused: int = 0


class Known(NamedTuple):
    """What the store knows of an observation."""

    batch: int
    text_hash: str
    withdrawn_at: datetime | None
    purposes: list[str]
    record: str
    subject: str
    retain_until: datetime


def collect_observations(lake: Lake, store: Engine, clock: Clock, policy: Policy | None = None) -> Collected:
    """Bring the observations in step with the facts and raw records of the lake.

    Shape: one observation per (record, field) whose id is their hash. Errors: none of its own; a field that is no text is empty.
    """
    policy, now, report = policy or Policy(), clock.now(), Collected()
    vendors = {vendor for vendor, _ in lake.streams()}
    readings = {vendor: lake.reading(Interaction, vendor) for vendor in sorted(vendors)}
    spoken = {fact["id"]: fact for fact in _spoken(lake) if fact["occurred_at"] + policy.retention > now}
    with transaction(store) as session:
        barred = refused(lake, session)
        known = _known(session)
        state = session.get(BucketState, (STAGE, 0))
        collected = json.loads(state.version) if state else {}
    anew = {vendor for vendor in vendors if collected.get(vendor) != readings[vendor]}
    report.seen, report.refused = len(spoken), sum(fact["subject"] in barred for fact in spoken.values())
    due = [
        fact
        for id_, fact in spoken.items()
        if fact["vendor"] in anew or _is_due(fact, known.get(id_), _purposes(fact, barred, policy))
    ]
    for texts in track(_texts(lake, due), "observations", None):
        with transaction(store) as session:
            _keep(session, texts, barred, policy, now, report)
    added = {id_: row for id_, row in known.items() if row.record.split("/", 1)[0] not in vendors}
    if vendors:  # without a lake nobody's refusal is known, and none may be lifted
        _bar(store, added, barred, policy, now)
    gone = [id_ for id_, row in known.items() if id_ not in spoken and (id_ not in added or row.retain_until <= now)]
    _withdraw(store, [id_ for id_ in gone if known[id_].withdrawn_at is None], now, report)
    if anew:
        with transaction(store) as session:
            settled(session, STAGE, 0, json.dumps(readings), now)
    return report


def _spoken(lake: Lake) -> Iterator[dict[str, Any]]:
    for fact in lake.facts(Interaction).drop("object", "account").to_pyarrow().to_pylist():
        if not fact["field"].lower().startswith(OWN_PREFIX):
            yield {**fact, "id": content_id(fact["record"], fact["field"])}


def _known(session: Session) -> dict[str, Known]:
    columns = (
        Observation.batch,
        Observation.text_hash,
        Observation.withdrawn_at,
        Observation.purposes,
        Observation.record,
        Observation.subject,
        Observation.retain_until,
    )
    rows = session.execute(select(Observation.id, *columns))  # type: ignore[call-overload]
    return {id_: Known(*rest) for id_, *rest in rows}


def _purposes(fact: Mapping[str, Any], barred: set[str], policy: Policy) -> list[str]:
    return REFUSED if fact["subject"] in barred else [purpose.value for purpose in policy.purposes]


def _is_due(fact: Mapping[str, Any], known: Known | None, purposes: list[str]) -> bool:
    if known is None or known.batch != fact["batch"] or known.purposes != purposes:
        return True
    return known.withdrawn_at is not None and known.text_hash != EMPTY


def _texts(lake: Lake, due: Sequence[dict[str, Any]]) -> Iterator[list[tuple[dict[str, Any], str]]]:
    """Facts with the text of the very version of the record that they were read from."""
    for vendor, stream in lake.streams():
        of_vendor = [fact for fact in due if fact["vendor"] == vendor]
        for some in chunks(of_vendor, PORTION):
            yield _texts_of(lake.raw(vendor, stream), some)


def _texts_of(raw: ibis.Table, facts: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
    by_version: dict[tuple[int, int], list[dict[str, Any]]] = {}
    for fact in facts:
        by_version.setdefault((fact["record_hash"], fact["batch"]), []).append(fact)
    hashes, batches = zip(*by_version, strict=True)
    wanted = pa.table({"record_hash": pa.array(hashes, pa.int64()), "batch": pa.array(batches, pa.int64())})
    rows = raw.semi_join(ibis.memtable(wanted), ["record_hash", "batch"]).select("record_hash", "batch", "payload")
    found = []
    for row in rows.to_pyarrow().to_pylist():
        payload = json.loads(row["payload"])
        for fact in by_version[row["record_hash"], row["batch"]]:
            text = payload.get(fact["field"])
            found.append((fact, text if isinstance(text, str) else ""))
    return found


def _keep(
    session: Session,
    texts: list[tuple[dict[str, Any], str]],
    barred: set[str],
    policy: Policy,
    now: datetime,
    report: Collected,
) -> None:
    touched: list[str] = []
    for some in chunks(texts):
        ids = [fact["id"] for fact, _ in some]
        present = {row.id: row for row in session.exec(select(Observation).where(col(Observation.id).in_(ids))).all()}
        for fact, raw in some:
            text = canonical(raw, fact["source"], html=fact["html"])
            wanted = _observation(fact, text, _purposes(fact, barred, policy), policy, now)
            report.empty += not text
            if (row := present.get(fact["id"])) is None:
                session.add(wanted)
                report.added += bool(text)
            else:
                report.changed += row.text_hash != wanted.text_hash
                if row.text_hash == wanted.text_hash:
                    wanted.recorded_at = row.recorded_at
                session.merge(wanted)
                touched.append(row.id)
    session.flush()
    settle(session, touched, now)


def _observation(fact: dict[str, Any], text: str, purposes: list[str], policy: Policy, now: datetime) -> Observation:
    return Observation(
        id=fact["id"],
        record=fact["record"],
        subject=fact["subject"],
        subject_hash=stable_hash(fact["subject"]),
        source=fact["source"],
        author=fact["author"],
        participants=fact["participants"] or [],
        regarding=fact["regarding"],
        thread=fact["thread"],
        text=text,
        text_hash=content_id(text),
        batch=fact["batch"],
        occurred_at=fact["occurred_at"],
        recorded_at=now,
        lawful_basis=policy.lawful_basis,
        purposes=purposes,
        region=policy.region,
        retain_until=fact["occurred_at"] + policy.retention,
        withdrawn_at=None if text else now,
    )


def _bar(store: Engine, added: Mapping[str, Known], barred: set[str], policy: Policy, now: datetime) -> None:
    """Refusals reach what came in by another door than a vendor's, too; taking one back lifts them."""
    turned = [id_ for id_, row in added.items() if (row.subject in barred) != (row.purposes == REFUSED)]
    for some in chunks(turned):
        with transaction(store) as session:
            for row in session.exec(select(Observation).where(col(Observation.id).in_(some))).all():
                row.purposes = _purposes({"subject": row.subject}, barred, policy)
            session.flush()
            settle(session, some, now)


def _withdraw(store: Engine, ids: list[str], now: datetime, report: Collected) -> None:
    for some in chunks(ids):
        with transaction(store) as session:
            for row in session.exec(select(Observation).where(col(Observation.id).in_(some))).all():
                row.withdrawn_at = now
            session.flush()
            settle(session, some, now)
    report.withdrawn += len(ids)
