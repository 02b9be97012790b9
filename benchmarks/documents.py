"""How fast texts are read: 20,000 distinct documents, cold cache, embedded extractor, through the store as in production.

Texts are made of the sentences of the labelled ones, in an order of their own each, so that no two are equal and all look like
texts. Documents per second, memory and cache hits are printed; `--documents=N` takes another number, `--store=FILE` keeps the store:
killed and started again with the same file, the run goes on where it was and finishes exactly.
"""

import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, func, select

from benchmarks.beliefs import DATA, load
from models import Evidence, Extraction, Observation
from models.clock import SystemClock
from models.keys import content_id, stable_hash
from models.store import open_store, transaction
from pipelines.ingest.lake import Lake
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import Extracted, extract
from pipelines.understand.people import chunks
from pipelines.understand.policy import EXTRACTION, Policy
from pipelines.understand.slots import seed
from pipelines.understand.text import canonical

WANTED = 20_000
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def main() -> None:
    """Plant the documents that are missing, read those not yet read, and print what it took."""
    wanted = int(_option("documents", str(WANTED)))
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(_option("store", f"{scratch}/documents.db"))
        store = open_store(f"sqlite:///{file}")
        plant(store, wanted)
        run(store, Lake.open(f"{scratch}/lake"))
        run(store, Lake.open(f"{scratch}/lake"))


def run(store: Engine, lake: Lake) -> Extracted:
    """One extraction and its figures."""
    start = time.perf_counter()
    report = extract(lake, store, Embedded(), SystemClock())
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"  read {report.read:>6}  cache hits {report.cached:>6}  failed {report.failed}  claims {report.claims:>6}  "
        f"{seconds:8.1f} s  {report.read / seconds:7.1f} documents/s  peak {peak:.0f} MiB"
    )
    readings, evidence = counted(store)
    print(f"  in the store: {readings} readings, {evidence} pieces of evidence")
    return report


def counted(store: Engine) -> tuple[int, int]:
    """Readings and pieces of evidence that are kept."""
    with transaction(store) as session:
        return tuple(session.exec(select(func.count()).select_from(table)).one() for table in (Extraction, Evidence))  # type: ignore[return-value]


def plant(store: Engine, wanted: int) -> None:
    """Put that many observations into a store; those that are there stay."""
    seed(store)
    with transaction(store) as session:
        present = session.exec(select(func.count()).select_from(Observation)).one()
    for some in chunks(range(present, wanted), 1_000):
        with transaction(store) as session:
            _add(session, some)


def _add(session: Session, numbers: Sequence[int]) -> None:
    for number, (source, author, text) in zip(numbers, texts(numbers), strict=True):
        session.add(observation(number, source, author, text))


def texts(numbers: Sequence[int]) -> Iterator[tuple[str, str, str]]:
    """Source, author and text of each number: the same on every machine, no two alike."""
    rows = [row for row in load(DATA) if row["author"] == "customer" or row["source"] == "call_note"]
    for number in numbers:
        dice = random.Random(number)  # noqa: S311  # the same texts in every run
        one, other = dice.sample(rows, 2)
        lines = [line for row in (one, other) for line in row["text"].split("\n")]
        dice.shuffle(lines)
        yield one["source"], one["author"], "\n".join([*lines[: dice.randint(2, 8)], f"No. {number}"])


def observation(number: int, source: str, author: str, text: str) -> Observation:
    """A text as the store holds it."""
    shown = canonical(text, source)
    subject = f"benchmark:{number // 4}"
    return Observation(
        id=content_id("benchmark", str(number)),
        record=f"benchmark:text/{number}",
        subject=subject,
        subject_hash=stable_hash(subject),
        source=source,
        author=author,
        text=shown,
        text_hash=content_id(shown),
        occurred_at=FIRST + timedelta(minutes=number),
        recorded_at=FIRST + timedelta(minutes=number),
        lawful_basis=Policy().lawful_basis,
        purposes=[EXTRACTION.value],
        region=Policy().region,
        retain_until=datetime(2100, 1, 1, tzinfo=UTC),
    )


def _option(name: str, otherwise: str) -> str:
    return next((word.split("=", 1)[1] for word in sys.argv if word.startswith(f"--{name}=")), otherwise)
