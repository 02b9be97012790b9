"""The corpus as the encoder learns it: windows of the product's own making, and what people found in each of their sentences."""

import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.understand.claims import Document
from pipelines.understand.encoder.windows import Target, Window, windows
from pipelines.understand.slots import shipped
from pipelines.understand.text import canonical
from pipelines.understand.turns import REP_NOTE, Turn, split

CORPUS = Path(__file__).with_name("corpus")
SLOTS = tuple(slot.name for slot in shipped())
POLARITIES = ("positive", "negative", "neutral")
STRENGTHS = ("explicit", "implied", "speculative")
ASIDE, STRANGERS = 5, frozenset("pr")
"""One document in five is never learned from, and none of these writers', so that what a stranger's texts cost can be told."""
SHORT, AT_ONCE = 25, (1, 5)
"""Words of a text that can be told among others, and how many are told at once."""


@dataclass(frozen=True)
class Label:
    """A stance that people found: numbers of its slot, polarity and strength, and the words that carry it as tokens of the window."""

    slot: int
    polarity: int
    strength: int
    tokens: tuple[int, int]


@dataclass(frozen=True)
class Lesson:
    """A window and, per sentence in it, the stances it carries."""

    window: Window
    labels: tuple[tuple[Label, ...], ...]


def load(folder: Path = CORPUS) -> list[dict[str, Any]]:
    """Labelled texts, writer by writer."""
    lines = (line for path in sorted(folder.glob("*.jsonl")) for line in path.read_text().splitlines())
    return [json.loads(line) for line in lines if line.strip()]


def part(row: Mapping[str, Any]) -> str:
    """Which part a document belongs to: `learn`, kept aside for `thresholds` or to `measure`, or `strange`, by a writer never met.

    The hash of its id decides, so that no later edition of the corpus moves it.
    """
    if writer(row) in STRANGERS:
        return "strange"
    number = int(hashlib.sha256(row["id"].encode()).hexdigest(), 16)
    return "learn" if number % ASIDE else ("thresholds", "measure")[number // ASIDE % 2]


def writer(row: Mapping[str, Any]) -> str:
    """Whose text it is: one or two letters before the number."""
    return str(row["id"]).partition("-")[0]


def document(row: Mapping[str, Any]) -> Document:
    """A labelled text as the product's extractor sees it."""
    text = canonical(row["text"], row["source"])
    turns = split(text, row["source"], row["author"], ())
    return Document(text, turns, row["source"], row["author"], (), tuple(shipped()))


def lessons(row: Mapping[str, Any]) -> list[Lesson]:
    """What can be learned from one document.

    The product hears nothing in what an agent writes; labels in such a text (words of customers passed on) are worth learning from
    all the same, so it is read as a note.
    """
    seen = document(row)
    if seen.text and not any(seen.sentences.values()):
        seen = Document(
            seen.text, (Turn(0, len(seen.text), "", REP_NOTE, own=False),), seen.source, seen.author, (), seen.slots
        )
    places = [(place, gold) for gold in row["gold"] if (place := _place(seen.text, gold[4]))]
    return [
        Lesson(window, tuple(tuple(_labels(target, places)) for target in window.targets)) for window in windows(seen)
    ]


def together(rows: Iterable[Mapping[str, Any]], dice: random.Random) -> list[dict[str, Any]]:
    """Short texts told in one breath, some at a time and those of one kind together: a stance seldom stands alone."""
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        kinds[row["source"], row["author"]].append(row)
    found = []
    for (source, author), some in kinds.items():
        left = dice.sample(some, len(some))
        while left:
            several = [left.pop() for _ in range(min(len(left), dice.randint(*AT_ONCE)))]
            text = " ".join(row["text"] for row in several)
            gold = [label for row in several for label in row["gold"]]
            found.append({"source": source, "author": author, "text": text, "gold": gold})
    return found


def short(row: Mapping[str, Any]) -> bool:
    """Whether a text is one remark, which can stand among others."""
    return len(row["text"].split()) <= SHORT and "\n" not in row["text"] and row["source"] != "transcript"


def _place(text: str, quote: str) -> tuple[int, int] | None:
    """Where a quote stands in the canonical text; None where it was cut with a signature or a reply."""
    wanted = " ".join(canonical(quote, "note").split())
    at = text.replace("\n", " ").find(wanted)
    return (at, at + len(wanted)) if wanted and at >= 0 else None


def _labels(target: Target, places: Sequence[tuple[tuple[int, int], Sequence[str]]]) -> Iterable[Label]:
    for (start, end), (_, slot, polarity, strength, _) in places:
        common = min(end, target.span[1]) - max(start, target.span[0])
        if 2 * common < end - start:
            continue
        inside = [number for number, word in enumerate(target.words) if word[0] < end and start < word[1]]
        first = target.tokens[0]
        yield Label(
            SLOTS.index(slot),
            POLARITIES.index(polarity),
            STRENGTHS.index(strength),
            (first + inside[0], first + inside[-1] + 1),
        )
