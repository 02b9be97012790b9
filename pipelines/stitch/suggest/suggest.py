"""From persons and accounts to suggestions: features, scores, the best pairs, the queue, in this order.

Nothing is computed if nothing has changed since the last time; what answers itself is closed every time.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from models.beliefs import BucketState
from models.clock import Clock
from models.facts import Scope
from models.identity import Suggestion
from models.store import alone, transaction
from pipelines import progress
from pipelines.ingest.lake import Lake
from pipelines.stitch.rulebook import rulebook
from pipelines.stitch.suggest import queue
from pipelines.stitch.suggest.best import Pair, in_words, single_best
from pipelines.stitch.suggest.comparing import ACCOUNTS, PERSONS, Comparing, Learned
from pipelines.stitch.suggest.features import features, related
from pipelines.stitch.suggest.settings import SuggestSettings

COMPARING: Mapping[Scope, Comparing] = {Scope.person: PERSONS, Scope.account: ACCOUNTS}
SCOPES = tuple(COMPARING)
SHOWN_FROM = 0.01
"""Pairs that are less likely are not even counted."""
BINS = 10
VERSION = 1
"""Goes up with every change of what is compared and how, so that the queue is computed anew."""


@dataclass(frozen=True)
class SuggestReport:
    """What one look found.

    Shape: `rows` persons or accounts were compared; `histogram` counts scored pairs by tenth of their probability; `changes` counts
    rows of the queue by what happened to them; `standing` counts all rows by status; `learned` says what the scores rest on.
    Without `computed` nothing had changed, and only `standing` and `changes` say anything.
    """

    scope: Scope
    computed: bool
    standing: Mapping[str, int]
    changes: Mapping[str, int]
    rows: int = 0
    histogram: Sequence[int] = ()
    joined: int = 0
    learned: Learned | None = None


def suggest(lake: Lake, store: Engine, clock: Clock, scope: Scope, settings: SuggestSettings) -> SuggestReport:
    """Look for persons (or accounts) that might be the same, and bring the queue into step."""
    now = clock.now()
    with transaction(store) as session:
        rules = rulebook(session).of(scope)
    rows = features(lake, scope, now, rules)
    with transaction(store) as session:
        closed = queue.close_answered(session, scope, now)
        barred = _barred(session, lake, scope, rows)
        mark = _mark(rows, barred, settings)
        state = session.get(BucketState, (queue.STAGE, SCOPES.index(scope)))
        if state is not None and state.version == mark and not closed:
            return SuggestReport(scope, computed=False, standing=_standing(session, scope), changes=closed)
    from pipelines.stitch.suggest.score import scored  # noqa: PLC0415  # brings Splink, which a quiet run does without

    progress.report(f"suggest {scope}: compared", rows.num_rows)
    found = scored(rows.drop_columns(["entity_id", "vendors", "number"]), COMPARING[scope], at_least=SHOWN_FROM)
    histogram = _histogram(found.table["probability"].to_numpy())
    likely = found.reaching(settings.review_from)
    met = pa.chunked_array([*likely.table["left"].chunks, *likely.table["right"].chunks], pa.string())
    told = {row["id"]: row for row in rows.filter(pc.is_in(rows["id"], met)).to_pylist()}
    best = single_best(likely, {name: row["vendors"] for name, row in told.items()}, barred)
    pairs = [in_words(row, found.signals, told) for row in best]
    with transaction(store) as session:
        alone(session, queue.STAGE)
        changes = closed + queue.enqueue(session, scope, pairs, now)
        joined = _join(session, scope, rows, settings, now)
        session.merge(BucketState(stage=queue.STAGE, bucket=SCOPES.index(scope), version=mark, computed_at=now))
        standing = _standing(session, scope)
    progress.report(f"suggest {scope}: open", standing.get(queue.OPEN, 0))
    return SuggestReport(
        scope,
        computed=True,
        standing=standing,
        changes=changes,
        rows=rows.num_rows,
        histogram=histogram,
        joined=joined,
        learned=found.learned,
    )


def _barred(session: Session, lake: Lake, scope: Scope, rows: pa.Table) -> list[Pair]:
    """Pairs of ids that are never suggested: decided before, or parent and child."""
    records = queue.decided_pairs(session, scope)
    if scope is Scope.account:
        records += sorted(related(lake))
    homes = queue.homes_of(session, {record for pair in records for record in pair})
    heads = dict(zip(rows["entity_id"].to_pylist(), rows["id"].to_pylist(), strict=True))
    ids = ((heads.get(homes.get(left, "")), heads.get(homes.get(right, ""))) for left, right in records)
    return sorted({(min(a, b), max(a, b)) for a, b in ids if a and b and a != b})


def _mark(rows: pa.Table, barred: Iterable[Pair], settings: SuggestSettings) -> str:
    """Names everything that the queue follows from; ids of entities are no part of it."""
    sink = pa.BufferOutputStream()
    told = rows.drop_columns(["entity_id"]).combine_chunks()
    with pa.ipc.new_stream(sink, told.schema) as stream:
        stream.write_table(told)
    digest = hashlib.blake2b(sink.getvalue(), digest_size=16)
    digest.update(repr((VERSION, list(barred), settings.review_from, settings.join_from)).encode())
    return digest.hexdigest()


def _join(session: Session, scope: Scope, rows: pa.Table, settings: SuggestSettings, now: datetime) -> int:
    """Accept what needs no human, where the settings say that anything does not. Two numbers of the seller's own are two customers."""
    if settings.join_from is None:
        return 0
    numbers = dict(zip(rows["entity_id"].to_pylist(), rows["number"].to_pylist(), strict=True))
    waiting = [row for row in queue.waiting(session, scope) if row.probability >= settings.join_from]
    homes = queue.homes_of(session, {record for row in waiting for record in (row.left, row.right)})
    joined = 0
    for row in waiting:
        if len({numbers.get(homes.get(record)) for record in (row.left, row.right)} - {None}) > 1:
            continue
        why = f"probability {row.probability:.4f} reaches SIDECAR_SUGGEST_JOIN_FROM={settings.join_from}"
        queue.decide(session, row.id, same=True, by=queue.ITSELF, reason=why, now=now)
        joined += 1
    return joined


def _standing(session: Session, scope: Scope) -> dict[str, int]:
    query = select(Suggestion.status, func.count()).where(Suggestion.scope == scope).group_by(col(Suggestion.status))
    return dict(sorted(session.exec(query).all()))


def _histogram(probabilities: NDArray[Any]) -> list[int]:
    """How many pairs lie in each tenth."""
    counts: list[int] = np.histogram(probabilities, bins=BINS, range=(0, 1))[0].tolist()
    return counts
