"""What has changed in a self-model between two instants, in plain words; shared by the command line, agents and summaries.

A pure function of the beliefs then and now. Words come from the beliefs; nothing changes because time has passed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from models import Belief
from pipelines.understand.beliefs import CHANGED, REVIEWED

SHIFT = 0.05
"""A move of the confidence that is worth a word."""
WHY = {CHANGED: "they said so themselves", REVIEWED: "somebody who looked at it disagreed"}


@dataclass(frozen=True)
class Change:
    """One belief that is other than it was. `kind` is new, turned, gone, contested, settled, stronger or weaker."""

    kind: str
    slot: str
    words: str
    belief_id: str


def changes_between(before: Iterable[Belief], after: Iterable[Belief]) -> list[Change]:
    """What is new, turned, gone, disputed, and surer or less sure than before, the weightiest kinds first; empty if nothing is.

    Shape: both are all beliefs of one person, ended ones too.
    """
    old = {belief.id: belief for belief in before}
    new = {belief.id: belief for belief in after}
    gone = [belief for belief in old.values() if belief.valid_to is None and belief.id not in new]
    instead = {belief.id: other for belief in gone for other in new.values() if _opposes(belief, other)}
    told_already = {other.id for other in instead.values()}
    found = [_gone(belief, instead.get(belief.id)) for belief in gone]
    for belief in new.values():
        change = None if belief.id in told_already else _change(belief, old.get(belief.id), new)
        found += [change] if change else []
    order = ("turned", "gone", "contested", "new", "settled", "weaker", "stronger")
    return sorted(found, key=lambda change: (order.index(change.kind), change.slot, change.words))


def told(belief: Belief) -> str:
    """The belief as it is called in a sentence: its holder, where that is somebody else, and its statement."""
    statement = belief.statement.rstrip(".")
    return f"{belief.holder}: {statement}" if belief.holder else statement


def _change(belief: Belief, was: Belief | None, new: Mapping[str, Belief]) -> Change | None:
    held = was is not None and was.valid_to is None
    if belief.valid_to is not None:
        if not held:
            return None
        follower = new.get(belief.superseded_by or "")
        why = f" ({WHY[belief.reason]})" if belief.reason in WHY else ""
        if follower:
            return Change("turned", belief.slot, f"Turned{why}: {told(belief)}. Now: {told(follower)}.", belief.id)
        return Change("gone", belief.slot, f"No longer held{why}: {told(belief)}.", belief.id)
    if not held:
        return None if _follows(belief, new) else Change("new", belief.slot, f"New: {told(belief)}.", belief.id)
    assert was is not None  # noqa: S101  # held
    if belief.contested != was.contested:
        kind, word = ("contested", "Now contested") if belief.contested else ("settled", "No longer contested")
        return Change(kind, belief.slot, f"{word}: {told(belief)}.", belief.id)
    moved = belief.confidence - was.confidence
    if abs(moved) <= SHIFT:
        return None
    kind = "stronger" if moved > 0 else "weaker"
    percents = f"from {was.confidence:.0%} to {belief.confidence:.0%}"
    return Change(kind, belief.slot, f"{kind.capitalize()}, {percents}: {told(belief)}.", belief.id)


def _opposes(belief: Belief, other: Belief) -> bool:
    """Whether another side of the same question leads now, though this one is not over for good."""
    same = (belief.holder, belief.slot, belief.aspect) == (other.holder, other.slot, other.aspect)
    return same and other.valid_to is None and {belief.polarity, other.polarity} == {"positive", "negative"}


def _gone(belief: Belief, instead: Belief | None) -> Change:
    if instead:
        return Change("turned", belief.slot, f"Turning: {told(belief)}. Now rather: {told(instead)}.", belief.id)
    return Change("gone", belief.slot, f"Gone, for its evidence was withdrawn: {told(belief)}.", belief.id)


def _follows(belief: Belief, new: Mapping[str, Belief]) -> bool:
    """Whether the belief took another's place, and is told together with it."""
    return any(other.superseded_by == belief.id for other in new.values())
