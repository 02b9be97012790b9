"""What reps answer in the CRM: a belief's number, a verdict and a correction become a review, and the fields are emptied by a plan.

The pull tells which records have an answer, and who gave it when; the CRM tells what it says right now; the ledger tells which text
was shown at that time, so that a number means what it meant to the reader. An answer is emptied only once the review is kept, and
kept as often as it is read: it is one review. An answer that cannot be understood stays where it is, and the summary says why.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby, islice
from typing import Any

import ibis
import orjson
from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from connectors.base import Crm, FieldValue
from connectors.registry import connectors_by_name
from models import Belief, IntendedWrite, Membership, RecordKey, Verdict, WritePlan
from models.base import new_id
from models.clock import Clock
from models.keys import content_id
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.understand.reviews import Said, record_review
from pipelines.write_back.compare import ANSWERED, REASONS, Wanted
from pipelines.write_back.fields import ANSWERS, FIELDS, LOCK
from pipelines.write_back.held import as_held, as_json, from_json, kept_hash, value_hash
from pipelines.write_back.rows import Row

ASKED = tuple(spec for spec in ANSWERS if spec is not LOCK)
TOLD = re.compile(
    r"^(?P<number>\d+)  [+\-?·]  (?P<told>.+?)(?:\. (?:Sure|Fairly sure|A worry|Likely|Unsure) \(\d+ %\).*)?$",
    re.MULTILINE,
)
"""A numbered belief in a summary, up to where it says how sure we are."""
CERTAINTY = re.compile(r" \((?:sure|fairly sure|a worry|likely|unsure|contested)(?:, getting \w+)?\)$")
"""How a top belief ends."""
UNNAMED = "somebody in the CRM"
"""The CRM does not say who changed a single field."""
NO_NUMBER = "say in Feedback on number which belief you mean"
NO_VERDICT = "choose Agree, Disagree or Unsure in Feedback"
NOTHING_SHOWN = "no belief is shown here that could be answered"
NOT_HELD = "that belief is not held any more; look at the ones below"
VERDICTS = {verdict.value: verdict for verdict in Verdict}
"""By the word that a rep chooses, in small letters; an administrator may have added others, which say nothing to us."""


class NotUnderstood(ValueError):
    """An answer that names no belief; the message tells the rep what to do."""


@dataclass(frozen=True)
class Answer:
    """What a rep has filled in on a record, by whom and when as the CRM tells, UTC."""

    record: RecordKey
    verdict: str | None
    number: float | None
    correction: str | None
    by: str
    at: datetime


@dataclass
class Feedback:
    """What became of the answers that were found."""

    taken: dict[RecordKey, Mapping[str, FieldValue]] = field(default_factory=dict)
    """Records whose answer is kept, with what their fields hold, by our names: to be emptied."""
    unclear: dict[RecordKey, str] = field(default_factory=dict)
    """Records whose answer was not understood, with what their reader is told."""

    @property
    def counts(self) -> dict[str, int]:
        """For the plan."""
        return {"feedback kept": len(self.taken), "feedback not understood": len(self.unclear)}

    def said(self, wanted: Iterable[Wanted]) -> Iterator[Wanted]:
        """What is wanted, with a first line for the reader where an answer was not understood."""
        for one in wanted:
            why = self.unclear.get(one.record)
            if why and one.values.get("summary"):
                text = f"Your feedback was not taken: {why}.\n{one.values['summary']}"
                yield replace(one, values={**one.values, "summary": text})
            else:
                yield one

    def emptied(self, plan_id: str, api: Mapping[str, str], now: datetime) -> list[Row]:
        """The rows of a plan that empty the answers taken."""
        nothing = value_hash(None)
        return [
            Row(
                id=new_id(now), plan_id=plan_id, record=str(record), entity_id=str(record), field=api[name],
                old_value=as_json(value), new_value=as_json(None), value_hash=nothing, reason=ANSWERED, state="planned",
            )
            for record, values in self.taken.items()
            for name, value in values.items()
            if value is not None
        ]  # fmt: skip


def listen(crm: Crm, vendor: str, *, lake: Lake, store: Engine, clock: Clock) -> Feedback:
    """Keep every answer that stands in the CRM right now, and every text of ours that somebody wrote over.

    Errors: what the connector raises.
    """
    feedback = Feedback()
    api = {spec.name: crm.field_name(spec) for spec in FIELDS}
    answered = _answered(lake, crm, vendor, api)
    held = _present(crm, list(answered), api)
    for record, (by, pulled) in answered.items():
        present = held[record]
        if not any(present.values()):
            continue  # emptied since the last pull, by us or by the rep
        with transaction(store) as session:
            at = max(pulled, _emptied_at(session, record) or pulled)
            answer = Answer(
                record,
                _text(present["feedback"]),
                _number(present["feedback_belief"]),
                _text(present["correction"]),
                by,
                at,
            )
            try:
                _keep(session, answer, api["summary"], clock.now())
            except NotUnderstood as error:
                feedback.unclear[record] = str(error)
            else:
                feedback.taken[record] = present
    _overwritten(store, f"{vendor}/{crm.account}/", api, clock.now())
    return feedback


def _answered(lake: Lake, crm: Crm, vendor: str, api: Mapping[str, str]) -> dict[RecordKey, tuple[str, datetime]]:
    """Records that had an answer when they were pulled last, with who gave it and when."""
    connector = connectors_by_name()[vendor]
    names = [api[spec.name] for spec in ASKED]
    objects = {name for subjects in crm.subjects.values() for name in subjects}
    found: dict[RecordKey, tuple[list[Any], tuple[str, datetime], bool]] = {}
    for stream in (stream for stream in connector.streams if stream.object in objects):
        latest = lake.latest(vendor, stream.name)
        marked = ibis.or_(*(latest.payload.contains(f'"{name}"') for name in names))
        keys = latest.filter((latest.account == crm.account) & ~latest.deleted & marked).select("record_hash")
        log = lake.raw(vendor, stream.name)
        versions = log.semi_join(keys, "record_hash").order_by("record", log.updated_at.desc(), log.batch.desc())
        rows = versions.select("record", "updated_at", "payload").to_pyarrow().to_pylist()
        for row in rows:
            payload = orjson.loads(row["payload"])
            says = [payload.get(name) for name in names]
            key = RecordKey.parse(row["record"])
            known = found.get(key)
            if known is None or (known[0] == says and not known[2]):
                found[key] = (says, (str(payload.get(connector.editor) or UNNAMED), row["updated_at"]), False)
            elif known[0] != says:
                found[key] = (known[0], known[1], True)  # what was there before is another answer
    return {key: said for key, (_, said, _) in sorted(found.items())}


def _present(crm: Crm, records: Sequence[RecordKey], api: Mapping[str, str]) -> dict[RecordKey, dict[str, FieldValue]]:
    """What the answers' fields hold now, by our names; of a record that is gone, nothing. Shape: records by kind of object."""
    names, found = [api[spec.name] for spec in ASKED], {}
    for object_name, group in groupby(records, key=lambda record: record.object):
        while some := list(islice(group, crm.read_size)):
            held = crm.read(object_name, [record.id for record in some], names)
            for record in some:
                values = held.get(record.id, {})
                found[record] = {spec.name: as_held(spec, values.get(api[spec.name])) for spec in ASKED}
    return found


def _emptied_at(session: Session, record: RecordKey) -> datetime | None:
    """When an answer on this record was last emptied by us: what stands there now came after it."""
    newest = select(func.max(IntendedWrite.acknowledged_at)).where(
        IntendedWrite.record == str(record), IntendedWrite.state == "ok", IntendedWrite.reason == ANSWERED
    )
    return session.exec(newest).one()


def _keep(session: Session, answer: Answer, summary: str, now: datetime) -> None:
    if answer.number is None:
        raise NotUnderstood(NO_NUMBER)
    verdict = VERDICTS.get((answer.verdict or "").lower())
    if verdict is None:
        raise NotUnderstood(NO_VERDICT)
    shown = _shown(session, str(answer.record), summary, answer.at)
    if shown is None or not shown.belief_ids:
        raise NotUnderstood(NOTHING_SHOWN)
    if answer.number not in range(1, len(shown.belief_ids) + 1):
        raise NotUnderstood(f"there is no belief {answer.number:g} here; answer 1 to {len(shown.belief_ids)}")
    correction = None if verdict == Verdict.unsure else answer.correction
    reference = f"{answer.record} {answer.at.isoformat()}"
    said = Said(verdict, answer.by, "colleague", "crm", answer.at, correction, reference=reference)
    _record(session, shown, int(answer.number), said, now)


def _record(session: Session, shown: IntendedWrite, number: int, said: Said, now: datetime) -> None:
    """A review of the belief that bore this number, as it was worded then."""
    belief = _held_still(session, shown, shown.belief_ids[number - 1])
    worded = _told(shown).get(number, "")
    as_shown = belief.statement if belief.contested or belief.statement.rstrip(". ") in worded else worded
    copy = Belief(**{**belief.model_dump(), "statement": as_shown or belief.statement})
    try:
        record_review(session, copy, said, now)
    except ValueError as error:
        raise NotUnderstood(NOT_HELD) from error


def _shown(session: Session, record: str, summary: str, at: datetime) -> IntendedWrite | None:
    """The summary that stood on the record at an instant."""
    rows = select(IntendedWrite).where(
        IntendedWrite.record == record, IntendedWrite.field == summary, IntendedWrite.state == "ok"
    )
    stood = {(row.sent_at or row.acknowledged_at or at, row.id): row for row in session.exec(rows)}
    return stood[max(before)] if (before := [since for since in stood if since[0] <= at]) else None


def _held_still(session: Session, shown: IntendedWrite, belief_id: str) -> Belief:
    """The belief of that id; where its person bears another id since, the one on the same side of the same topic."""
    if found := session.get(Belief, belief_id):
        return found
    person = session.exec(select(Membership.entity_id).where(Membership.record == shown.record)).first()
    for belief in session.exec(select(Belief).where(Belief.person_id == person)):
        if content_id(shown.entity_id, belief.holder or "", belief.slot, belief.aspect, belief.polarity) == belief_id:
            return belief
    raise NotUnderstood(NOT_HELD)


def _overwritten(store: Engine, prefix: str, api: Mapping[str, str], now: datetime) -> None:
    """A text that somebody wrote over ours is their word on the beliefs it told of."""
    texts = (api["top_belief"], api["summary"])
    with transaction(store) as session:
        kept = select(IntendedWrite, WritePlan.created_at).join(
            WritePlan, col(WritePlan.id) == col(IntendedWrite.plan_id)
        ).where(
            col(IntendedWrite.record).startswith(prefix, autoescape=True), col(IntendedWrite.field).in_(texts),
            IntendedWrite.state == "conflict", IntendedWrite.reason == REASONS["conflict"],
        )  # fmt: skip
        for row, at in session.exec(kept.order_by(col(IntendedWrite.id))).all():
            shown = _shown(session, row.record, api["summary"], at)
            if shown is None or not shown.belief_ids or _is_ours(session, row):
                continue  # it stood there before we ever wrote, or nobody has written it
            text, whole = _text(from_json(row.old_value)), row.field == api["summary"]
            for number, verdict, correction in _edits(text, shown if whole else None):
                said = Said(verdict, UNNAMED, "colleague", "crm", at, correction, reference=f"{row.id} {number}")
                with suppress(
                    NotUnderstood
                ):  # nothing is left that the edit could be about; the ledger keeps what was typed
                    _record(session, shown, number, said, now)


def _is_ours(session: Session, row: IntendedWrite) -> bool:
    """Whether what was kept for a human is a text that we wrote there once; one that was redacted is nobody's any more."""
    delivered = select(IntendedWrite.id).where(
        IntendedWrite.record == row.record, IntendedWrite.field == row.field,
        col(IntendedWrite.state).in_(("ok", "undone")), IntendedWrite.value_hash == kept_hash(row.old_value),
    )  # fmt: skip
    return row.old_value is None or session.exec(delivered).first() is not None


def _edits(text: str | None, summary: IntendedWrite | None) -> Iterator[tuple[int, Verdict, str | None]]:
    """What somebody's text says of our beliefs: of which one, whether it is right, and what is true instead.

    A top belief was the first one. In a summary, numbered lines are compared with ours; other words are kept with the first belief
    and count neither for nor against it, as does a text that was emptied.
    """
    if summary is None and text:
        yield 1, Verdict.disagree, CERTAINTY.sub("", text)
        return
    ours, theirs = _told(summary) if summary else {}, _numbered(text or "")
    changed = [number for number in ours if number in theirs and theirs[number] != ours[number]]
    for number in changed:
        yield number, Verdict.disagree, theirs[number]
    if not changed:
        yield 1, Verdict.unsure, text


def _told(shown: IntendedWrite) -> dict[int, str]:
    return _numbered(str(from_json(shown.new_value) or ""))


def _numbered(text: str) -> dict[int, str]:
    return {int(one["number"]): one["told"] for one in TOLD.finditer(text)}


def _text(value: FieldValue) -> str | None:
    return str(value).strip() or None if value is not None else None


def _number(value: FieldValue) -> float | None:
    return None if value is None else float(value)
