"""What an extractor may answer, and the validator that every extractor's answer must pass.

A quote counts only if it stands word for word in one turn that can be evidence, is not the tail of a negation, and its whole
sentence gives no orders. A miss raises: whoever asked asks again or records a failure, and never goes on with less.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from models import Polarity, Slot, Strength
from pipelines.understand import screens
from pipelines.understand.languages import CLAUSE_END, NEGATION, in_english
from pipelines.understand.sentences import Span, sentences
from pipelines.understand.turns import HEARD, REP_NOTE, SELLER, Turn

MARK = re.compile(r"<[A-Z]+_\d+>")
"""A pseudonym, as `redaction.py` makes them."""
WORDLESS = ConfigDict(hide_input_in_errors=True)
"""An error's text reaches logs and re-asks; it says what is wrong without the words that were."""
STATEMENT_LENGTH, HOLDER_LENGTH, ASPECT_LENGTH = 160, 80, 40
"""Characters of a statement, which is what a CRM's list view shows of a line; of a name or role; of a narrower topic."""
NEGATION_REACH = 4
"""Words over which a negation before a quote is taken to reach it: "not really worried about price"."""
OPEN_QUOTES, CLOSE_QUOTES = '"\u201c\u201e\u00ab', '"\u201d\u201c\u00bb'


@dataclass(frozen=True)
class Document:
    """One text of one customer, as an extractor sees it: canonical, split into turns, with the slots it may fill."""

    text: str
    turns: tuple[Turn, ...]
    source: str
    author: str
    names: tuple[str, ...]
    slots: tuple[Slot, ...]

    @cached_property
    def sentences(self) -> dict[Turn, list[Span]]:
        """Sentences of every turn that can be evidence, in order."""
        return {turn: list(sentences(self.text, turn.start, turn.end)) for turn in self.turns if turn.role in HEARD}

    @property
    def suspicious(self) -> int:
        """How many of its sentences give orders or carry links, and can be no evidence."""
        return sum(screens.suspicious(self.text[slice(*span)]) for spans in self.sentences.values() for span in spans)

    def knows(self, holder: str | None) -> bool:
        """Whether the text tells of a holder, at least by one word, and not as the seller; nobody named is the speaker."""
        words = set(re.findall(r"\w+", (holder or "").lower()))
        if not words:
            return True
        if any(turn.role == SELLER and words == set(re.findall(r"\w+", turn.speaker.lower())) for turn in self.turns):
            return False
        return not words.isdisjoint(self.vocabulary)

    def has_marks(self, words: str) -> bool:
        """Whether every pseudonym in these words stands in the text or for its people."""
        return all(mark in self.text or mark in self.names or mark in self._speakers for mark in MARK.findall(words))

    @cached_property
    def vocabulary(self) -> set[str]:
        """All words of the text and of its people's names, in small letters."""
        return set(re.findall(r"\w+", " ".join([self.text, *self.names, *self._speakers]).lower()))

    @cached_property
    def _speakers(self) -> set[str]:
        return {turn.speaker for turn in self.turns}

    def sentence(self, turn: Turn, start: int, end: int) -> Span:
        """The whole sentence, or sentences, around a stretch of a turn."""
        around = [span for span in self.sentences[turn] if span[0] < end and start < span[1]]
        return min([start, *(first for first, _ in around)]), max([end, *(last for _, last in around)])


@dataclass(frozen=True)
class Place:
    """Where a quote stands: offsets into the text, its turn, the sentence around it, and whether a note quotes it."""

    start: int
    end: int
    turn: Turn
    sentence: tuple[int, int]
    quoted: bool

    def source_class(self, source: str) -> str:
        """Which kind of source speaks here, as reliability is kept: a note is a note whatever it is called."""
        if self.turn.role == REP_NOTE:
            return "rep_note_quoting" if self.quoted else REP_NOTE
        return f"{source}/{self.turn.role}"


class Claim(BaseModel):
    """One belief that an extractor reads in a text. Validated in the context of its document; ValueError names what to mend."""

    model_config = WORDLESS
    reasoning: str = Field(max_length=300, description="why this is a belief; first, because the verdict follows it")
    slot: str = Field(description="one of the slots given")
    holder: str | None = Field(
        default=None, max_length=HOLDER_LENGTH, description="name or role, if not the speaker's own belief"
    )
    aspect: str = Field(default="", max_length=ASPECT_LENGTH, description="narrower topic inside the slot, if any")
    statement: str = Field(min_length=3, max_length=STATEMENT_LENGTH, description="the belief in your words")
    polarity: Polarity
    strength: Strength
    quote: str = Field(min_length=4, max_length=400, description="copied word for word from the text")
    _place: Place = PrivateAttr()

    @model_validator(mode="after")
    def stands_in_the_text(self, info: ValidationInfo) -> "Claim":
        """Find the quote and hold it against the rules; without a document nothing is valid."""
        document = (info.context or {}).get("document")
        if not isinstance(document, Document):
            raise ValueError("a claim can only be checked against its document")  # noqa: TRY004  # pydantic passes on ValueError only
        if self.slot not in {slot.name for slot in document.slots}:
            raise ValueError("slot must be one of the slots given")
        if screens.special(self.statement) or screens.special(self.quote):
            raise ValueError("leave out health, religion, politics, union, ethnicity and sexuality")
        if not document.knows(self.holder) or not document.has_marks(f"{self.holder} {self.aspect} {self.statement}"):
            raise ValueError("name the holder as the text does, not one of the seller's people, and make no marks up")
        if not in_english(self.statement):
            raise ValueError("write the statement in English, whatever language the text is in")
        self._place = find(document, self.quote)
        if self._place.turn.role == REP_NOTE and not self._place.quoted and self.strength == Strength.explicit:
            self.strength = Strength.implied  # hearsay
        return self

    @property
    def place(self) -> Place:
        """Where the quote stands in its document."""
        return self._place

    def moved(self, place: Place, **words: str | None) -> "Claim":
        """The same claim about another version of its text: other words, and where the quote stands there."""
        claim = self.model_copy(update=words)
        claim._place = place  # noqa: SLF001  # its own
        return claim


class Answer(BaseModel):
    """All that an extractor reads in one text; no claims means that nothing is believed there."""

    model_config = WORDLESS
    claims: list[Claim] = Field(max_length=30)


def check(document: Document, claims: list[dict[str, Any]]) -> Answer:
    """Validate raw claims against their document. ValidationError if any of them is not borne out by the text."""
    return Answer.model_validate({"claims": claims}, context={"document": document})


def find(document: Document, quote: str) -> Place:
    """Where a quote stands in a turn that can be evidence. ValueError if it does not, or nowhere in its own right."""
    flat, wanted, at = document.text.replace("\n", " "), " ".join(quote.split()), -1
    reason = "copy the quote word for word from one turn spoken by the customer"
    while wanted and (at := flat.find(wanted, at + 1)) >= 0:
        end = at + len(wanted)
        turn = next((turn for turn in document.turns if turn.start <= at and end <= turn.end), None)
        if turn and turn.role in HEARD:
            sentence = document.sentence(turn, at, end)
            if screens.suspicious(flat[slice(*sentence)]):
                reason = "the sentence holds a link or an order; leave it out"
            elif _negated(flat[sentence[0] : at]):
                reason = "the words before the quote negate it; quote them too"
            else:
                return Place(at, end, turn, sentence, _in_quotes(flat, at, end, turn))
    raise ValueError(reason)


def _negated(before: str) -> bool:
    clause = CLAUSE_END.split(before)[-1]
    return NEGATION.search(" ".join(clause.split()[-NEGATION_REACH:])) is not None


def _in_quotes(text: str, start: int, end: int, turn: Turn) -> bool:
    """Whether the words stand between quotation marks inside their turn."""
    before, after = text[turn.start : start], text[end : turn.end]
    if text[start] in OPEN_QUOTES and text[end - 1] in CLOSE_QUOTES:
        return True
    straight = before.count('"') % 2 == 1 and '"' in after
    opened = max(before.rfind("\u201c"), before.rfind("\u201e"), before.rfind("\u00ab"))
    closed = max(before.rfind("\u201d"), before.rfind("\u00bb"))
    return straight or (opened > closed and any(mark in after for mark in "\u201d\u201c\u00bb"))
