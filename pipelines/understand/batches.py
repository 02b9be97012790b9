"""Reading many texts through a provider's batches: gathered and noted, then handed over, collected hours later, checked like live answers.

A batch is a row before it is sent, and its requests name their texts: a run that is killed anywhere finds its batch again at the
provider instead of paying for it twice, and no other run reads those texts meanwhile. What comes back is read by the live path with
another post office (`answers.py`); what is missing or not borne out by its text is asked live.
"""

import asyncio
import json
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session, col, delete, select

from models import Batch, BatchRequest
from models.clock import Clock
from models.store import transaction
from pipelines.ingest.lake import Lake
from pipelines.understand.answers import Answered, Inbox, Outbox, posed
from pipelines.understand.batch_api import BatchApi, BatchFailed, Lost, Requests, batch_api, spoken
from pipelines.understand.extraction import OPEN, Extracted, due, extract, open_batches
from pipelines.understand.language_model import LanguageModel, allowance, open_language_model
from pipelines.understand.providers import connect
from pipelines.understand.redaction import NOBODY, Known
from pipelines.understand.settings import LanguageModelSettings

MOST_REQUESTS = 50_000
"""Of one batch at OpenAI; Anthropic takes twice as many."""
MOST_BYTES = 100_000_000
"""Of one batch: half of what OpenAI takes, and what is held in memory."""
BYTES_PER_TOKEN = 4
"""Of English and JSON, about: what a budget is held against before anything is counted."""
READ, FAILED = "read", "failed"


@dataclass
class Batched:
    """What one visit did: texts handed over and their batches, batches whose answers were read, batches still out, and the reading."""

    texts_sent: int = 0
    batches_sent: int = 0
    batches_read: int = 0
    batches_failed: int = 0
    batches_open: int = 0
    reading: Extracted = field(default_factory=Extracted)

    def add(self, later: "Batched") -> None:
        """What a later visit did as well; what is out is as it stands then."""
        self.texts_sent += later.texts_sent
        self.batches_sent += later.batches_sent
        self.batches_read += later.batches_read
        self.batches_failed += later.batches_failed
        self.batches_open = later.batches_open
        waiting = later.reading.waiting
        self.reading.add(later.reading)
        self.reading.waiting = waiting


@dataclass(frozen=True)
class Office:
    """Everything that one visit works with."""

    lake: Lake
    store: Engine
    clock: Clock
    settings: LanguageModelSettings
    api: BatchApi
    runner: asyncio.Runner
    live: LanguageModel
    poses: tuple[LanguageModel, Outbox]
    inbox: Inbox
    answered: Answered

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self.live.model


@contextmanager
def office(
    lake: Lake,
    store: Engine,
    clock: Clock,
    settings: LanguageModelSettings,
    *,
    known: Known = NOBODY,
    spent_today: int = 0,
) -> Iterator[Office]:
    """The post office of the model that the settings name. Errors: ExtractorUnusable."""
    sdk = connect(settings).client
    api = batch_api(settings.name or "", sdk)
    outbox, inbox = Outbox(), Inbox(api.parse)
    once = settings.model_copy(
        update={"reasks": 0, "resends": 0, "max_tokens_per_run": None, "max_tokens_per_day": None}
    )
    with ExitStack() as stack:
        live = stack.enter_context(open_language_model(settings, known=known, spent_today=spent_today))
        poses = stack.enter_context(open_language_model(once, known=known, send=outbox.send))
        reads = stack.enter_context(open_language_model(once, known=known, send=inbox.send))
        runner = stack.enter_context(asyncio.Runner())
        stack.callback(lambda: runner.run(sdk.close()))  # type: ignore[union-attr]
        answered = Answered(live.model, reads, (poses, outbox), inbox, live)
        yield Office(lake, store, clock, settings, api, runner, live, (poses, outbox), inbox, answered)


def visit(at: Office, *, spent_today: int = 0) -> Batched:
    """Collect what has been answered, then hand over what is due and in no batch. Repeat it until nothing is open.

    Errors: ExtractorUnusable; what was done before stays.
    """
    report = collect(at)
    _hand_over(at, report, spent_today)
    report.batches_open = len(open_batches(at.store))
    return report


def collect(at: Office) -> Batched:
    """Collect what has been answered, and hand nothing over. Errors: as `visit`."""
    report = Batched()
    for batch in open_batches(at.store, at.model):
        _collect(at, batch, report)
    report.batches_open = len(open_batches(at.store))
    return report


def _collect(at: Office, batch: Batch, report: Batched) -> None:
    """One batch: read if it is done, given up if it was never taken."""
    with spoken(at.model):
        provider_id = batch.provider_id or at.runner.run(_find(at, batch))
        if provider_id is None:
            _close(at, batch, FAILED)  # it never left; its texts are due again
            return
        if batch.provider_id is None:
            _note(at, batch.id, provider_id)
        try:
            answers = at.runner.run(at.api.answers(provider_id))
        except BatchFailed:
            answers = {}
    if answers is None:
        return
    if not _asked(at, batch).intersection(answers):  # it failed as a whole, or was not ours after all
        report.batches_failed += 1
        _close(at, batch, FAILED)
        return
    at.inbox.answers = answers
    done = extract(at.lake, at.store, at.answered, at.clock, batch=batch.id)
    report.reading.add(done)
    report.batches_read += 1
    _close(at, batch, READ)


async def _find(at: Office, batch: Batch) -> str | None:
    with transaction(at.store) as session:
        known = frozenset(one for one in session.exec(select(Batch.provider_id)).all() if one)
    return await at.api.find(Lost(batch.id, batch.requests, batch.gathered_at, known))


def _hand_over(at: Office, report: Batched, spent_today: int) -> None:
    left = allowance(at.settings, spent_today + report.reading.tokens_in + report.reading.tokens_out)
    for texts, requests in _portions(at, report):
        size = sum(len(json.dumps(body)) for body in requests.values()) // BYTES_PER_TOKEN
        if left and size > left.tokens:
            report.reading.waiting[f"the token budget is used up ({left.variable})"] += len({text for _, text in texts})
            continue
        if left:
            left.tokens -= size
        batch = _gather(at, texts, requests)
        with spoken(at.model):
            _note(at, batch, at.runner.run(at.api.send(batch, requests)))
        report.batches_sent += 1
        report.texts_sent += len({text for _, text in texts})


def _portions(at: Office, report: Batched) -> Iterator[tuple[set[tuple[str, str]], Requests]]:
    """What is due, in batches: which request each text asks, and the requests. A text's requests stay together."""
    texts: set[tuple[str, str]] = set()
    requests: dict[str, dict[str, object]] = {}
    size = 0
    for some in due(at.lake, at.store, at.live, report.reading):
        for observation, document in some:
            asked = posed(*at.poses, document)
            more = sum(len(json.dumps(body)) for body in asked.values())
            if requests and (size + more > MOST_BYTES or len(requests) + len(asked) > MOST_REQUESTS):
                yield texts, requests
                texts, requests, size = set(), {}, 0
            texts |= {(id_, observation) for id_ in asked}
            requests |= asked
            size += more
    if requests:
        yield texts, requests


def _gather(at: Office, texts: set[tuple[str, str]], requests: Requests) -> str:
    """Note a batch before it is sent."""
    now, id_ = at.clock.now(), secrets.token_hex(16)
    with transaction(at.store) as session:
        session.add(Batch(id=id_, model=at.model, status=OPEN, requests=len(requests), gathered_at=now))
        session.flush()
        session.add_all(BatchRequest(batch_id=id_, custom_id=asked, observation_id=text) for asked, text in texts)
    return id_


def _asked(at: Office, batch: Batch) -> set[str]:
    with transaction(at.store) as session:
        return set(session.exec(select(BatchRequest.custom_id).where(BatchRequest.batch_id == batch.id)).all())


def _note(at: Office, batch: str, provider_id: str) -> None:
    with transaction(at.store) as session:
        session.get_one(Batch, batch).provider_id = provider_id


def _close(at: Office, batch: Batch, status: str) -> None:
    with transaction(at.store) as session:
        _end(session, batch.id, status, at.clock.now())


def _end(session: Session, batch: str, status: str, now: datetime) -> None:
    row = session.get_one(Batch, batch)
    row.status, row.ended_at = status, now
    session.exec(delete(BatchRequest).where(col(BatchRequest.batch_id) == batch))
