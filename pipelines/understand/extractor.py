"""The door behind which every extractor stands: the embedded one, and any language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from models import Slot
from pipelines.understand.claims import Answer, Document


class ExtractionFailed(Exception):
    """A text could not be read; the message says why and holds no customer text. Recorded, never taken for "believes nothing"."""


@dataclass(frozen=True)
class Reading:
    """An extractor's answer for one text, validated, and what it cost."""

    answer: Answer
    tokens: int = 0
    quarantined: int = 0
    """Sentences left out because they give orders or carry links."""


class Extractor(Protocol):
    """Reads one text of one customer at a time; has no tools and no memory."""

    @property
    def model(self) -> str:
        """Which one it is, as shown beside its work."""
        ...

    @property
    def prompt(self) -> str:
        """Version of its instructions."""
        ...

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the answer's schema with these slots: a different one reads every text anew."""
        ...

    def extract(self, document: Document) -> Reading:
        """Read one text. Errors: ExtractionFailed, or pydantic's ValidationError for a claim the text does not bear out."""
        ...


def reader(extractor: Extractor, slots: Sequence[Slot]) -> str:
    """The extractor with its instructions and schema, as evidence names it: `model:prompt:schema`."""
    return f"{extractor.model}:{extractor.prompt}:{extractor.schema_hash(slots)}"
