"""Values as a CRM holds them: right kind, rounded, cut to length. What is compared and hashed is always this form.

`as_held` of its own result is itself, so what was written and what is read back compare equal.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from connectors.base import FieldSpec, FieldValue
from models.keys import content_id
from pipelines.understand.cutting import fitting

UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
"""Control characters and halves of surrogate pairs: CRMs refuse the field, or the whole call, for one of them."""
BLANKS = re.compile(r"\s+")
AROUND = 2**14
"""Values whose hash is known: those of the records that are looked at together, each asked for half a dozen times."""
JSON = json.JSONEncoder(ensure_ascii=False)
"""Made once: `json.dumps` makes one at every call, for a dozen values of every record."""


def as_held(spec: FieldSpec, value: FieldValue) -> FieldValue:
    """The value as the CRM will give it back; None is an empty field.

    Units: text in UTF-16 units, as Salesforce counts; numbers rounded to the field's scale. A number that the field cannot
    hold is left out rather than bent.
    """
    if spec.kind == "checkbox":
        return bool(value)
    if value is None or value == "":
        return None
    if spec.kind in ("number", "percent", "money"):
        return _rounded(float(value), spec)
    if spec.kind == "datetime":
        return datetime.fromisoformat(str(value)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = UNPRINTABLE.sub("", str(value))
    return fitting(text if spec.kind == "long_text" else BLANKS.sub(" ", text), spec.length) or None


@lru_cache(AROUND, typed=True)  # 1, 1.0 and True are three values
def value_hash(value: FieldValue) -> str:
    """Names a value in its held form."""
    return content_id(as_json(value))


def kept_hash(kept: str | None) -> str:
    """Names a value that the ledger kept."""
    return content_id(kept or "null")


def as_json(value: FieldValue) -> str:
    """The value as the ledger keeps it."""
    return JSON.encode(value)


def from_json(kept: str | None) -> FieldValue:
    """A value that the ledger kept."""
    value: FieldValue = json.loads(kept) if kept else None
    return value


def content_hash(shown: Mapping[str, FieldValue]) -> str:
    """Fingerprint of what one record shows: SHA-256 over the values by field name, in their held form."""
    return hashlib.sha256(json.dumps(shown, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _rounded(number: float, spec: FieldSpec) -> float | int | None:
    if not math.isfinite(number) or abs(round(number, spec.scale)) >= 10 ** (spec.length - spec.scale):
        return None
    return round(number, spec.scale) + 0.0 if spec.scale else round(number)  # + 0.0 turns -0.0 into 0.0
