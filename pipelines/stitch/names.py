"""Whether two names can be one person's, or one company's: the second opinion that a shared phone or domain needs."""

import re
import unicodedata
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from functools import cache, lru_cache

from nicknames import NickNamer

from models.facts import Scope

Words = tuple[str, ...]

TITLES = frozenset(
    ["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "herr", "frau", "mme", "mlle", "sr", "sra", "jr", "mba", "phd", "md"]
)  # fmt: skip
LEGAL_FORMS = frozenset(  # not "group" or "holding": the parent is another company
    [
        "inc", "incorporated", "llc", "llp", "ltd", "limited", "plc", "corp", "corporation", "co", "company", "gmbh", "mbh", "ag", "kg",
        "ohg", "ug", "se", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "ab", "as", "asa", "oy", "oyj", "aps", "kk", "pty", "pte", "the",
        "and", "und", "et",
    ]
)  # fmt: skip
SPELLED_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
"""How an address spells letters that its keyboard lacks."""
UNDECOMPOSED = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th"})  # noqa: RUF001
"""Letters that Unicode does not take apart into a base letter and a mark."""

MANY = 100_000
"""Names whose words are remembered: each is compared with several others."""
SLIP = 0.85
"""Share of letters in common from which one given name is taken for a slip of the pen in the other: Jonh and John, not Jane and John."""


def words(name: str, *, spelled_out: bool = False) -> Words:
    """Folded words of a name, in their order; apostrophes join, everything else that is no letter or digit separates."""
    folded = unicodedata.normalize("NFC", name).casefold()
    if spelled_out:
        folded = folded.translate(SPELLED_OUT)
    decomposed = unicodedata.normalize("NFKD", folded.translate(UNDECOMPOSED))
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return tuple(re.findall(r"\w+", re.sub(r"['’`´]", "", bare)))  # noqa: RUF001  # people type all four


def same_person(left: str, right: str) -> bool:
    """True if the names can be one person's: same words, a part of them (two at least), or an initial for the first name."""
    return any(_persons_agree(a, b) for a, b in _readings(left, right, TITLES))


def may_be_one(left: str, right: str) -> bool:
    """False if the names contradict each other: two given names, neither of which can stand for the other.

    Weaker than `same_person`: an address stays one person's after a marriage, under a nickname, and with a slip of the pen. A single word is
    no contradiction, since it may be the family name.
    """
    if same_person(left, right):
        return True
    for a, b in _readings(_forward(left), _forward(right), TITLES):
        if len(a) < 2 or len(b) < 2 or _same_given(a[0], b[0]) or set(a) <= set(b) or set(b) <= set(a):
            return True
    return False


def same_company(left: str, right: str) -> bool:
    """True if the names are equal but for legal form, spacing and accents."""
    return any("".join(a) == "".join(b) != "" for a, b in _readings(left, right, LEGAL_FORMS))


SAME_NAME: dict[Scope, Callable[[str, str], bool]] = {Scope.person: same_person, Scope.account: same_company}


def agreeing(names: Iterable[str], same: Callable[[str, str], bool]) -> dict[str, int]:
    """Group names that agree with each other; a name that agrees with two groups (an initial) is left alone.

    Shape: group number by name; longest names first, so that the outcome does not depend on the order given.
    """
    groups: list[list[str]] = []
    for name in sorted(set(names), key=lambda name: (-len(name), name)):
        fits = [group for group in groups if all(same(name, other) for other in group)]
        if len(fits) == 1:
            fits[0].append(name)
        else:
            groups.append([name])
    return {name: number for number, group in enumerate(groups) for name in group}


def _readings(left: str, right: str, dropped: frozenset[str]) -> Iterable[tuple[Words, Words]]:
    """Both names as written and, if that differs, with umlauts spelled out: `Müller` meets both `Muller` and `Mueller`."""
    written, spelled = zip(_both(left, dropped), _both(right, dropped), strict=True)
    yield written
    if spelled != written:
        yield spelled


@lru_cache(MANY)
def _both(name: str, dropped: frozenset[str]) -> tuple[Words, Words]:
    """The words that count, as written and with umlauts spelled out."""
    written, spelled = (
        tuple(word for word in words(name, spelled_out=out) if word not in dropped) for out in (False, True)
    )
    return written, spelled


def _persons_agree(a: Words, b: Words) -> bool:
    if not a or not b:
        return False
    if sorted(a) == sorted(b):
        return True
    fewer, more = sorted((set(a), set(b)), key=len)
    if len(fewer) > 1 and fewer < more:
        return True
    return a[-1] == b[-1] and len(a) > 1 < len(b) and _initial(a[0], b[0])


def _forward(name: str) -> str:
    """The given name first: `Doe, Jane` is written backwards."""
    family, comma, given = name.partition(",")
    return f"{given} {family}" if comma else name


def _same_given(a: str, b: str) -> bool:
    return a == b or _initial(a, b) or not _nicknames(a).isdisjoint(_nicknames(b)) or _alike(a, b)


@cache
def _nicknames(name: str) -> frozenset[str]:
    """The name, and every name that it can be short for. English only, as the table is."""
    return frozenset({name, *_namer().canonicals_of(name)})


@cache
def _namer() -> NickNamer:
    return NickNamer()


def _alike(a: str, b: str) -> bool:
    return SequenceMatcher(None, a, b, autojunk=False).ratio() >= SLIP


def _initial(a: str, b: str) -> bool:
    shorter, longer = sorted((a, b), key=len)
    return len(shorter) == 1 and longer.startswith(shorter)
