"""How sure we are: a two-state switching filter over the evidence log, a pure function of its rows.

No number a model states about itself enters here. Replaying the same rows in any order gives the same number; silence only
pulls it back to not knowing. Why this and nothing simpler: docs/adr/0003-confidence-is-replayed.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from types import MappingProxyType

from pipelines.understand.measured import Tally

PRIOR = 0.5
"""Probability of either side without evidence."""
LOW, HIGH = 0.03, 0.97
"""Nothing is ever certain: one strong contrary word must be able to move it."""
WINDOW_DAYS = 3.0
"""Quotes of one speaker in one conversation within 72 hours are one utterance."""
CONTESTED = 0.7
"""Weight on both sides above which a belief is disputed; one strong quote weighs .76."""
THIN, STRONG = 1.0, 3.0
"""Weights between which evidence is called some: below one good quote is thin, above four is strong."""
TRUSTED = 0.95
"""The most a single unit may be relied on."""
STRENGTHS = {"explicit": 1.0, "implied": 0.6, "speculative": 0.3}
RELIABILITY = {
    "call_note/customer": 0.88,
    "email/customer": 0.88,
    "transcript/customer": 0.88,
    "chat/customer": 0.88,
    "form/customer": 0.85,
    "ticket/customer": 0.80,
    "rep_note_quoting": 0.72,
    "behaviour": 0.65,
    "rep_note": 0.62,
    "review/customer": 0.95,
    "review/colleague": 0.95,
    "agent/deduced": 0.62,
    "agent/asserted": 0.55,
}
"""How often a statement of this source class holds; guesses until reviews have taught better."""
GUESSED = 5
"""Verdicts that a guess is worth: a class that starts at .80 is relied on at (4 + hits) / (4 + 1 + trials)."""
NO_TALLIES: Mapping[str, Tally] = MappingProxyType({})


def logit(p: float) -> float:
    """Log-odds of a probability."""
    return log(p / (1 - p))


def sigmoid(x: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + exp(-x))


FIRST_PERSON = 0.88
"""How often an honest first-person statement holds."""
DOCUMENT_CAP = logit(FIRST_PERSON)
"""One document moves the log-odds by no more than one honest first-person statement, whoever wrote into it and whatever it says."""


def reliability(source_class: str, tallies: Mapping[str, Tally] = NO_TALLIES) -> float:
    """How often a source class holds, from its guess and the verdicts on it; an unknown one counts like a rep's opinion."""
    guess, tally = RELIABILITY.get(source_class, RELIABILITY["rep_note"]), tallies.get(source_class)
    return (GUESSED * guess + tally.hits) / (GUESSED + tally.predictions) if tally else guess


def relied_on(
    source_class: str, cap: float, *, turning: bool = False, tallies: Mapping[str, Tally] = NO_TALLIES
) -> float:
    """How far one quote is relied on, 0 to 1: as its source deserves, and never more than whoever read it out (`cap`).

    At .5 or below a quote weighs nothing: a reader who is wrong as often as right has said nothing.
    """
    return min(TRUSTED if turning else reliability(source_class, tallies), cap)


@dataclass(frozen=True, slots=True)
class Quote:
    """One piece of evidence for (+1) or against (-1) one side. Units: `day` in days, `r` and `s` from 0 to 1."""

    id: str
    """Its own, and in the order in which quotes of one instant were said."""
    day: float
    speaker: str
    thread: str
    sign: int
    r: float
    s: float = 1.0
    document: str = ""
    turning: bool = False
    """Whether it says that something changed ("we no longer ..."), in the holder's own voice, or is a verdict on all before it."""
    moves: float = 0.0
    """Log-odds that it may move in all, where it tells of a change ("is fine with it now"): what contradicts it is forgotten so far."""


@dataclass(slots=True)
class Unit:
    """Quotes that count as one independent observation."""

    day: float
    sign: int
    weight: float
    amount: float
    document: str
    turning: bool
    moves: float
    """Log-odds that it may move in all, its weight among them, by making forgotten what contradicts it; a turning one forgets everything."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """`p` of the positive sign; `weight` of all evidence and of the two sides, decayed; `units` observed so far."""

    p: float
    supporting: float
    opposing: float
    units: int

    @property
    def weight(self) -> float:
        """Decayed amount of evidence on both sides."""
        return self.supporting + self.opposing

    @property
    def contested(self) -> bool:
        """Whether both sides carry weight: disputed, which is not the same as unknown."""
        return min(self.supporting, self.opposing) > CONTESTED

    @property
    def evidence(self) -> str:
        """Thin, some or strong."""
        return evidence_word(self.weight)

    def silent(self, days: float, half_life: float, prior: float = PRIOR) -> "Confidence":
        """The same belief after so many days without a word."""
        left: float = 2 ** (-days / half_life)
        return Confidence(prior + (self.p - prior) * left, self.supporting * left, self.opposing * left, self.units)


UNKNOWN = Confidence(PRIOR, 0.0, 0.0, 0)


def evidence_word(weight: float) -> str:
    """Thin, some or strong."""
    return "thin" if weight < THIN else "some" if weight <= STRONG else "strong"


def units(quotes: Iterable[Quote]) -> list[Unit]:
    """Independent observations in order of time; each is anchored at its first quote, so arrival order does not matter.

    Words of change are units of their own, for they stand where they were said and not where the conversation began.
    """
    found: list[Unit] = []
    current: dict[tuple[str, str, int, bool], Unit] = {}
    for quote in sorted(quotes, key=lambda quote: (quote.day, quote.id)):
        key = (quote.speaker, quote.thread, quote.sign, quote.turning or quote.moves > 0)
        weight, amount = _weight(quote), (2 * max(quote.r, PRIOR) - 1) * quote.s
        unit = current.get(key)
        if unit and quote.day - unit.day <= WINDOW_DAYS:
            unit.weight, unit.amount = max(unit.weight, weight), max(unit.amount, amount)
            unit.turning, unit.moves = unit.turning or quote.turning, max(unit.moves, quote.moves)
        else:
            unit = Unit(quote.day, quote.sign, weight, amount, quote.document or quote.id, quote.turning, quote.moves)
            current[key] = unit
            found.append(unit)
    return _capped(found)


def steps(quotes: Iterable[Quote], half_life: float, prior: float = PRIOR) -> Iterator[tuple[Unit, Confidence]]:
    """Each unit with the confidence right after it. Units: half-life in days."""
    state, last = UNKNOWN, None
    for unit in units(quotes):
        if last is not None:
            state = state.silent(unit.day - last, half_life, prior)
        state, last = _updated(state, unit, prior), unit.day
        yield unit, state


def replay(quotes: Sequence[Quote], half_life: float, as_of: float, prior: float = PRIOR) -> Confidence:
    """Confidence at an instant, from the evidence up to it and nothing else. Units: days."""
    state, last = UNKNOWN, as_of
    for unit, after in steps((quote for quote in quotes if quote.day <= as_of), half_life, prior):
        state, last = after, unit.day
    return state.silent(as_of - last, half_life, prior)


def _weight(quote: Quote) -> float:
    return min(logit(min(max(quote.r, PRIOR), TRUSTED)) * quote.s, logit(TRUSTED))


def _capped(found: list[Unit]) -> list[Unit]:
    """Several voices in one document share what one document may move; a declared change of mind is exempt.

    What its voices weigh comes first, and a change that is told of makes forgotten what that leaves.
    """
    left: dict[tuple[str, int], float] = defaultdict(lambda: DOCUMENT_CAP)
    for unit in found:
        unit.moves = 0.0 if unit.turning else unit.moves
    bound = [(unit, (unit.document, unit.sign)) for unit in found if not unit.turning]
    for unit, key in bound:
        unit.weight = min(unit.weight, left[key])
        left[key] -= unit.weight
    for unit, key in bound:
        if unit.moves:
            forgets = max(min(unit.moves - unit.weight, left[key]), 0.0)
            unit.moves = unit.weight + forgets
            left[key] -= forgets
    return found


def _updated(state: Confidence, unit: Unit, prior: float) -> Confidence:
    """What was known, and one unit more; a turning one first forgets the belief, and what stood against the unit for good."""
    before = logit(prior) if unit.turning else _relaxed(logit(state.p), unit, logit(prior))
    p = min(max(sigmoid(before + unit.sign * unit.weight), LOW), HIGH)
    supporting = 0.0 if unit.turning and unit.sign < 0 else state.supporting
    opposing = 0.0 if unit.turning and unit.sign > 0 else state.opposing
    return Confidence(
        p,
        supporting + (unit.amount if unit.sign > 0 else 0.0),
        opposing + (unit.amount if unit.sign < 0 else 0.0),
        state.units + 1,
    )


def _relaxed(held: float, unit: Unit, prior: float) -> float:
    """Log-odds on the other side of the unit, as far toward the prior as the unit may move them; on its own side, as they are."""
    contrary = max(unit.sign * (prior - held), 0.0)
    return held + unit.sign * min(contrary, max(unit.moves - unit.weight, 0.0))
