"""The cues of the embedded extractor: frames of words that carry a slot and a side, and how what they carry is told.

A statement is made of the clause's own words where these read well, and never says more than the clause: what is hedged is told
as hedged, what hangs on a condition as conditional.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from models import Polarity, Strength
from models.keys import content_id
from pipelines.understand.languages import NEGATION
from pipelines.understand.phrasing import negated

CUES = Path(__file__).with_name("cues.toml")
WORD = re.compile(r"@(\w+)@")
GROUP = re.compile(r"\(\?P<(\w+)>")
PLACE = re.compile(r"\{\w+\}")
ARTICLE = re.compile(r"^(?:the|a|an|this|that|your|our|my|their|his|her)\s+", re.IGNORECASE)
SOMEBODYS = re.compile(
    r"\b(?:i|me|my|mine|we|us|our|ours|you|your|yours|they|them|their|he|him|his|she|her|it|its|that|this)\b",
    re.IGNORECASE,
)
"""Words that would mean somebody else in our sentence than they did in theirs."""
NOBODY = re.compile(r"\b(?:nobody|no one|nothing|none|neither|nor|no)\b", re.IGNORECASE)
"""That nobody says so does not mean that somebody says the opposite."""
OPPOSITE = {
    Polarity.positive: Polarity.negative,
    Polarity.negative: Polarity.positive,
    Polarity.neutral: Polarity.neutral,
}


@dataclass(frozen=True)
class Cue:
    """A frame of words that carries a slot and a side; `says`, `plain` and `flip` are its belief in our words."""

    slot: str
    aspect: str
    polarity: Polarity
    pattern: re.Pattern[str]
    says: str
    plain: str
    flip: str


@dataclass(frozen=True)
class Heard:
    """A cue met in a clause: the side it speaks for, the belief in our words, and the words that carried it."""

    cue: Cue
    polarity: Polarity
    says: str
    words: str


def listen(cue: Cue, words: str) -> Heard | None:
    """What a clause says on a cue, if anything. A denial turns it round or silences it."""
    match = cue.pattern.search(words)
    if match is None:
        return None
    before = words[: match.start()]
    if not negated(before) or NEGATION.match(match.group().split(" ")[0]):
        return Heard(cue, cue.polarity, _told(cue.says, cue.plain, match), match.group())
    turns = cue.flip and not NOBODY.search(before)
    return Heard(cue, OPPOSITE[cue.polarity], _told(cue.flip, "", match), match.group()) if turns else None


def qualified(says: str, strength: Strength, *, conditional: bool) -> str:
    """A statement no firmer than the words behind it."""
    if strength == Strength.speculative:
        return f"Perhaps {_lowered(says)}"
    return f"{says}, on a condition" if conditional else says


@cache
def load() -> tuple[str, tuple[Cue, ...]]:
    """Version and cues, read once; the version holds the hash of the file."""
    raw = CUES.read_bytes().decode()
    data = tomllib.loads(raw)
    cues = tuple(_cue(row, data["words"]) for row in data["cue"])
    return f"{data['version']}-{content_id(raw)[:8]}", cues


def _cue(row: Mapping[str, Any], words: Mapping[str, str]) -> Cue:
    return Cue(
        row["slot"],
        row.get("aspect", ""),
        Polarity(row["polarity"]),
        re.compile(_numbered(_spelled_out(row["pattern"], words)), re.IGNORECASE),
        row["says"],
        row.get("plain", ""),
        row.get("flip", ""),
    )


def _spelled_out(pattern: str, words: Mapping[str, str]) -> str:
    while WORD.search(pattern):
        pattern = WORD.sub(lambda name: words[name[1]], pattern)
    return pattern


def _numbered(pattern: str) -> str:
    """The same group may stand in several alternatives; `re` wants each name once."""
    seen: Counter[str] = Counter()

    def rename(group: re.Match[str]) -> str:
        seen[group[1]] += 1
        return f"(?P<{group[1]}_{seen[group[1]]}>"

    return GROUP.sub(rename, pattern)


def _told(says: str, plain: str, match: re.Match[str]) -> str:
    """The statement with the clause's words in their places, or the plain one where some are missing or mean somebody else here."""
    told = {name.rsplit("_", 1)[0]: " ".join(words.split()) for name, words in match.groupdict().items() if words}
    wanted = {place.strip("{}") for place in PLACE.findall(says)}
    for name in wanted & told.keys():
        if f"the {{{name}}}" in says.lower():
            told[name] = ARTICLE.sub("", told[name])
    fits = wanted <= told.keys() and not any(SOMEBODYS.search(told[name]) for name in wanted)
    return says.format(**{name: _lowered(words) for name, words in told.items()}) if fits else plain or _bare(says)


def _bare(says: str) -> str:
    """A statement without the words that would not fit: "the {what}" becomes "it"."""
    bare = PLACE.sub("", says.replace("The {who}", "Somebody with a say").replace("the {what}", "it"))
    return " ".join(bare.split())


def _lowered(words: str) -> str:
    """Without the capital of a sentence's beginning; names in capitals keep theirs."""
    return words if words[:2].isupper() or words[1:2].isdigit() else words[:1].lower() + words[1:]
