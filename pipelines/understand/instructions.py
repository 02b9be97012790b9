"""What a language model is told, and the closed schema in which it must answer: neither knows any provider."""

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import Field, create_model

from models import Slot
from models.keys import content_id
from pipelines.understand.claims import Answer, Claim

PROMPT = Path(__file__).with_name("prompts") / "read_text.toml"


@dataclass(frozen=True)
class Instructions:
    """What the model is told: a plain system message, a template for the text, and the version of both."""

    version: str
    system: str
    text: str


@cache
def instructions() -> Instructions:
    """The instructions that ship, read once."""
    raw = PROMPT.read_text(encoding="utf-8")
    told = tomllib.loads(raw)
    return Instructions(f"{told['version']}-{content_id(raw)[:8]}", told["system"].strip(), told["text"].strip())


@cache
def schema(slots: tuple[str, ...]) -> type[Answer]:
    """The closed schema of an answer with these slots, reasoning first."""
    slot = Field(description="one of the slots given", json_schema_extra={"enum": list(slots)})
    claim = create_model("Claim", __base__=Claim, __doc__="One belief.", slot=(str, slot))
    return create_model(
        "Answer", __base__=Answer, __doc__="All beliefs of the text.", claims=(list[claim], Field(max_length=30))
    )


def schema_hash(slots: Sequence[Slot]) -> str:
    """Hash of the schema and of what the model is told about the slots."""
    told = sorted(f"{slot.name} {slot.description} {slot.example}" for slot in slots)
    return content_id(json.dumps(schema(names(slots)).model_json_schema(), sort_keys=True), *told)[:12]


def names(slots: Sequence[Slot]) -> tuple[str, ...]:
    """Their names in a fixed order."""
    return tuple(sorted(slot.name for slot in slots))
