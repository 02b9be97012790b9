"""The extractor that needs no key and no network: cue phrases and rules, the same answer every time.

It says little, and means to be right in it: English only, no irony, no reading between lines. Its measured precision and recall
stand in the README beside those of language models; `model` says that it was it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from models import Polarity, Slot, Strength
from models.keys import content_id
from pipelines.understand import screens
from pipelines.understand.claims import Document, find
from pipelines.understand.cues import Heard, listen, load, qualified
from pipelines.understand.extractor import Outcome, checked
from pipelines.understand.phrasing import (
    beside_the_point,
    clauses,
    conditional,
    other_holder,
    strength,
    writers_view,
)
from pipelines.understand.sentences import Span
from pipelines.understand.turns import CUSTOMER, REP_NOTE, Turn

SAYERS_OWN = {"authority", "budget"}
"""Who decides and whether there is money: the belief is that of whoever says so."""
RANK = {Strength.explicit: 2, Strength.implied: 1, Strength.speculative: 0}
MOST = 30
"""Claims of one text; the answer's schema allows no more."""


@dataclass(frozen=True)
class Found:
    """A cue met in a clause, and whose belief it is."""

    heard: Heard
    says: str
    holder: str | None
    strength: Strength
    span: Span


class Embedded:
    """The extractor that works on a fresh machine."""

    model = "embedded-2"
    at_once = 20
    regions = None  # nothing leaves the machine

    @property
    def prompt(self) -> str:
        """Version of the cues: their own number and the hash of their file."""
        return load()[0]

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the slots it may fill."""
        return content_id(*sorted(slot.name for slot in slots))[:12]

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        """What it says of each text."""
        return [self._outcome(document) for document in documents]

    def reach(self) -> str:
        """It is always there."""
        return f"{self.model}, which needs no key and says little; set SIDECAR_LLM to read with a language model"

    def _outcome(self, document: Document) -> Outcome:
        """One text. What the validator would object to is not said: a second look would come to nothing else."""
        allowed = {slot.name for slot in document.slots}
        found: list[Found] = []
        quarantined = 0
        for turn, spans in document.sentences.items():
            for sentence in spans:
                words = document.text[slice(*sentence)]
                if screens.suspicious(words):
                    quarantined += 1
                elif not words.rstrip("\"'\u201d ").endswith("?") and not screens.special(words):
                    found += [met for met in _read(document, turn, sentence) if met.heard.cue.slot in allowed]
        claims = [claim for met in _best(found)[:MOST] if _stands(document, claim := _claim(document, met))]
        return checked(document, claims, quarantined)


def _read(document: Document, turn: Turn, sentence: Span) -> Iterator[Found]:
    """Beliefs of one sentence, clause by clause; a condition with a consequence is read as one."""
    text = document.text
    whole = text[slice(*sentence)].replace("\n", " ")
    if beside_the_point(whole):
        return
    if (deal := _deal(whole)) is not None:
        yield _found(document, turn, deal, (whole, sentence), whole)
        return
    for clause in clauses(text, sentence):
        words = text[slice(*clause)].replace("\n", " ")
        if conditional(words) or (turn.role == REP_NOTE and writers_view(words) and '"' not in words):
            continue
        for heard in _heard(words):
            yield _found(document, turn, heard, (words, clause), whole)


def _found(document: Document, turn: Turn, heard: Heard, clause: tuple[str, Span], sentence: str) -> Found:
    words, span = clause
    holder, plain = _holder(document, turn, words, heard), strength(words, sentence)
    hearsay = turn.role == REP_NOTE or (turn.role == CUSTOMER and turn.own and holder is not None)
    told = Strength.implied if hearsay and plain == Strength.explicit and '"' not in words else plain
    on_condition = conditional(sentence, anywhere=True) and not conditional(heard.words, anywhere=True)
    return Found(heard, qualified(heard.says, plain, conditional=on_condition), holder, told, span)


def _heard(words: str) -> list[Heard]:
    """What a clause says, the first cue of each slot; slots on which it contradicts itself are left out."""
    met = [heard for cue in load()[1] if (heard := listen(cue, words))]
    sides: dict[str, set[Polarity]] = {}
    for heard in met:
        sides.setdefault(heard.cue.slot, set()).add(heard.polarity)
    first = {heard.cue.slot: heard for heard in reversed(met)}
    return [heard for slot, heard in first.items() if len(sides[slot]) == 1]


def _deal(sentence: str) -> Heard | None:
    """A condition tied to buying or leaving: "match the SLA and we sign", "if not, we are gone"."""
    if not conditional(sentence, anywhere=True):
        return None
    met = {
        heard.polarity: heard
        for cue in load()[1]
        if cue.slot == "intent" and (heard := listen(cue, sentence)) and heard.polarity == cue.polarity
    }
    return next(iter(met.values())) if len(met) == 1 else None


def _holder(document: Document, turn: Turn, words: str, heard: Heard) -> str | None:
    told = None if heard.cue.slot in SAYERS_OWN else other_holder(words, document.names)
    return told or (None if turn.own or turn.role == REP_NOTE else turn.speaker or None)


def _best(found: Sequence[Found]) -> list[Found]:
    """The plainest quote per holder, slot, aspect and side: saying it twice in one text is saying it once."""
    best: dict[tuple[str | None, str, str, Polarity], Found] = {}
    for met in found:
        key = (met.holder, met.heard.cue.slot, met.heard.cue.aspect, met.heard.polarity)
        if key not in best or RANK[met.strength] > RANK[best[key].strength]:
            best[key] = met
    return sorted(best.values(), key=lambda met: met.span)


def _claim(document: Document, met: Found) -> dict[str, Any]:
    return {
        "reasoning": f"cue phrase for {met.heard.cue.slot}",
        "slot": met.heard.cue.slot,
        "holder": met.holder,
        "aspect": met.heard.cue.aspect,
        "statement": met.says[:160],
        "polarity": met.heard.polarity,
        "strength": met.strength,
        "quote": document.text[slice(*met.span)][:400],
    }


def _stands(document: Document, claim: dict[str, Any]) -> bool:
    try:
        find(document, claim["quote"])
    except ValueError:
        return False
    return True
