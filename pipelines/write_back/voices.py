"""Who backs a deal or an account, who blocks it and who has said nothing, in words a rep reads in five seconds."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from models import Belief, Slot
from pipelines.understand.words import missing_slots, next_question, ranked
from pipelines.write_back.known import Person

BACKS, BLOCKS, UNDECIDED, SILENT = "Backs", "Blocks", "Undecided", "Silent"
CLEAR = 0.3
"""Net force from which somebody stands on a side: one plain statement in their own words is worth .5, a guess .1."""
MOST_NAMES = 5
"""Names in one line; beyond that a number says more."""


SPOKEN = {
    "authority": "who decides", "competitor": "alternatives", "intent": "next steps", "timeline": "timing", "usability": "ease of use",
}  # fmt: skip
"""Topics whose name is not what a rep would say."""


@dataclass(frozen=True)
class Voice:
    """Where one person, or somebody they speak for, stands. `force` is signed, positive for us."""

    name: str
    force: float
    topic: str
    """What moves them most, as a slot; empty for somebody who has said nothing."""
    person_id: str

    @property
    def side(self) -> str:
        """Backs, Blocks, Undecided or Silent."""
        if not self.topic:
            return SILENT
        return BACKS if self.force >= CLEAR else BLOCKS if self.force <= -CLEAR else UNDECIDED

    @property
    def told(self) -> str:
        """Such as "CTO - lock-in"."""
        return f"{self.name} - {spoken(self.topic)}" if self.topic else self.name


def voices(people: Iterable[Person], slots: Sequence[Slot], roles: Mapping[str, str]) -> list[Voice]:
    """Everybody who has a say, the strongest first: the people themselves and those whose stance they told us of."""
    valences = {slot.name: slot.valence for slot in slots}
    found = [voice for person in people for voice in _voices(person, valences, roles)]
    return sorted(found, key=lambda voice: (-round(abs(voice.force), 3), voice.name, voice.person_id))


def sides(said: Sequence[Voice]) -> list[str]:
    """One line a side, such as "Backs: Dana Kolbe (CFO) - value." Sides on which nobody stands are left out."""
    lines = []
    for side in (BACKS, BLOCKS, UNDECIDED, SILENT):
        names = [voice.told for voice in said if voice.side == side]
        more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
        if names:
            lines.append(f"{side}: {'; '.join(names[:MOST_NAMES])}{more}.")
    return lines


@dataclass(frozen=True)
class Risk:
    """What stands against a deal, in a word of the picklist, and why."""

    level: str
    why: str


def risk(said: Sequence[Voice]) -> Risk:
    """High where somebody blocks and more stands against us than for us, medium where anybody is against or nobody backs, low otherwise."""
    spoken_up = [voice for voice in said if voice.topic]
    if not spoken_up:
        return Risk("Unknown", "nobody has told us anything yet")
    blocking = next((voice for voice in said if voice.side == BLOCKS), None)
    backed = any(voice.side == BACKS for voice in spoken_up)
    net = sum(voice.force for voice in spoken_up)
    if blocking:
        why = f"{blocking.name} blocks over {spoken(blocking.topic)}"
        if net < 0:
            return Risk(
                "High", f"{why}, and {'that weighs more than what speaks for us' if backed else 'nobody backs us'}"
            )
        return Risk("Medium", why)
    against = min(spoken_up, key=lambda voice: voice.force)
    if net < 0:
        return Risk("Medium", f"{against.name} leans against us over {spoken(against.topic)}")
    if not backed:
        return Risk("Medium", "nobody backs us plainly yet")
    return Risk("Low", "somebody backs us, and nobody blocks")


def next_action(said: Sequence[Voice], people: Sequence[Person], slots: Sequence[Slot]) -> str:
    """The most useful next step: the strongest objection first, then who is silent, then what nobody told us."""
    for side, what in (
        (BLOCKS, "Talk with {name} about {topic}."),
        (SILENT, "Ask {name} what they think; they have said nothing yet."),
    ):
        first = next((voice for voice in said if voice.side == side), None)
        if first:
            return what.format(name=first.name, topic=spoken(first.topic))
    question = next_question(missing_slots([belief for person in people for belief in person.beliefs], slots))
    return f'Ask: "{question}"' if question else ""


def spoken(slot: str) -> str:
    """A slot as a rep would say it: `lock_in` is lock-in."""
    return SPOKEN.get(slot) or slot.replace("_", "-")


def _voices(person: Person, valences: Mapping[str, float], roles: Mapping[str, str]) -> Iterator[Voice]:
    role = roles.get(person.id) or person.title
    name = person.name or role or "Somebody"
    own = f"{name} ({role})" if role and role != name else name
    about_us = [belief for belief in ranked(person.beliefs) if valences.get(belief.slot)]
    by_holder = groupby(sorted(about_us, key=lambda belief: belief.holder or ""), key=lambda belief: belief.holder)
    spoke = False
    for holder, beliefs in by_holder:
        spoke = spoke or holder is None
        yield _voice(holder or own, person.id, list(beliefs), valences)
    if not spoke:
        yield Voice(own, 0.0, "", person.id)


def _voice(name: str, person_id: str, beliefs: Sequence[Belief], valences: Mapping[str, float]) -> Voice:
    forces = {belief.id: _force(belief) * valences[belief.slot] for belief in beliefs}
    net = sum(forces.values())
    strongest = max(
        beliefs, key=lambda belief: (forces[belief.id] * (1 if net >= 0 else -1), belief.last_at, belief.slot)
    )
    return Voice(name, net, strongest.slot, person_id)


def _force(belief: Belief) -> float:
    """Signed: how sure, times how much was said, up to three observations' worth. Neutral and contested count nothing."""
    sign = {"positive": 1, "negative": -1}.get(belief.polarity, 0)
    return 0.0 if belief.contested else sign * (2 * belief.confidence - 1) * min(belief.weight, 3.0)
