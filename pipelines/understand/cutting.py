"""Cutting text to a length, as a reader would: after a sentence, else after a word, never inside a character."""

import re
import unicodedata

SENTENCE_END = re.compile(r"[.!?…][\"'\u201d\u2019)]*(?=\s|$)|\n")
CUT = "…"
JOINER = "\u200d"
FLAGS = range(0x1F1E6, 0x1F200)
"""Letters of which two make a flag."""


def fitting(text: str, length: int) -> str:
    """The text cut after a sentence, else after a word, never inside a character.

    Units: UTF-16 units. No length, or one that suffices, leaves the words as they are.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    clean = "\n".join(line.rstrip() for line in lines).strip()
    if not length or size(clean) <= length:
        return clean
    room = len(_prefix(clean, length))
    ends = [match.end() for match in SENTENCE_END.finditer(clean, 0, room + 1) if match.end() <= room]
    if ends and ends[-1] >= room // 2:  # a cut that loses more than half says less than a broken sentence
        return clean[: ends[-1]].rstrip()
    return shortened(clean, length)


def shortened(text: str, length: int) -> str:
    """The text with an ellipsis after the last word that fits. Units: UTF-16 units."""
    if size(text) <= length:
        return text
    start = _prefix(text, length - len(CUT))
    words = start.rsplit(None, 1)[0] if start.strip() else ""
    return (words if len(words) >= len(start) // 2 else start).rstrip() + CUT


def size(text: str) -> int:
    """Units: UTF-16 units, as Salesforce and HubSpot count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _prefix(text: str, length: int) -> str:
    """The longest start of at most so many units that ends between two characters as a reader sees them."""
    room = text.encode("utf-16-le", "surrogatepass")[: length * 2].decode("utf-16-le", "ignore")
    end = len(room)
    while 0 < end < len(text) and (_continues(text[end]) or text[end - 1] == JOINER or _parts_a_flag(text, end)):
        end -= 1
    return text[:end]


def _continues(character: str) -> bool:
    """Whether it belongs to the character before: accents, variation selectors, joiners, skin tones."""
    marks = unicodedata.category(character) in ("Mn", "Me", "Mc")
    return marks or character == JOINER or 0x1F3FB <= ord(character) <= 0x1F3FF


def _parts_a_flag(text: str, end: int) -> bool:
    before = 0
    while before < end and ord(text[end - 1 - before]) in FLAGS:
        before += 1
    return before % 2 == 1 and ord(text[end]) in FLAGS
