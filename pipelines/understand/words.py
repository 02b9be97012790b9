"""Beliefs in words a rep reads in five seconds; shared by the CRM fields and the command line.

The words are a pure function of beliefs and evidence: dates come from evidence only, so text changes only with new words or
deeds. Every quote is verbatim and the customer's own or our note of it, at most shortened at its end.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from models import Belief, Evidence, Level, Slot
from pipelines.understand.cutting import fitting, shortened, size
from pipelines.understand.news import LEANING, certainty, changes, movement, own_rows
from pipelines.understand.topics import in_order, moment

SIGNS = {"positive": "+", "negative": "-", "neutral": "·"}
UNCALIBRATED = "Not yet calibrated on your data."
QUOTE_LENGTH = 120
"""Of a quote in a summary, UTF-16 units: a line or two; the evidence block has all of it."""
MARKS = " |>*#\u2022\u00b7-"
"""What quoting, tables and lists leave at the ends of a line."""
CLOSED = (".\u201d", "!\u201d", "?\u201d", '."', '!"', '?"')
"""How a quote ends that is a sentence."""
MOST_GAPS = 3
SOURCES = {
    "agent": "an agent", "call_note": "call", "transcript": "call", "email": "e-mail", "ticket": "ticket", "form": "form", "chat": "chat",
}  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet runs: https://owasp.org/www-community/attacks/CSV_Injection."""
TAG = re.compile(r"<(?=[A-Za-z/!?])")
"""Where markup would begin; "less than" stays as it is."""
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
    return headline(first, list(evidence), slots) if first else None


def headline(belief: Belief, evidence: Sequence[Evidence], slots: Iterable[Slot], who: str = "") -> str:
    """One belief in one line: the statement, how sure we are of it and where it is going; told of `who`, among others."""
    if who:
        who = f"{belief.holder} (told by {who}): " if belief.holder else f"{who}: "
    said = f"{who}{statement(belief)}" if who else subject(belief)
    if belief.contested:
        return f"{said} (contested)"
    moved = movement(belief, evidence, slots)
    trend = f", getting {moved[0]}" if moved else ""
    perhaps = "Perhaps: " if belief.confidence < LEANING and not who else ""
    return f"{perhaps}{said} ({certainty(belief.confidence, belief.polarity)}{trend})"


def summary(
    beliefs: Iterable[Belief], evidence: Iterable[Evidence], slots: Iterable[Slot], *, most: int = 3, limit: int = 4_000
) -> str:
    """The numbered beliefs with their words, what changed last, what is not known and what to ask next.

    Units: at most `most` beliefs and `limit` UTF-16 units; what does not fit is left out line by line, from the least important.
    """
    beliefs, evidence, slots = list(beliefs), list(evidence), list(slots)
    shown = ranked(beliefs)[:most]
    if not shown:
        return ""
    told = [_told(number, belief, evidence, slots) for number, belief in enumerate(shown, start=1)]
    gaps = ask(missing_slots(beliefs, slots))

    def tail(count: int) -> list[str]:
        return [_heard(shown[:count], beliefs, evidence, slots), gaps, answered(shown[:count])]

    return fitted(told, tail, limit)


def evidence_block(
    beliefs: Iterable[Belief], evidence: Iterable[Evidence], links: Mapping[str, str], *, limit: int
) -> str:
    """Every quote behind the current beliefs, for and against, newest first under its belief, each with its record.

    Shape: `links` by id of the evidence. Units: `limit` in UTF-16 units.
    """
    evidence = list(evidence)
    blocks = []
    for number, belief in enumerate(ranked(beliefs), start=1):
        lines = [f"{number}  {subject(belief)}"]
        for row in reversed(in_order(own_rows(belief, evidence))):
            lines.append(f"   {'for' if supports(row, belief) else 'against'}: {_words(row, row.occurred_at)}")
            lines += [f"      {links[row.id]}"] if row.id in links else []
        blocks.append("\n".join(lines))
    return fitted(blocks, lambda _: [], limit)


def ask(missing: Sequence[str]) -> str:
    """What nobody told us yet, and how to find out; empty if nothing is missing."""
    return f'Not known: {not_known(missing)}. Next question: "{next_question(missing)}"' if missing else ""


def answered(shown: Sequence[Belief]) -> str:
    """How far these numbers are to be trusted, and how to answer them."""
    numbers = "Number 1" if len(shown) == 1 else f"Number 1-{len(shown)}"
    uncalibrated = any(belief.calibration == "uncalibrated" for belief in shown)
    return f"{UNCALIBRATED + ' ' if uncalibrated else ''}{numbers} is what you answer in Feedback."


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


def subject(belief: Belief) -> str:
    """The statement, with whose it is where that is not the person's own."""
    return f"{belief.holder}: {statement(belief)}" if belief.holder else statement(belief)


def statement(belief: Belief) -> str:
    """The belief in our words, to be followed by something."""
    return belief.statement.rstrip(". ")


def sign(belief: Belief) -> str:
    """For us, against us, neither, or in dispute."""
    return "?" if belief.contested else SIGNS[belief.polarity]


def supports(row: Evidence, belief: Belief) -> bool:
    """Whether a piece of evidence speaks for the belief."""
    return (row.polarity == belief.polarity) != row.against


def harmless(text: str) -> str:
    """The text as one that no spreadsheet runs and no page renders: an apostrophe before a formula, no tag that opens."""
    told = TAG.sub("\u2039", text)
    return f"'{told}" if told.startswith(FORMULA) else told


def source(row: Evidence) -> str:
    """Where a quote comes from, in a word; a rep's note is named as ours."""
    kind = row.source_class.split("/")[0]
    return "our note" if row.speaker_role == "rep_note" else SOURCES.get(kind, kind.replace("_", " "))


def date(instant: datetime, newest: datetime) -> str:
    """Such as "3 May"; with its year where that differs from the newest evidence's."""
    day = f"{instant.day} {instant:%b}"
    return day if instant.year == newest.year else f"{day} {instant.year}"


def full_date(instant: datetime) -> str:
    """Such as "3 May 2026"."""
    return f"{instant.day} {instant:%b %Y}"


def _told(number: int, belief: Belief, evidence: Sequence[Evidence], slots: Sequence[Slot]) -> str:
    rows, newest = own_rows(belief, evidence), belief.last_at
    start = f"{number}  {sign(belief)}  "
    if belief.contested:
        return f"{start}{_contested(belief, rows)}"
    unsure = belief.confidence < LEANING
    moved = movement(belief, evidence, slots)
    words = max((row for row in rows if supports(row, belief)), key=_telling, default=None)
    deed = words is not None and words.level == Level.behavioural and words.statement == belief.statement
    parts = [
        f"{certainty(belief.confidence, belief.polarity).capitalize()} ({round(100 * belief.confidence)} %)",
        f"{_came(deed=deed, unsure=unsure)} {date(belief.first_at, newest)}",
        _moved(belief, moved) if moved else "",
        f"{'seen' if deed else 'said'} {belief.units} times" if belief.units > 2 else "",
    ]
    line = f"{start}{_sentence(subject(belief))} {', '.join(part for part in parts if part)}"
    if words is None or deed:  # a deed is told once: its statement is all there is to show
        return f"{line}."
    if _quoted_in(words, belief):
        return f"{line} ({_where(words, belief)})."
    return f"{line}.\n      {_words(words, newest, QUOTE_LENGTH)}"


def _sentence(text: str) -> str:
    """Closed by a full stop, where no quote at its end closes it."""
    return text if text.endswith(CLOSED) else f"{text}."


def _quoted_in(row: Evidence, belief: Belief) -> bool:
    """Whether the statement holds the whole quote already; of what a colleague says it is told that they say so."""
    quote = _quote(row)
    return bool(quote) and row.speaker_role != "colleague" and quote in " ".join(belief.statement.split())


def _where(row: Evidence, belief: Belief) -> str:
    """Where the quote comes from, and when, unless it is what the belief began with, which has been told."""
    if row.occurred_at.date() == belief.first_at.date():
        return source(row)
    return f"{source(row)}, {date(row.occurred_at, belief.last_at)}"


def _quote(row: Evidence) -> str:
    """The quote in one line, without what quoting it left at its ends; empty where that is all."""
    quote = " ".join(row.quote.split()).strip(MARKS)
    return quote.strip('"') if quote.count('"') == 1 else quote  # the other half stands in words that are not quoted


def _came(*, deed: bool, unsure: bool) -> str:
    if deed:
        return "seen" if unsure else "seen since"
    return "heard" if unsure else "since"


def _moved(belief: Belief, moved: tuple[str, datetime]) -> str:
    word, since = moved
    return (
        f"{word} since" if since.date() == belief.first_at.date() else f"{word} than on {date(since, belief.last_at)}"
    )


def _telling(row: Evidence) -> tuple[bool, datetime, str]:
    """Words before deeds, then the latest."""
    return bool(row.quote), *moment(row)


def _words(row: Evidence, newest: datetime, length: int = 0) -> str:
    """The quote with where and when; of deeds and verdicts, which have no words of the customer, what they were."""
    when = date(row.occurred_at, newest)
    if row.speaker_role == "colleague":
        return f"a colleague says so ({when})" if not row.against else f"a colleague disagrees ({when})"
    if not row.quote:
        how = "inferred" if row.level == Level.asserted else "seen"
        return f"{how}: {row.statement.rstrip('. ')} ({source(row)}, {when})"
    quote = _quote(row) or row.quote
    told = shortened(quote, length) if length else quote
    left, right = ("\u201c", "\u201d") if '"' in told else ('"', '"')
    return f"{left}{told}{right} ({source(row)}, {when})"


def _contested(belief: Belief, rows: Sequence[Evidence]) -> str:
    sides = []
    for polarity in ("positive", "negative"):
        if said := [row for row in rows if row.polarity == polarity and not row.against]:
            newest = max(said, key=moment)
            told = newest.statement.rstrip(". ")
            sides.append((newest.occurred_at, f"{told} ({date(newest.occurred_at, belief.last_at)})"))
    in_order = "; then: ".join(text for _, text in sorted(sides))
    return f"{_slot_words(belief)}: contested. {in_order}."


def _heard(
    shown: Sequence[Belief], beliefs: Sequence[Belief], evidence: Sequence[Evidence], slots: Sequence[Slot]
) -> str:
    """When we last heard anything, with its year, and what that changed."""
    newest = max(belief.last_at for belief in shown)
    found = changes(shown, beliefs, evidence, slots)
    told = f" Changed since {date(found[1], newest)}: {', '.join(found[0])}." if found else ""
    return f"Last heard {full_date(newest)}.{told}"


def _slot_words(belief: Belief) -> str:
    name = belief.slot.replace("_", "-").capitalize()
    return f"{belief.holder}, {name}" if belief.holder else name


def fitted(blocks: Sequence[str], tail: Callable[[int], Sequence[str]], limit: int) -> str:
    """As many whole blocks as fit beside what follows on so many; if not even one does, as much of it as fits. Units: UTF-16 units."""
    for count in range(len(blocks), 0, -1):
        text = "\n".join(line for line in (*blocks[:count], *tail(count)) if line)
        if size(text) <= limit:
            return text
    return fitting(blocks[0], limit) if blocks else ""
