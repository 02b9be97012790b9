"""How well the embedded extractor reads: precision, recall and what it invents, on texts it was never written for.

The labelled texts (`sandbox/data/beliefs_dev.jsonl`) are the report, never a source of cues. A prediction matches a label of the
same slot and polarity if their quotes overlap by at least half of the shorter one; intervals are 90 %, bootstrapped by document.
"""

import json
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.understand.claims import Document
from pipelines.understand.embedded import Embedded
from pipelines.understand.extractor import Extractor
from pipelines.understand.slots import shipped
from pipelines.understand.text import canonical
from pipelines.understand.turns import split

DATA = Path(__file__).parents[1] / "sandbox" / "data" / "beliefs_dev.jsonl"
RESAMPLES = 1_000


@dataclass(frozen=True)
class Stance:
    """A label or a prediction. `holder` is a name or role."""

    slot: str
    polarity: str
    strength: str
    holder: str
    quote: str


@dataclass(frozen=True)
class Score:
    """What came of one document."""

    labels: int
    predictions: int
    matched: int = 0
    duplicates: int = 0
    invented: int = 0
    holders: int = 0
    strengths: int = 0


def main() -> None:
    """Read every text once and print the figures."""
    documents = [json.loads(line) for line in DATA.read_text().splitlines()]
    extractor = Embedded()
    start = time.perf_counter()
    scores = [score(*stances(extractor, row), row["text"]) for row in documents]
    seconds = time.perf_counter() - start
    print(f"{extractor.model} {extractor.prompt}: {len(scores)} documents, {total(scores, 'labels')} labels")
    for name, figure in FIGURES.items():
        print(f"  {name:<32} {figure(scores):.3f}  {interval(figure, scores)}")
    print(f"  {'invented quotes':<32} {total(scores, 'invented')}")
    print(f"  {'predictions, duplicates':<32} {total(scores, 'predictions')}, {total(scores, 'duplicates')}")
    print(f"  {'milliseconds per document':<32} {1_000 * seconds / len(scores):.1f}")
    for source in sorted({row["source"] for row in documents}):
        some = [one for one, row in zip(scores, documents, strict=True) if row["source"] == source]
        print(f"  {source:<12} {len(some):>3} documents  precision {precision(some):.2f}  recall {recall(some):.2f}")


def stances(extractor: Extractor, row: dict[str, Any]) -> tuple[list[Stance], list[Stance]]:
    """Labels of a document and what the extractor reads in it."""
    labels = [
        Stance(*(label[name] for name in ("slot", "polarity", "strength", "holder", "quote"))) for label in row["gold"]
    ]
    text = canonical(row["text"], row["source"])
    name = row["person"].split("-")[0].capitalize()  # persons are written first-name and company: mia-larkshelf
    turns = split(text, row["source"], row["author"], [name])
    document = Document(text, turns, row["source"], row["author"], (name,), tuple(shipped()))
    claims = extractor.extract(document).answer.claims
    return labels, [
        Stance(claim.slot, claim.polarity.value, claim.strength.value, claim.holder or name, claim.quote)
        for claim in claims
    ]


def score(labels: Sequence[Stance], predictions: Sequence[Stance], text: str) -> Score:
    """Compare predictions with labels; each counts once. `text` is the source as it came."""
    source = folded(text)
    cleaned = folded(canonical(text, "note", html=True))
    left = list(labels)
    matched: list[tuple[Stance, Stance]] = []
    missed = []
    for prediction in predictions:
        hit = next((label for label in left if _same(label, prediction, cleaned, source)), None)
        if hit is None:
            missed.append(prediction)
        else:
            left.remove(hit)
            matched.append((hit, prediction))
    done = {(label.slot, label.polarity) for label, _ in matched}
    return Score(
        labels=len(labels),
        predictions=len(predictions),
        matched=len(matched),
        duplicates=sum((one.slot, one.polarity) in done for one in missed),
        invented=sum(folded(one.quote) not in source and folded(one.quote) not in cleaned for one in predictions),
        holders=sum(_same_holder(label.holder, one.holder) for label, one in matched),
        strengths=sum(label.strength == one.strength for label, one in matched),
    )


def folded(text: str) -> str:
    """Text without differences of case and whitespace."""
    return " ".join(text.lower().split())


def precision(scores: Iterable[Score]) -> float:
    """Share of predictions that are right, duplicates apart."""
    scores = list(scores)
    return _share(total(scores, "matched"), total(scores, "predictions") - total(scores, "duplicates"))


def recall(scores: Iterable[Score]) -> float:
    """Share of labels that were found."""
    scores = list(scores)
    return _share(total(scores, "matched"), total(scores, "labels"))


def f1(scores: Iterable[Score]) -> float:
    """Harmonic mean of both."""
    scores = list(scores)
    one, other = precision(scores), recall(scores)
    return _share(2 * one * other, one + other)


def empty_with_predictions(scores: Iterable[Score]) -> float:
    """Share of documents without any label in which something was read."""
    empty = [one for one in scores if not one.labels]
    return _share(sum(one.predictions > 0 for one in empty), len(empty))


def holder_accuracy(scores: Iterable[Score]) -> float:
    """Share of matched pairs with the right holder."""
    scores = list(scores)
    return _share(total(scores, "holders"), total(scores, "matched"))


def strength_accuracy(scores: Iterable[Score]) -> float:
    """Share of matched pairs with the right strength."""
    scores = list(scores)
    return _share(total(scores, "strengths"), total(scores, "matched"))


Figure = Callable[[Iterable[Score]], float]
FIGURES: dict[str, Figure] = {
    "precision": precision,
    "recall": recall,
    "F1": f1,
    "empty documents with predictions": empty_with_predictions,
    "holder accuracy": holder_accuracy,
    "strength accuracy": strength_accuracy,
}


def total(scores: Iterable[Score], name: str) -> int:
    """Sum of one count over documents."""
    return sum(getattr(one, name) for one in scores)


def interval(figure: Figure, scores: Sequence[Score]) -> str:
    """The 90 % interval of a figure over resampled documents."""
    dice = random.Random(1)  # noqa: S311  # the same interval in every run
    found = sorted(figure(dice.choices(scores, k=len(scores))) for _ in range(RESAMPLES))
    return f"[{found[RESAMPLES // 20]:.3f}, {found[-RESAMPLES // 20]:.3f}]"


def _same(label: Stance, prediction: Stance, *texts: str) -> bool:
    if (label.slot, label.polarity) != (prediction.slot, prediction.polarity):
        return False
    one, other = folded(label.quote), folded(prediction.quote)
    return any(_overlap(text.find(one), len(one), text.find(other), len(other)) for text in texts)


def _overlap(start: int, length: int, other: int, other_length: int) -> bool:
    if start < 0 or other < 0:
        return False
    common = min(start + length, other + other_length) - max(start, other)
    return 2 * common >= min(length, other_length)


def _same_holder(label: str, prediction: str) -> bool:
    one, other = set(folded(label).split()), set(folded(prediction).split())
    return one <= other or other <= one


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
