"""What providers offer for many requests without haste: half the price, an answer within a day, no order kept.

Sources: https://platform.openai.com/docs/guides/batch, https://platform.claude.com/docs/en/build-with-claude/batch-processing.
instructor's own batches are not used: they render no template, validate without context and name requests by their position.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from anthropic import AnthropicError, AsyncAnthropic
from anthropic import NotFoundError as NotAtAnthropic
from anthropic.types import Message
from openai import AsyncOpenAI, OpenAIError
from openai import NotFoundError as NotAtOpenAI
from openai.types.chat import ChatCompletion

from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.patience import status

Requests = Mapping[str, dict[str, Any]]
"""Bodies by custom id."""
SKEW = timedelta(minutes=10)
"""How far a provider's clock may be behind ours when we look for what we sent."""


@dataclass(frozen=True)
class Lost:
    """A batch that may have been handed over: our id, how many requests it has, when it was gathered, and the batches that were noted."""

    batch: str
    size: int
    since: datetime
    known: frozenset[str]


class BatchFailed(Exception):
    """The provider took the batch and read none of it; nothing was answered."""


class BatchApi(Protocol):
    """One provider's batches. Errors of the SDKs pass through `spoken`."""

    async def send(self, batch: str, requests: Requests) -> str:
        """Hand them over; returns the provider's name for the batch."""
        ...

    async def find(self, lost: Lost) -> str | None:
        """The provider's name for a batch that was handed over by a run that did not live to note it; None if it never was."""
        ...

    async def answers(self, provider_id: str) -> dict[str, Any] | None:
        """Answers by custom id, those that failed left out; None while it is not done. Errors: BatchFailed."""
        ...

    def parse(self, answer: Any) -> Any:
        """An answer as the SDK would have given it."""
        ...


class OpenAIBatches:
    """A file of requests in, a file of answers out. A batch carries our id as metadata."""

    def __init__(self, sdk: AsyncOpenAI) -> None:
        self._sdk = sdk

    async def send(self, batch: str, requests: Requests) -> str:
        """Upload the requests and start the batch."""
        lines = (
            json.dumps({"custom_id": id_, "method": "POST", "url": "/v1/chat/completions", "body": body})
            for id_, body in requests.items()
        )
        file = await self._sdk.files.create(file=(f"{batch}.jsonl", "\n".join(lines).encode()), purpose="batch")
        started = await self._sdk.batches.create(
            input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h", metadata={"sidecar": batch}
        )
        return started.id

    async def find(self, lost: Lost) -> str | None:
        """By its metadata, among those made since."""
        async for one in self._sdk.batches.list(limit=100):
            if one.created_at < (lost.since - SKEW).timestamp():
                break
            if (one.metadata or {}).get("sidecar") == lost.batch:
                return one.id
        return None

    async def answers(self, provider_id: str) -> dict[str, Any] | None:
        """From the output file; an expired or cancelled batch has those that were ready."""
        try:
            batch = await self._sdk.batches.retrieve(provider_id)
        except NotAtOpenAI as error:
            raise BatchFailed("it is gone") from error
        if batch.status not in ("completed", "failed", "expired", "cancelled"):
            return None
        found: dict[str, Any] = {}
        if batch.output_file_id:
            content = await self._sdk.files.content(batch.output_file_id)
            for line in content.text.splitlines():
                row = json.loads(line)
                if (row.get("response") or {}).get("status_code") == 200:
                    found[row["custom_id"]] = row["response"]["body"]
        if not found:
            raise BatchFailed(batch.status)
        return found

    def parse(self, answer: Any) -> ChatCompletion:
        """A chat completion."""
        return ChatCompletion.model_validate(answer)


class AnthropicBatches:
    """Requests in one call, answers as a stream of lines. A batch carries nothing of ours but the ids of its requests."""

    def __init__(self, sdk: AsyncAnthropic) -> None:
        self._sdk = sdk

    async def send(self, batch: str, requests: Requests) -> str:
        """Start the batch, which can carry no name of ours."""
        rows: Any = [{"custom_id": id_, "params": body} for id_, body in requests.items()]
        del batch
        return (await self._sdk.messages.batches.create(requests=rows)).id

    async def find(self, lost: Lost) -> str | None:
        """By size, among those made since that are nobody else's; whether it is ours shows in the ids of its answers."""
        async for one in self._sdk.messages.batches.list(limit=100):
            if one.created_at < lost.since - SKEW:
                break
            if one.id not in lost.known and sum(one.request_counts.to_dict().values()) == lost.size:  # type: ignore[arg-type]
                return one.id
        return None

    async def answers(self, provider_id: str) -> dict[str, Any] | None:
        """From the stream of results."""
        try:
            batch = await self._sdk.messages.batches.retrieve(provider_id)
        except NotAtAnthropic as error:
            raise BatchFailed("it is gone") from error
        if batch.processing_status != "ended":
            return None
        found = {
            row.custom_id: row.result.message
            async for row in await self._sdk.messages.batches.results(provider_id)
            if row.result.type == "succeeded"
        }
        if not found:
            raise BatchFailed("no request of it succeeded")
        return found

    def parse(self, answer: Any) -> Message:
        """A message."""
        return Message.model_validate(answer.to_dict())


def batch_api(name: str, sdk: object) -> BatchApi:
    """The batches of a model's provider. Errors: ExtractorUnusable if it has none."""
    if isinstance(sdk, AsyncAnthropic):
        return AnthropicBatches(sdk)
    if isinstance(sdk, AsyncOpenAI):
        return OpenAIBatches(sdk)
    raise ExtractorUnusable(
        f"{name} cannot be asked in batches; name a model of OpenAI or Anthropic, or leave out --batch."
    )


@contextmanager
def spoken(name: str) -> Iterator[None]:
    """Errors of the SDKs as one sentence, without what was sent."""
    try:
        yield
    except (OpenAIError, AnthropicError) as error:
        code = status(error)
        kind = f"HTTP {code}" if code else type(error).__name__
        if code == 404:
            raise ExtractorUnusable(f"The host of {name} knows no batches (HTTP 404); leave out --batch.") from error
        raise ExtractorUnusable(
            f"The batches of {name} cannot be used now ({kind}). What was sent is not lost: run sidecar extract --batch again."
        ) from error
