"""Three values are compared per field: wanted, known and current. Pure; everything is in the form the CRM holds.

Wanted is what we know now, known is what we wrote last and the CRM confirmed, current is what the CRM holds. Wanted equal to
known: nothing to do, and the CRM is not even asked. Current unlike known: a human changed it and keeps it, unless the field's
policy says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.base import FieldValue, Policy
from models.keys import RecordKey
from pipelines.write_back.fields import CONTENT, CONTENT_HASH, LOCK, RUN_ID, UPDATED_AT, WRITTEN, carried_by
from pipelines.write_back.held import as_held, content_hash, value_hash
from pipelines.write_back.ledger import Standing

EMPTY = value_hash(None)
CHANGED = "what is known has changed"
CROSSED = "a band was crossed in a long silence"
OPTED_OUT = "the person opted out"
FORGOTTEN = "the person is to be forgotten"
ANSWERED = "the rep's answer is kept as a review"
ON_PURPOSE = (OPTED_OUT, FORGOTTEN)
"""Reasons for which emptying is what the person wants, and no accident."""
ALIGNED = ("alignment_score", "alignment_band")
"""The fields that time alone may change, on the day on which a band is crossed."""
OUTRANK_LOCK = (*ON_PURPOSE, ANSWERED)
"""Reasons that outrank a rep's lock: the person's own, and the rep's own."""
LOCKED = "locked by a rep"
FILLED = "it is filled, and its policy is to fill only what is empty"
OVERWRITES = "its policy is to write over whatever stands there"
REASONS = {"ok": "the CRM holds it already", "conflict": "changed in the CRM by somebody else, who keeps it"}
Left = Literal["kept", "parked", "undone"]
State = Literal["planned", "ok", "conflict", "suppressed", "superseded"]
Values = Mapping[str, FieldValue]
"""By name of the field (`top_belief`), not by the CRM's name for it; a name left out is empty."""


@dataclass(frozen=True)
class Wanted:
    """What one CRM record should show. No values at all: whatever we wrote there is to be cleared."""

    record: RecordKey
    subject: str
    entity_id: str
    values: Values
    reason: str = CHANGED
    belief_ids: Sequence[str] = ()
    """The beliefs that the values speak of, in the order shown."""
    crossed: bool = False
    """Whether alignment and its band are what time alone has made of them."""


@dataclass(frozen=True)
class Target:
    """What one record should show, in the form the CRM will hold it."""

    wanted: Wanted
    values: Values
    """The content; when clearing, the stamps too."""
    fingerprint: str | None
    """Content hash, None when clearing."""

    @classmethod
    def of(cls, wanted: Wanted) -> "Target":
        """The target of what is wanted."""
        if not wanted.values:
            return cls(wanted, dict.fromkeys(spec.name for spec in carried_by(wanted.subject, WRITTEN)), None)
        content = carried_by(wanted.subject, CONTENT)
        values = {spec.name: as_held(spec, wanted.values.get(spec.name)) for spec in content}
        return cls(wanted, values, content_hash(values))

    def due(self, known: Mapping[str, str]) -> dict[str, FieldValue]:
        """The fields whose value is not what the CRM is known to hold (`known` has hashes)."""
        return {name: value for name, value in self.values.items() if value_hash(value) != known.get(name, EMPTY)}

    def stamps(self, now: str, run_id: str) -> dict[str, FieldValue]:
        """What goes along with a change of content."""
        return {
            UPDATED_AT.name: as_held(UPDATED_AT, now),
            RUN_ID.name: run_id,
            CONTENT_HASH.name: self.fingerprint,
        }


@dataclass(frozen=True)
class Decision:
    """What is to become of one field."""

    field: str
    value: FieldValue
    state: State
    reason: str


def left_alone(due: Values, standing: Mapping[str, Standing]) -> Left | None:
    """Why a record with differences is not looked at again: a human's values are kept, it was refused for good, or taken back.

    Each holds only as long as the very same values are wanted; None means that it is looked at.
    """
    settled = [standing.get(name) for name in due]
    if any(
        was is None or was.value_hash != value_hash(value) for was, value in zip(settled, due.values(), strict=True)
    ):
        return None
    states = {was.state for was in settled if was}
    if states == {"conflict"}:
        return "kept"
    if states <= {"conflict", "undone"}:
        return "undone"
    return "parked" if states <= {"conflict", "undone", "failed"} else None


def decide(
    target: Target, known: Mapping[str, str], current: Values, stamps: Values, policies: Mapping[str, Policy]
) -> list[Decision]:
    """What is to become of each field that differs.

    Shape: content in its listed order, then the stamps if any content is to be written; empty if the record is in step.
    """
    due = target.due(known)
    if current.get(LOCK.name) and target.wanted.reason not in OUTRANK_LOCK:
        return [Decision(name, value, "suppressed", LOCKED) for name, value in due.items()]
    untouched = written_by_us(current, target.wanted.subject)

    def compared(name: str, value: FieldValue, why: str) -> Decision:
        before = value_hash(current.get(name)) if untouched else known.get(name, EMPTY)
        state, said = judged(value_hash(value), before, value_hash(current.get(name)), policies[name])
        return Decision(name, value, state, said or (why if name in known else "not shown before"))

    because = dict.fromkeys(ALIGNED, CROSSED) if target.wanted.crossed else {}
    decisions = [compared(name, value, because.get(name, target.wanted.reason)) for name, value in due.items()]
    if target.fingerprint and any(decision.state == "planned" for decision in decisions):
        decisions += [compared(name, value, "goes with the content") for name, value in stamps.items()]
    return decisions


def judged(wanted: str, before: str, current: str, policy: Policy = "never_over_human") -> tuple[State, str]:
    """What is to become of a field, by the hashes of its three values, and why (empty where it is simply written)."""
    if current == wanted:
        return "ok", REASONS["ok"]
    if policy == "only_if_empty" and wanted != EMPTY:
        return ("planned", "") if current == EMPTY else ("conflict", FILLED)
    if current == before:
        return "planned", ""
    if policy == "always" and wanted != EMPTY:  # what we never wrote is not ours to clear
        return "planned", OVERWRITES
    return "conflict", REASONS["conflict"]


def written_by_us(current: Values, subject: str) -> bool:
    """Whether the record holds exactly what some run of ours wrote, also where the baseline does not say so.

    That is so on a record cloned from another, and after the store was set back to a backup.
    """
    content = {spec.name: current.get(spec.name) for spec in carried_by(subject, CONTENT)}
    return current.get(CONTENT_HASH.name) == content_hash(content)
