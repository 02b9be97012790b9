"""What a lens is: a name, the question it answers, and a function that answers it from the lake.

Whoever adds one writes such a function and a row in `LENSES` of their own room; `service/lens.py` makes a command of every row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from models.money import major
from pipelines.workspace import Workspace


class Kind(StrEnum):
    """How a value reads: money is minor units, a share 0 to 1, a ratio times something."""

    text = "text"
    number = "number"
    money = "money"
    share = "share"
    ratio = "ratio"


@dataclass(frozen=True)
class Chart:
    """Bars, longest first or in order of time; negative ones reach the other way."""

    title: str
    bars: Sequence[tuple[str, float]]
    kind: Kind = Kind.number


@dataclass(frozen=True)
class Answer:
    """An answer, a plain sentence first.

    Shape: every row has the columns' names as keys; `notes` are further sentences: what was left out, what an estimate rests on.
    Units: as `columns` say; money in minor units of `currency`.
    """

    sentence: str
    columns: Mapping[str, Kind] | None = None
    rows: Sequence[Mapping[str, Any]] = ()
    chart: Chart | None = None
    currency: str | None = None
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Options:
    """What a question may be narrowed by; each lens says which of it it takes.

    Shape: `day` and `against` are days or spans as 2026-11-24 or 2026-11-16..2026-11-22, `by` what to tell apart by.
    """

    day: str | None = None
    against: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class Lens:
    """One question that can be asked of the lake; `answer` raises ValueError, which says how, for options it cannot understand."""

    name: str
    question: str
    answer: Callable[[Workspace, Options], Answer]
    takes: frozenset[str] = frozenset()


def chosen(by: str | None, known: Sequence[str], default: str) -> str:
    """One of the things to tell apart by, however it is written; ValueError, which lists them, for anything else."""
    asked = (by or default).strip().lower().replace("-", " ")
    if asked not in known:
        raise ValueError(f"--by {by!r} is not known here; take one of {', '.join(known)}")
    return asked


def in_words(minor: float | None, currency: str | None) -> str:
    """1,234.50 EUR; none where there is no amount."""
    if minor is None:
        return "none"
    code = currency or ""
    return f"{major(round(minor), code):,} {code.upper()}".strip()
