"""The extractor that needs no key and no network: a small encoder of our own, the same answer every time.

The encoder says which sentences carry a stance, on which slot, on which side and how plainly; rules say whose it is and cap how
firmly it is told. It speaks only where it has been right often enough. Its measured precision and recall stand in the README
beside those of language models; `model` says that it was it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models import Polarity, Slot, Strength
from models.keys import content_id
from pipelines.understand import screens
from pipelines.understand.claims import Document, find
from pipelines.understand.encoder.network import POLARITIES, STRENGTHS, Card, Network, Verdict, card, shipped
from pipelines.understand.encoder.windows import Target, windows
from pipelines.understand.extractor import LOADED, Outcome, checked
from pipelines.understand.phrasing import clauses, conditional, hedged, other_holder, statement
from pipelines.understand.sentences import Span
from pipelines.understand.turns import CUSTOMER, REP_NOTE, Turn

SAYERS_OWN = {"authority", "budget"}
"""Who decides and whether there is money: the belief is that of whoever says so."""
RANK = {Strength.explicit: 2, Strength.implied: 1, Strength.speculative: 0}
MOST = 30
"""Claims of one text; the answer's schema allows no more."""
SHORTEST_QUOTE, LONGEST_QUOTE = 4, 400
MOSTLY = 0.5
"""Share of the network's look that must lie in one clause for the clause alone to be the quote."""

Judged = tuple[Target, Verdict]


@dataclass(frozen=True)
class Found:
    """A stance met in a sentence: slot, side, how plainly and how surely, whose it is, and the words that carry it."""

    slot: str
    polarity: Polarity
    strength: Strength
    score: float
    holder: str | None
    span: Span
    sentence: Span
    """What is quoted where the clause alone would turn its meaning round."""


class Embedded:
    """The extractor that works on a fresh machine."""

    model = "embedded-4"
    at_once = 20
    regions = None  # nothing leaves the machine
    yields_to = LOADED

    def __init__(self, network: Network | None = None) -> None:
        self._given = network

    @property
    def prompt(self) -> str:
        """Version of the weights: their own number, the hash of their file, and that of the thresholds."""
        kept = self._card
        return f"{kept.version}-{kept.sha256[:8]}-{content_id(*map(str, kept.thresholds))[:4]}"

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the slots that it knows and may fill: one of a customer's own changes nothing that it says."""
        return content_id(*sorted({slot.name for slot in slots} & set(self._card.slots)))[:12]

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        """What it says of each text; the company a text comes in changes nothing. Errors: EncoderBroken."""
        return [self.outcome(*pair) for pair in zip(documents, self.judge(documents), strict=True)]

    def judge(self, documents: Sequence[Document]) -> list[list[Judged]]:
        """What the network says of every sentence of each text."""
        network = self._given or shipped()
        laid = [windows(document) for document in documents]
        verdicts = iter(network.judge([window for some in laid for window in some]))
        return [[pair for window in some for pair in zip(window.targets, next(verdicts), strict=True)] for some in laid]

    def outcome(self, document: Document, judged: Sequence[Judged]) -> Outcome:
        """One text. What the validator would object to is not said: a second look would come to nothing else."""
        found = [met for target, verdict in judged for met in _met(document, target, verdict, self._card)]
        claims = [claim for met in _best(found)[:MOST] if (claim := _claim(document, met))]
        return checked(document, claims, document.suspicious)

    def reach(self) -> str:
        """It is always there, once its file is the right one. Errors: EncoderBroken."""
        shipped()
        return (
            f"{self.model}, which needs no key, says little, and knows the {len(self._card.slots)} shipped slots only; "
            "set SIDECAR_LLM to read with a language model, slots of your own too"
        )

    @property
    def _card(self) -> Card:
        return self._given.card if self._given else card()


def _met(document: Document, target: Target, verdict: Verdict, kept: Card) -> Iterator[Found]:
    """The stances of one sentence that are sure enough to be told, on slots that may be filled."""
    words = document.text[slice(*target.span)]
    allowed = {slot.name for slot in document.slots}
    sure = [row for row, least in enumerate(kept.thresholds) if verdict.scores[row] >= least]
    if not sure or screens.suspicious(words) or screens.special(words):
        return
    for row in sure:
        if kept.slots[row] in allowed:
            span = _carrier(document.text, target, verdict.looks[row])
            holder = _holder(document, target.turn, document.text[slice(*span)], kept.slots[row])
            yield Found(
                kept.slots[row],
                POLARITIES[int(verdict.polarities[row].argmax())],
                _strength(target.turn, words, STRENGTHS[int(verdict.strengths[row].argmax())], holder),
                float(verdict.scores[row]),
                holder,
                span,
                target.span,
            )


def _carrier(text: str, target: Target, look: Sequence[float]) -> Span:
    """The clause on which the network looked, or the whole sentence where it looked all over it."""
    shares = {
        clause: sum(weight for weight, word in zip(look, target.words, strict=True) if clause[0] <= word[0] < clause[1])
        for clause in clauses(text, target.span)
    }
    if not shares:
        return target.span
    clause = max(shares, key=lambda span: (shares[span], -span[0]))
    return clause if shares[clause] >= MOSTLY or target.span[1] - target.span[0] > LONGEST_QUOTE else target.span


def _strength(turn: Turn, sentence: str, told: Strength, holder: str | None) -> Strength:
    """How plainly it was said: as the network heard it, but a guess is a guess, and conditions and hearsay imply at most."""
    if hedged(sentence):
        return Strength.speculative
    hearsay = (turn.role == REP_NOTE and '"' not in sentence) or (
        turn.role == CUSTOMER and turn.own and holder is not None
    )
    most = Strength.implied if hearsay or conditional(sentence) else Strength.explicit
    return min(told, most, key=RANK.__getitem__)


def _holder(document: Document, turn: Turn, words: str, slot: str) -> str | None:
    told = None if slot in SAYERS_OWN else other_holder(words, document.names)
    return told or (None if turn.own or turn.role == REP_NOTE else turn.speaker or None)


def _best(found: Sequence[Found]) -> list[Found]:
    """The surest quote per holder, slot and side: saying it twice in one text is saying it once."""
    best: dict[tuple[str | None, str, Polarity], Found] = {}
    for met in found:
        key = (met.holder, met.slot, met.polarity)
        if key not in best or (RANK[met.strength], met.score) > (RANK[best[key].strength], best[key].score):
            best[key] = met
    return sorted(best.values(), key=lambda met: met.span)


def _claim(document: Document, met: Found) -> dict[str, Any] | None:
    """The stance as an answer; None if its words cannot stand as a quote."""
    quotes = (document.text[slice(*span)] for span in (met.span, met.sentence))
    quote = next((short for quote in quotes if _stands(document, short := _shortened(quote))), None)
    if quote is None:
        return None
    return {
        "reasoning": f"the encoder is {met.score:.2f} sure of {met.slot}",
        "slot": met.slot,
        "holder": met.holder,
        "statement": statement(met.slot, met.polarity, met.strength, quote),
        "polarity": met.polarity,
        "strength": met.strength,
        "quote": quote,
    }


def _shortened(quote: str) -> str:
    return quote if len(quote) <= LONGEST_QUOTE else quote[:LONGEST_QUOTE].rsplit(maxsplit=1)[0]


def _stands(document: Document, quote: str) -> bool:
    try:
        find(document, quote)
    except ValueError:
        return False
    return len(quote) >= SHORTEST_QUOTE
