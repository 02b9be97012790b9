"""How fast confidence is replayed: evidence rows a second for everybody at once, and milliseconds for one person, from made-up logs.

A million rows of evidence of 100,000 persons, most of them on beliefs of one to ten rows, some on beliefs of hundreds; an eighth of
them are repeated in the same conversation, one in fifty declares a change, one in twenty tells of one. Rows come in no order, so sorting is part of the time.
The floor beside it is numpy's own sorting of the same rows by belief and day; the scalar filter, on a sample, is the peer.
"""

import random
import resource
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

import numpy as np

from models import Evidence
from pipelines.understand.beliefs import by_topic, conclude, quotes
from pipelines.understand.confidence import DOCUMENT_CAP, Quote, replay
from pipelines.understand.slots import shipped
from pipelines.understand.vectorised import Log, replay_all

ROWS, BELIEFS, SAMPLE = 1_000_000, 250_000, 4_000
SPAN = 1_500.0
"""Days over which everything was said."""
REPEATS = 5


def main() -> None:
    """Print rows a second and milliseconds for one person; `--quick` takes a tenth of the rows."""
    scale = 10 if "--quick" in sys.argv else 1
    log, half_lives = made_up(ROWS // scale, BELIEFS // scale)
    floor = best(lambda: np.lexsort((log.day, log.belief)))
    whole = best(lambda: replay_all(log, half_lives, SPAN))
    found = replay_all(log, half_lives, SPAN)
    print(f"{len(log):,} rows, {len(half_lives):,} beliefs, longest {np.bincount(log.belief).max():,} rows")
    print(
        f"  everybody at once      {len(log) / whole:>12,.0f} rows/s   {whole:.2f} s, {whole / floor:.1f}x sorting alone"
    )
    questions = quotes_of(log, SAMPLE)
    scalar = timed(lambda: [replay(quotes, half_lives[number], SPAN) for number, quotes in questions.items()])
    alone = [replay(quotes, half_lives[number], SPAN) for number, quotes in questions.items()]
    rows = sum(map(len, questions.values()))
    print(f"  one belief at a time   {rows / scalar:>12,.0f} rows/s   on {rows:,} of the rows")
    apart = max(abs(found.p[number] - one.p) for number, one in zip(questions, alone, strict=True))
    print(f"  greatest difference    {apart:.1e}")
    evidence, slots = person(30), {slot.name: slot.half_life_days for slot in shipped()}
    taken = statistics.median(timed(lambda: confidences(evidence, slots)) for _ in range(300))
    print(f"  one person, 30 rows    {1_000 * taken:>12.2f} ms, every confidence from the rows of the store")
    taken = statistics.median(timed(lambda: conclude("p", evidence, slots)) for _ in range(300))
    print(f"                         {1_000 * taken:>12.2f} ms, as rows of beliefs, with their words and ends")
    print(f"  memory, all told       {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:>12,.0f} MiB")


def made_up(rows: int, beliefs: int, seed: int = 1) -> tuple[Log, np.ndarray]:
    """A log in no order, and the half-life of every belief."""
    dice = np.random.default_rng(seed)
    share = np.minimum(dice.pareto(1.2, beliefs) + 0.2, 200.0)
    belief = dice.choice(beliefs, rows, p=share / share.sum())
    half_lives = dice.choice([45.0, 120.0, 180.0, 365.0], beliefs)
    day = np.floor(dice.uniform(0, SPAN, rows) * 86_400) / 86_400
    thread = np.arange(rows)
    again = dice.choice(rows, rows // 8, replace=False)
    source = dice.integers(0, rows, len(again))
    belief[again], thread[again] = belief[source], thread[source]
    day[again] = day[source] + dice.uniform(0, 4, len(again))
    log = Log(
        belief=belief,
        day=day,
        order=dice.permutation(rows),
        speaker=dice.integers(0, 3, rows),
        thread=thread,
        document=thread.copy(),
        sign=dice.choice([1, -1], rows, p=[0.6, 0.4]),
        r=dice.choice([0.62, 0.72, 0.8, 0.85, 0.88], rows),
        s=dice.choice([1.0, 0.6, 0.3], rows, p=[0.6, 0.3, 0.1]),
        turning=dice.random(rows) < 0.02,
        moves=np.where(dice.random(rows) < 0.05, DOCUMENT_CAP, 0.0),
    )
    return log, half_lives


def quotes_of(log: Log, beliefs: int) -> dict[int, list[Quote]]:
    """The quotes of the first beliefs that have any, as the scalar filter reads them."""
    rows = np.flatnonzero(log.belief < beliefs)
    found: dict[int, list[Quote]] = {}
    for row in rows.tolist():
        quote = Quote(
            id=f"{log.order[row]:09}",
            day=float(log.day[row]),
            speaker=str(log.speaker[row]),
            thread=str(log.thread[row]),
            sign=int(log.sign[row]),
            r=float(log.r[row]),
            s=float(log.s[row]),
            document=str(log.document[row]),
            turning=bool(log.turning[row]),
            moves=float(log.moves[row]),
        )
        found.setdefault(int(log.belief[row]), []).append(quote)
    return found


def person(rows: int, seed: int = 1) -> list[Evidence]:
    """One person who has said this much."""
    dice = random.Random(seed)  # noqa: S311  # the same person every time
    start, found = datetime(2026, 1, 1, tzinfo=UTC), []
    for number in range(rows):
        at = start + timedelta(days=dice.uniform(0, 300))
        found.append(
            Evidence(
                id=f"e{number:04}", observation_id=f"o{number}", text_hash="t", model="m", subject="s", subject_hash=0,
                slot=dice.choice(("price", "fit", "support", "intent")), polarity=dice.choice(("positive", "negative")), strength="explicit",
                statement="said so", quote="words", start=0, end=5, speaker="", speaker_role="customer", source_class="email/customer",
                thread=f"o{number}", occurred_at=at, recorded_at=at,
            )
        )  # fmt: skip
    return found


def confidences(evidence: list[Evidence], half_lives: dict[str, float]) -> list[float]:
    """Where one person stands on every topic."""
    topics = by_topic(evidence).items()
    return [replay(quotes(rows, "positive"), half_lives[slot], 21_000.0).p for (_, slot, _), rows in topics]


def best(work) -> float:  # type: ignore[no-untyped-def]  # benchmarks are not checked
    """Least seconds of several runs."""
    return min(timed(work) for _ in range(REPEATS))


def timed(work) -> float:  # type: ignore[no-untyped-def]  # benchmarks are not checked
    """Seconds of processor time that something takes: what else runs on the machine does not count."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
