"""Beliefs in words a rep reads in five seconds; shared by the CRM fields and the command line.

The words are a pure function of beliefs and evidence: dates come from evidence only, so text changes only with new words or
deeds. Every quote is verbatim, at most shortened at its end.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import floor

from models import Alignment, Belief, Evidence, Slot
from pipelines.understand.beliefs import HALF_LIFE, confidence_at, days, quotes
from pipelines.understand.confidence import Confidence, Unit, steps
from pipelines.understand.taught import CALIBRATED

SIGNS = {"positive": "+", "negative": "-", "neutral": "·"}
UNCALIBRATED = "Not yet calibrated on your data."
LEANING = 0.6
"""Confidence below which we say outright that we are not sure."""
SHIFT = 0.05
"""A move of the confidence that is worth a word."""
QUOTE_LENGTH = 160
"""Characters of a quote in a summary; the evidence block has all of it."""
MOST_GAPS = 3
EVE = 1e-6
"""Days before midnight: evidence of that midnight belongs to the day that begins."""
SOURCES = {
    "review": "review", "agent": "an agent's inference", "call_note": "call", "transcript": "call", "email": "e-mail", "ticket": "ticket", "form": "form", "chat": "chat",
}  # fmt: skip
ASKED = {
    # what a rep would want to know first, and an open question that brings it up
    "authority": ("who signs", "Who else has a say before this can be signed?"),
    "budget": ("budget", "How do you usually fund something like this?"),
    "timeline": ("timing", "What happens if this is not in place by the end of the quarter?"),
    "need": ("the problem behind it", "What made you look at this now?"),
    "value": ("the outcome they want", "What would have to be true in a year for this to have paid off?"),
    "price": ("price", "How does the price compare with what it is worth to you?"),
    "competitor": ("alternatives", "What else are you comparing this with?"),
    "intent": ("next step", "What would make this an easy yes for everybody involved?"),
}


def certainty(confidence: float) -> str:
    """How sure, in a word."""
    if confidence >= 0.9:
        return "sure"
    if confidence >= 0.8:  # above what one quote of the embedded extractor can reach
        return "fairly sure"
    return "leaning" if confidence >= LEANING else "unsure"


def ranked(beliefs: Iterable[Belief]) -> list[Belief]:
    """Beliefs that hold now, what matters most first: the person's own, then by certainty and amount of evidence, then the latest.

    The order rests on what was said and never on an id, so that the same words are told alike whatever ids were minted.
    """
    current = [belief for belief in beliefs if belief.valid_to is None]

    def rank(belief: Belief) -> tuple[bool, bool, float, float, str]:
        force = (2 * belief.confidence - 1) * min(belief.weight, 3.0)
        said = -belief.last_at.timestamp(), f"{belief.statement} {belief.slot} {belief.aspect}"
        return belief.holder is not None, belief.polarity == "neutral", -round(force, 3), *said

    return sorted(current, key=rank)


def top_belief(beliefs: Iterable[Belief], evidence: Iterable[Evidence], slots: Iterable[Slot]) -> str | None:
    """The one line above all others, such as "Price is not justified yet (fairly sure, getting stronger)"; None without beliefs."""
    first = next(iter(ranked(beliefs)), None)
    if first is None:
        return None
    if first.contested:
        return f"{_subject(first)} (contested)"
    moved = movement(first, list(evidence), _half_life(first, slots))
    trend = f", getting {moved}" if moved else ""
    if first.confidence < LEANING:
        return f"Perhaps: {_subject(first)} (unsure{trend})"
    return f"{_subject(first)} ({certainty(first.confidence)}{trend})"


def summary(
    beliefs: Iterable[Belief], evidence: Iterable[Evidence], slots: Iterable[Slot], *, most: int = 3, limit: int = 4_000
) -> str:
    """The numbered beliefs with their words, what changed last, what is not known and what to ask next.

    Units: at most `most` beliefs and `limit` characters; what does not fit is left out line by line, from the least important.
    """
    beliefs, evidence, slots = list(beliefs), list(evidence), list(slots)
    shown = ranked(beliefs)[:most]
    if not shown:
        return ""
    told = [_told(number, belief, evidence, slots) for number, belief in enumerate(shown, start=1)]
    gaps = missing_slots(beliefs, slots)
    calibrated = all(belief.calibration == CALIBRATED for belief in shown)
    tail = [changes(shown, evidence, slots), _ask(gaps), "" if calibrated else UNCALIBRATED]
    return _fit(told, [line for line in tail if line], limit)


def evidence_block(beliefs: Iterable[Belief], evidence: Iterable[Evidence], *, limit: int = 30_000) -> str:
    """Every quote behind the current beliefs, for and against, newest first under its belief. Units: `limit` in characters."""
    rows = {row.id: row for row in evidence}
    blocks = []
    for number, belief in enumerate(ranked(beliefs), start=1):
        lines = [f"{number}  {_subject(belief)}"]
        for row in sorted(_own(belief, rows), key=lambda row: (row.occurred_at, row.id), reverse=True):
            mark = "for" if (row.polarity == belief.polarity) != row.against else "against"
            said = f'"{_flat(row.quote)}"' if row.quote else _flat(row.statement)
            lines.append(f"   {mark}: {said} ({source(row)}, {date(row.occurred_at, row.occurred_at)})")
        blocks.append("\n".join(lines))
    return _fit(blocks, [], limit)


def missing_slots(beliefs: Iterable[Belief], slots: Iterable[Slot]) -> list[str]:
    """Slots worth knowing on which nobody holds a current belief, the most telling first."""
    known = {belief.slot for belief in beliefs if belief.valid_to is None}
    active = {slot.name for slot in slots if slot.active}
    return [slot for slot in ASKED if slot in active and slot not in known]


def not_known(missing: Sequence[str]) -> str:
    """What we do not know yet, in words; empty if nothing is missing."""
    return ", ".join(ASKED[slot][0] for slot in missing[:MOST_GAPS] if slot in ASKED)


def next_question(missing: Sequence[str]) -> str:
    """The question to ask next; empty if nothing is missing."""
    return next((ASKED[slot][1] for slot in missing if slot in ASKED), "")


def alignment_line(alignment: Alignment | None) -> str:
    """Such as "58 · Medium · Diverging"; not a score where nothing has been observed."""
    if alignment is None:
        return "Not known yet"
    level = "High" if alignment.overall >= 0.65 else "Low" if alignment.overall < 0.4 else "Medium"
    trend = "" if alignment.trend == "insufficient" else f" · {alignment.trend.capitalize()}"
    return f"{round(100 * alignment.overall)} · {level}{trend}"


def movement(belief: Belief, evidence: Sequence[Evidence], half_life: float) -> str:
    """Whether its latest evidence made a belief stronger or weaker; empty if it is new or hardly moved."""
    history = _history(belief, evidence, half_life)
    if len(history) < 2:
        return ""
    (before_unit, before), (unit, after) = history[-2:]
    moved = after.p - before.silent(unit.day - before_unit.day, half_life).p
    return "stronger" if moved > SHIFT else "weaker" if moved < -SHIFT else ""


def changes(shown: Sequence[Belief], evidence: Sequence[Evidence], slots: Sequence[Slot]) -> str:
    """What the latest day with evidence changed, by number; empty if everything was said on that one day."""
    last = max(belief.last_at for belief in shown).date()
    if all(belief.first_at.date() == last for belief in shown):
        return ""
    notes = []
    for number, belief in enumerate(shown, start=1):
        if belief.last_at.date() != last:
            continue
        before = confidence_at(belief, evidence, _half_life(belief, slots), floor(days(belief.last_at)) - EVE)
        if belief.first_at.date() == last:
            notes.append(f"{number} is new" if not before.units else f"{number} has turned")
        elif belief.contested and not before.contested:
            notes.append(f"{number} is now contested")
        elif moved := movement(belief, evidence, _half_life(belief, slots)):
            notes.append(f"{number} got {moved}")
    newest = max(belief.last_at for belief in shown)
    return f"Changed on {date(newest, newest)}: {', '.join(notes)}." if notes else ""


def source(row: Evidence) -> str:
    """Where a quote comes from, in a word; a rep's note is named as ours."""
    kind = row.source_class.split("/")[0]
    return "our note" if row.speaker_role == "rep_note" else SOURCES.get(kind, kind.replace("_", " "))


def date(instant: datetime, newest: datetime) -> str:
    """Such as "3 May"; with its year where that differs from the newest evidence's."""
    day = f"{instant.day} {instant:%b}"
    return day if instant.year == newest.year else f"{day} {instant.year}"


def _told(number: int, belief: Belief, evidence: Sequence[Evidence], slots: Sequence[Slot]) -> str:
    rows = _own(belief, {row.id: row for row in evidence})
    newest = belief.last_at
    if belief.contested:
        return f"{number}  ?  {_contested(belief, rows)}"
    unsure = belief.confidence < LEANING
    since = f"{'heard' if unsure else 'since'} {date(belief.first_at, newest)}"
    times = f"said {belief.units} times" if belief.units > 2 else ""
    moved = movement(belief, evidence, _half_life(belief, slots))
    # what began on that very day is not stronger "since" then
    moved = f"{moved} since {date(newest, newest)}" if moved and belief.first_at.date() != newest.date() else ""
    how = ", ".join(part for part in (certainty(belief.confidence).capitalize(), since, moved, times) if part)
    line = f"{number}  {SIGNS[belief.polarity]}  {_subject(belief)}. {how}."
    supporting = [row for row in rows if row.polarity == belief.polarity and row.quote]
    if not supporting:
        return line
    words = max(supporting, key=lambda row: (row.occurred_at, row.id))
    return f'{line}\n      "{_short(_flat(words.quote))}" ({source(words)}, {date(words.occurred_at, newest)})'


def _contested(belief: Belief, rows: Sequence[Evidence]) -> str:
    sides = []
    for polarity in ("positive", "negative"):
        if said := [row for row in rows if row.polarity == polarity]:
            newest = max(said, key=lambda row: (row.occurred_at, row.id))
            sides.append((newest.occurred_at, f"{newest.statement} ({date(newest.occurred_at, belief.last_at)})"))
    said_in_order = "; ".join(text for _, text in sorted(sides))
    return f"{_slot_words(belief)}: contested. {said_in_order}."


def _history(belief: Belief, evidence: Sequence[Evidence], half_life: float) -> list[tuple[Unit, Confidence]]:
    own = set(belief.evidence_ids)
    return list(steps(quotes((row for row in evidence if row.id in own), belief.polarity), half_life))


def _subject(belief: Belief) -> str:
    statement = belief.statement.rstrip(".")
    return f"{belief.holder}: {statement}" if belief.holder else statement


def _slot_words(belief: Belief) -> str:
    name = belief.slot.replace("_", "-").capitalize()
    return f"{belief.holder}, {name}" if belief.holder else name


def _ask(missing: Sequence[str]) -> str:
    if not missing:
        return ""
    return f'Not known: {not_known(missing)}. Next question: "{next_question(missing)}"'


def _own(belief: Belief, rows: Mapping[str, Evidence]) -> list[Evidence]:
    return [rows[id_] for id_ in belief.evidence_ids if id_ in rows]


def _half_life(belief: Belief, slots: Iterable[Slot]) -> float:
    return next((slot.half_life_days for slot in slots if slot.name == belief.slot), HALF_LIFE)


def _flat(quote: str) -> str:
    return " ".join(quote.split())


def _short(quote: str) -> str:
    return quote if len(quote) <= QUOTE_LENGTH else quote[:QUOTE_LENGTH].rsplit(" ", 1)[0] + " …"


def _fit(blocks: Sequence[str], tail: Sequence[str], limit: int) -> str:
    """As many whole blocks as fit, the tail before the last of them."""
    kept = list(blocks)
    ending = list(tail)
    while len("\n".join([*kept, *ending])) > limit and (len(kept) > 1 or ending):
        if len(kept) > 1:
            kept.pop()
        else:
            ending.pop(0)
    return "\n".join([*kept, *ending])[:limit]
