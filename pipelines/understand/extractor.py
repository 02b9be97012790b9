"""The door behind which every extractor stands: the embedded one, and any language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from models import Slot
from pipelines.understand.claims import Answer, Document, check

LOADED = "offline/"
"""How readers are called whose answers were loaded from a file."""


class ExtractorUnusable(Exception):
    """No text can be read until a human acts; the message says which variable to mend and how. Nothing is recorded."""


@dataclass(frozen=True)
class Usage:
    """What one text cost, answers that had to be mended included. Units: tokens, millionths of a US dollar."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_microusd: int | None = 0
    """None where the price is not known, which is not the same as free."""

    @property
    def tokens(self) -> int:
        """Tokens both ways."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: "Usage") -> "Usage":
        unknown = self.cost_microusd is None or other.cost_microusd is None
        cost = None if unknown else (self.cost_microusd or 0) + (other.cost_microusd or 0)
        return Usage(self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out, cost)


FREE = Usage()


@dataclass(frozen=True)
class Reading:
    """An extractor's answer for one text, validated, and what it cost."""

    answer: Answer
    usage: Usage = FREE
    quarantined: int = 0
    """Sentences left out because they give orders or carry links."""


@dataclass(frozen=True)
class Unread:
    """A text that cannot be read; the reason holds no customer text. Recorded as a failure, never taken for "believes nothing"."""

    reason: str
    usage: Usage = FREE


@dataclass(frozen=True)
class Waiting:
    """A text that could not be asked about now. It says nothing about the text: nothing is recorded, and the next run asks again."""

    reason: str
    usage: Usage = FREE


Outcome = Reading | Unread | Waiting


class Extractor(Protocol):
    """Reads texts, each by itself, several at a time if it can; has no tools and no memory."""

    @property
    def model(self) -> str:
        """Which one it is, as shown beside its work."""
        ...

    @property
    def prompt(self) -> str:
        """Version of its instructions."""
        ...

    @property
    def regions(self) -> frozenset[str] | None:
        """Regions whose texts it may be given; None for all."""
        ...

    @property
    def yields_to(self) -> str | None:
        """How the readers are called whose readings it lets stand, by their beginning; None where it reads everything itself."""
        ...

    @property
    def at_once(self) -> int:
        """How many texts it is best given together: what is kept in one commit, and the most that a kill may cost again."""
        ...

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the answer's schema with these slots: a different one reads every text anew."""
        ...

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        """What comes of each text, in their order. Errors: ExtractorUnusable."""
        ...

    def reach(self) -> str:
        """Say which one it is and that it is there, having sent no text. Errors: ExtractorUnusable."""
        ...


def reader(extractor: Extractor, slots: Sequence[Slot]) -> str:
    """The extractor with its instructions and schema, as evidence names it: `model:prompt:schema`."""
    return f"{extractor.model}:{extractor.prompt}:{extractor.schema_hash(slots)}"


def checked(document: Document, claims: list[dict[str, Any]], quarantined: int = 0) -> Reading | Unread:
    """Raw claims held against their text: a reading, or why it is none."""
    try:
        return Reading(check(document, claims), quarantined=quarantined)
    except ValidationError as error:
        return Unread(reasons(error))


def reasons(error: ValidationError) -> str:
    """What the validators objected to, each objection once, without the words they objected to."""
    found = error.errors(include_input=False, include_context=False, include_url=False)
    return "; ".join(sorted({one["msg"] for one in found}))
