"""How well an extractor reads: precision, recall and what it invents, on texts it was never written for.

The labelled texts (`sandbox/data/beliefs_dev.jsonl`) are the report, never learned from. A prediction matches a label of the
same slot and polarity if their quotes overlap by at least half of the shorter one; intervals are 90 %, bootstrapped by document.

The embedded extractor is measured, or the language model that SIDECAR_LLM names: every text is then sent there, once.
`--texts=FILE` measures on other labelled texts. `--write` keeps the report's figures where confidence and the README read them.
"""

import json
import random
import re
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.clock import SystemClock
from models.store import open_store
from pipelines.understand.choice import chosen_extractor
from pipelines.understand.claims import Document
from pipelines.understand.extractor import Extractor, Outcome, Reading, Unread, Waiting
from pipelines.understand.measured import MEASURED
from pipelines.understand.people import chunks
from pipelines.understand.slots import shipped
from pipelines.understand.text import canonical
from pipelines.understand.turns import split
from training import texts

ROOT = Path(__file__).parents[1]
DATA = ROOT / "sandbox" / "data" / "beliefs_dev.jsonl"
README = ROOT / "README.md"
BLOCK = re.compile(r"(?<=<!-- figures: beliefs -->\n).*?(?=<!-- /figures -->)", re.DOTALL)
RESAMPLES = 1_000
FEW = 20
"""Documents below which a figure is printed with a warning."""
COMMON = {
    "en": "the and to of is we i it for you that in",
    "de": "der die und ist wir nicht das ich zu mit ein auf",
    "fr": "le la les et est nous pas je pour que des une",
    "es": "el los y es que no para una por con nos pero",
    "pt": "o os e é não que para uma com nós mas do",
    "nl": "de het een en is niet we ik dat voor met van",
    "it": "il gli e è non che per una con ci ma della",
}


@dataclass(frozen=True)
class Stance:
    """A label or a prediction. `holder` is a name or role; only a prediction knows the class of its source."""

    slot: str
    polarity: str
    strength: str
    holder: str
    quote: str
    source_class: str = ""


@dataclass(frozen=True)
class Score:
    """What came of one document."""

    labels: int
    predictions: int
    matched: int = 0
    duplicates: int = 0
    invented: int = 0
    unread: int = 0
    holders: int = 0
    strengths: int = 0
    hits_by_class: Mapping[str, int] = field(default_factory=dict)
    judged_by_class: Mapping[str, int] = field(default_factory=dict)
    """Predictions by class of source, duplicates apart."""
    by_slot: Mapping[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """`labels`, `judged` predictions and `hits` by slot."""


def main() -> None:
    """Read every text once and print the figures."""
    path = next((Path(word.removeprefix("--texts=")) for word in sys.argv if word.startswith("--texts=")), DATA)
    documents = load(path)
    with chosen_extractor(open_store("sqlite:///:memory:"), SystemClock()) as extractor:
        start = time.perf_counter()
        costs: list[int | None] = []
        scores = measure(documents, extractor, costs)
        seconds = time.perf_counter() - start
        show(extractor, documents, scores)
        print(f"  {'seconds per document':<32} {seconds / len(scores):.4f}")
        print(f"  {'US dollars per document':<32} {dollars(costs)}")
        if "--write" in sys.argv and path == DATA:
            write(extractor, scores, measure([as_row(row) for row in kept_aside()], extractor))


def show(extractor: Extractor, documents: Sequence[Mapping[str, Any]], scores: Sequence[Score]) -> None:
    """Print what came of the texts: all of them, by kind of text, by language and by slot."""
    print(f"{extractor.model} {extractor.prompt}: {len(scores)} documents, {total(scores, 'labels')} labels")
    for name, figure in FIGURES.items():
        low, high = interval(figure, scores)
        print(f"  {name:<32} {figure(scores):.3f}  [{low:.3f}, {high:.3f}]")
    print(f"  {'invented quotes':<32} {total(scores, 'invented')}")
    print(f"  {'texts not read':<32} {total(scores, 'unread')}")
    print(f"  {'predictions, duplicates':<32} {total(scores, 'predictions')}, {total(scores, 'duplicates')}")
    for name, kind in (("source", lambda row: row["source"]), ("language", lambda row: language(row["text"]))):
        for value in sorted({kind(row) for row in documents}):
            some = [one for one, row in zip(scores, documents, strict=True) if kind(row) == value]
            few = "  (too few to say anything)" if len(some) < FEW else ""
            print(
                f"  {name} {value:<12} {len(some):>4} documents  precision {precision(some):.2f}  recall {recall(some):.2f}{few}"
            )
    for slot in sorted({slot for one in scores for slot in (*one.by_slot["labels"], *one.by_slot["judged"])}):
        found, judged, hits = (sum(one.by_slot[part][slot] for one in scores) for part in ("labels", "judged", "hits"))
        print(f"  slot {slot:<14} {found:>4} labels  {judged:>4} predictions  {hits:>4} right")
    for source, tally in tallies(scores).items():
        print(f"  {source or 'all classes':<24} {tally['hits']} of {tally['predictions']}")


def language(text: str) -> str:
    """The language most of whose commonest words a text uses; English where it uses none."""
    words = Counter(re.findall(r"\w+", text.lower()))
    return max(COMMON, key=lambda name: sum(words[word] for word in COMMON[name].split()))


def dollars(costs: Sequence[int | None]) -> str:
    """Cost of one document, where the price of every one is known."""
    known = [cost for cost in costs if cost is not None]
    return f"{sum(known) / len(known) / 1e6:.5f}" if known and len(known) == len(costs) else "not known"


def kept_aside() -> list[dict[str, Any]]:
    """Texts of the training corpus from which nothing was learned and by which no threshold was set; half of them by writers never met."""
    return [row for row in texts.load() if texts.part(row) in ("measure", "strange")]


def load(path: Path) -> list[dict[str, Any]]:
    """Labelled texts of a file, one a line."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def measure(
    documents: Sequence[dict[str, Any]], extractor: Extractor, costs: list[int | None] | None = None
) -> list[Score]:
    """What comes of each text; one that could not be read counts as one of which nothing is said. Costs are added to `costs`."""
    scores: list[Score] = []
    for some in chunks(documents, extractor.at_once):
        outcomes = extractor.read([document(row) for row in some])
        if away := {outcome.reason for outcome in outcomes if isinstance(outcome, Waiting)}:
            sys.exit(f"Not every text could be asked about, and half of them give no figures: {'; '.join(away)}")
        if costs is not None:
            costs += [outcome.usage.cost_microusd for outcome in outcomes]
        scores += [
            replace(score(labels(row), predictions(row, outcome), row["text"]), unread=isinstance(outcome, Unread))
            for row, outcome in zip(some, outcomes, strict=True)
        ]
    return scores


def report(extractor: Extractor, scores: Sequence[Score], aside: Sequence[Score]) -> dict[str, Any]:
    """The figures as they are kept; rounded, so that they are the same on every machine.

    `scores` are those of the labelled texts that are the report, `aside` those of the corpus's part kept aside, by which evidence
    is capped: the report steers nothing.
    """
    figures = {
        name: [round(number, 3) for number in (figure(scores), *interval(figure, scores))]
        for name, figure in FIGURES.items()
    }
    return {
        "instructions": extractor.prompt,
        "texts": len(scores),
        "labels": total(scores, "labels"),
        "empty_texts": sum(not one.labels for one in scores),
        "invented_quotes": total(scores, "invented"),
        "tallies": tallies(aside),
        "tallied_texts": len(aside),
        "figures": figures,
    }


def tallies(scores: Sequence[Score]) -> dict[str, dict[str, int]]:
    """Judged predictions and hits by class of source; "" is all of them."""
    hits: Counter[str] = sum((Counter(one.hits_by_class) for one in scores), Counter())
    judged: Counter[str] = sum((Counter(one.judged_by_class) for one in scores), Counter())
    every = {"": {"hits": hits.total(), "predictions": judged.total()}}
    return every | {name: {"hits": hits[name], "predictions": judged[name]} for name in sorted(judged)}


def write(extractor: Extractor, scores: Sequence[Score], aside: Sequence[Score]) -> None:
    """Keep the figures beside those of other extractors, where confidence reads them, and show them in the README."""
    kept = json.loads(MEASURED.read_text())
    kept["origin"] = (
        f"python -m benchmarks beliefs --write: figures on {DATA.relative_to(ROOT)}, on which nothing was tuned; "
        "tallies on the part of training/corpus from which nothing was learned"
    )
    kept["extractors"] = {name: found for name, found in kept["extractors"].items() if not name.startswith("embedded-")}
    kept["extractors"][extractor.model] = report(extractor, scores, aside)
    MEASURED.write_text(json.dumps(kept, indent=2) + "\n")
    README.write_text(BLOCK.sub(lambda _: shown(kept), README.read_text()))


def shown(kept: Mapping[str, Any]) -> str:
    """The README's tables of what was measured, and what they mean."""
    return "".join(_shown(name, found) for name, found in kept["extractors"].items())


def _shown(name: str, found: Mapping[str, Any]) -> str:
    rows = [
        f"  | {figure} | {value:.3f} | {low:.3f} to {high:.3f} |"
        for figure, (value, low, high) in found["figures"].items()
        if figure in SHOWN
    ]
    return "\n".join(
        [
            "",
            f"  | `{name}`, {found['texts']} texts ({found['empty_texts']} of them without any belief) | | 90 % interval |",
            "  |---|---|---|",
            *rows,
            "",
            f"  People had found {found['labels']} beliefs there; {found['invented_quotes']} quotes were invented. What it says nothing about is not thereby unsaid. No quote is relied on further than",
            f"  its reader was right on {found['tallied_texts']} other texts, from which it had learned nothing (`measured.json`).",
            "",
            "",
        ]
    )


def document(row: Mapping[str, Any]) -> Document:
    """A labelled text as an extractor sees it."""
    text, name = canonical(row["text"], row["source"]), subject(row)
    turns = split(text, row["source"], row["author"], [name])
    return Document(text, turns, row["source"], row["author"], (name,), tuple(shipped()))


def as_row(kept: Mapping[str, Any]) -> dict[str, Any]:
    """A text of the training corpus in the form of the others; it names no person, so whoever is not named holds what is said."""
    names = ("holder", "slot", "polarity", "strength", "quote")
    return {**kept, "person": "", "gold": [dict(zip(names, label, strict=True)) for label in kept["gold"]]}


def subject(row: Mapping[str, Any]) -> str:
    """The first name of the person a text hangs on; persons are written first-name and company: mia-larkshelf."""
    return str(row["person"]).split("-")[0].capitalize()


def labels(row: Mapping[str, Any]) -> list[Stance]:
    """What people found in a text."""
    return [
        Stance(*(label[name] for name in ("slot", "polarity", "strength", "holder", "quote"))) for label in row["gold"]
    ]


def predictions(row: Mapping[str, Any], outcome: Outcome) -> list[Stance]:
    """What an extractor found in it."""
    return [
        Stance(
            claim.slot,
            claim.polarity.value,
            claim.strength.value,
            claim.holder or subject(row),
            claim.quote,
            claim.place.source_class(row["source"]),
        )
        for claim in (outcome.answer.claims if isinstance(outcome, Reading) else ())
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
    hits = Counter(one.source_class for _, one in matched)
    wrong = [one for one in missed if (one.slot, one.polarity) not in done]
    return Score(
        labels=len(labels),
        predictions=len(predictions),
        matched=len(matched),
        duplicates=sum((one.slot, one.polarity) in done for one in missed),
        invented=sum(folded(one.quote) not in source and folded(one.quote) not in cleaned for one in predictions),
        holders=sum(_same_holder(label.holder, one.holder) for label, one in matched),
        strengths=sum(label.strength == one.strength for label, one in matched),
        hits_by_class=hits,
        judged_by_class=hits + Counter(one.source_class for one in wrong),
        by_slot={
            "labels": Counter(label.slot for label in labels),
            "judged": Counter(one.slot for one in (*wrong, *(one for _, one in matched))),
            "hits": Counter(one.slot for _, one in matched),
        },
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
SHOWN = ("precision", "recall", "F1", "empty documents with predictions")


def total(scores: Iterable[Score], name: str) -> int:
    """Sum of one count over documents."""
    return sum(getattr(one, name) for one in scores)


def interval(figure: Figure, scores: Sequence[Score]) -> tuple[float, float]:
    """The 90 % interval of a figure over resampled documents."""
    dice = random.Random(1)  # noqa: S311  # the same interval in every run
    found = sorted(figure(dice.choices(scores, k=len(scores))) for _ in range(RESAMPLES))
    return found[RESAMPLES // 20], found[-RESAMPLES // 20]


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
