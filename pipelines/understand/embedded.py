"""The extractor that needs no key and no network: cue phrases and rules, the same answer every time.

It says little, and means to be right in it: English only, no irony, no reading between lines. Its measured precision and recall
stand in the README beside those of language models; `model` says that it was it.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models import Polarity, Slot, Strength
from models.keys import content_id
from pipelines.understand import screens
from pipelines.understand.claims import NEGATION, Document, check, find
from pipelines.understand.extractor import Reading
from pipelines.understand.phrasing import (
    SHORT_CONDITION,
    clauses,
    negated,
    other_holder,
    strength,
    writers_view,
)
from pipelines.understand.sentences import Span
from pipelines.understand.turns import CUSTOMER, REP_NOTE, Turn

CUES = Path(__file__).with_name("cues.toml")
SAYERS_OWN = {"authority", "budget"}
"""Who decides and whether there is money: the belief is that of whoever says so."""
NEAR = 40
"""Characters between a topic and the judgement on it."""
OPPOSITE = {
    Polarity.positive: Polarity.negative,
    Polarity.negative: Polarity.positive,
    Polarity.neutral: Polarity.neutral,
}
RANK = {Strength.explicit: 2, Strength.implied: 1, Strength.speculative: 0}
MOST = 30
"""Claims of one text; the answer's schema allows no more."""


@dataclass(frozen=True)
class Cue:
    """A phrase that carries a slot and a side."""

    slot: str
    polarity: Polarity
    says: str
    pattern: re.Pattern[str]
    aspect: str = ""
    flip: bool = False
    otherwise: str = ""
    precise: bool = True
    """Whether the phrase speaks for itself; a topic beside a judgement is a weaker sign."""


@dataclass(frozen=True)
class Found:
    """A cue met in a clause."""

    cue: Cue
    polarity: Polarity
    says: str
    holder: str | None
    strength: Strength
    span: Span


class Embedded:
    """The extractor that works on a fresh machine."""

    model = "embedded-1"

    @property
    def prompt(self) -> str:
        """Version of the cues: their own number and the hash of their file."""
        return _cues()[0]

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the slots it may fill."""
        return content_id(*sorted(slot.name for slot in slots))[:12]

    def extract(self, document: Document) -> Reading:
        """Read one text. What the validator would object to is not said: a second look would come to nothing else."""
        allowed = {slot.name for slot in document.slots}
        found: list[Found] = []
        quarantined = 0
        for turn, spans in document.sentences.items():
            for sentence in spans:
                words = document.text[slice(*sentence)]
                if screens.suspicious(words):
                    quarantined += 1
                elif not words.rstrip("\"'\u201d ").endswith("?") and not screens.special(words):
                    found += [met for met in _read(document, turn, sentence) if met.cue.slot in allowed]
        claims = [claim for met in _best(found)[:MOST] if _stands(document, claim := _claim(document, met))]
        return Reading(check(document, claims), quarantined=quarantined)


def _read(document: Document, turn: Turn, sentence: Span) -> Iterator[Found]:
    """Beliefs of one sentence, clause by clause; a condition with a consequence is read as one."""
    text = document.text
    whole = text[slice(*sentence)]
    if (deal := _deal(whole)) is not None:
        yield Found(deal, deal.polarity, deal.says, _holder(document, turn, whole, deal), Strength.implied, sentence)
        return
    for clause in clauses(text, sentence):
        words = text[slice(*clause)].replace("\n", " ")
        if turn.role == REP_NOTE and writers_view(words) and '"' not in words:
            continue
        for cue, polarity, says in _met(words):
            holder = _holder(document, turn, words, cue)
            yield Found(cue, polarity, says, holder, _strength(turn, words, whole, holder), clause)


def _met(words: str) -> list[tuple[Cue, Polarity, str]]:
    """Cues of a clause that do not contradict each other; phrases that speak for themselves silence mere topics."""
    _, cues, topics = _cues()
    met = [answer for cue in cues if (answer := _listen(cue, words))]
    met = met or [answer for cue in topics if (answer := _listen(cue, words))]
    sides: dict[str, set[Polarity]] = {}
    for cue, polarity, _ in met:
        sides.setdefault(cue.slot, set()).add(polarity)
    return [(cue, polarity, says) for cue, polarity, says in met if len(sides[cue.slot]) == 1]


def _listen(cue: Cue, words: str) -> tuple[Cue, Polarity, str] | None:
    match = cue.pattern.search(words)
    if match is None:
        return None
    if not negated(words[: match.start()]) or NEGATION.match(match.group().split(" ")[0]):
        return cue, cue.polarity, cue.says
    return (cue, OPPOSITE[cue.polarity], cue.otherwise) if cue.flip else None


def _deal(sentence: str) -> Cue | None:
    """A condition tied to buying or leaving: "match the SLA and we sign", "if not, we are gone"."""
    if not SHORT_CONDITION.search(sentence):
        return None
    _, cues, _ = _cues()
    sides = {
        cue.polarity: cue
        for cue in cues
        if cue.slot == "intent" and (hit := _listen(cue, sentence)) and hit[1] == cue.polarity
    }
    return next(iter(sides.values())) if len(sides) == 1 else None


def _holder(document: Document, turn: Turn, words: str, cue: Cue) -> str | None:
    told = None if cue.slot in SAYERS_OWN else other_holder(words, document.names)
    return told or (None if turn.own or turn.role == REP_NOTE else turn.speaker or None)


def _strength(turn: Turn, words: str, sentence: str, holder: str | None) -> Strength:
    plain = strength(words, sentence)
    hearsay = turn.role == REP_NOTE or (turn.role == CUSTOMER and turn.own and holder is not None)
    return Strength.implied if hearsay and plain == Strength.explicit and '"' not in words else plain


def _best(found: Sequence[Found]) -> list[Found]:
    """The plainest quote per holder, slot, aspect and side: saying it twice in one text is saying it once."""
    best: dict[tuple[str | None, str, str, Polarity], Found] = {}
    for met in found:
        key = (met.holder, met.cue.slot, met.cue.aspect, met.polarity)
        if key not in best or _force(met) > _force(best[key]):
            best[key] = met
    return sorted(best.values(), key=lambda met: met.span)


def _force(met: Found) -> tuple[bool, int]:
    return met.cue.precise, RANK[met.strength]


def _claim(document: Document, met: Found) -> dict[str, Any]:
    return {
        "reasoning": f"cue phrase for {met.cue.slot}",
        "slot": met.cue.slot,
        "holder": met.holder,
        "aspect": met.cue.aspect,
        "statement": met.says,
        "polarity": met.polarity,
        "strength": met.strength,
        "quote": document.text[slice(*met.span)][:400],
    }


def _stands(document: Document, claim: dict[str, Any]) -> bool:
    try:
        find(document, claim["quote"])
    except ValueError:
        return False
    return True


@cache
def _cues() -> tuple[str, tuple[Cue, ...], tuple[Cue, ...]]:
    """Version, cues and topics, read once."""
    raw = CUES.read_bytes()
    data = tomllib.loads(raw.decode())
    cues = tuple(_cue(row) for row in data["cue"])
    topics = tuple(
        Cue(row["slot"], polarity, row[side], _beside(row["pattern"], data["judgement"][side]), flip=True, otherwise=row[other], precise=False)
        for row in data["topic"]
        for side, other, polarity in (("good", "bad", Polarity.positive), ("bad", "good", Polarity.negative))
    )  # fmt: skip
    return f"{data['version']}-{content_id(raw.decode())[:8]}", cues, topics


def _cue(row: dict[str, Any]) -> Cue:
    return Cue(
        row["slot"],
        Polarity(row["polarity"]),
        row["says"],
        re.compile(row["pattern"], re.IGNORECASE),
        row.get("aspect", ""),
        row.get("flip", False),
        row.get("else", ""),
    )


def _beside(topic: str, judgement: str) -> re.Pattern[str]:
    gap = rf"\b.{{0,{NEAR}}}?\b"
    return re.compile(rf"\b(?:{topic}){gap}(?:{judgement})\b|\b(?:{judgement}){gap}(?:{topic})\b", re.IGNORECASE)
