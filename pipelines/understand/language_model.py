"""Reading with a language model, through instructor: whichever provider `SIDECAR_LLM` names.

One call sees one text of one customer and has no tools. The text enters as the value of a template variable, never as part of a
template: instructor renders every message. Nothing of an answer is acted on but what the closed schema and the validators of
`claims.py` let through. Who is who is hidden
before (`redaction.py`), and a long text is read in parts (`parts.py`): the answer of a text is that of all its parts, or none.

What can go wrong, and what follows:
- An answer that its text does not bear out is given back to be mended; if it stays so, the text is `Unread`: a recorded failure.
- Nobody answers (429, 5xx, no connection): after the last try the text is `Waiting`, which leaves no row, and the next run asks again.
  After `OUTAGE` texts in a row the rest of the run waits too: an outage must not look like a thousand texts that cannot be read.
- A request is refused (another 4xx, or an answer in no known form): the fault of that text if the model then answers about one that
  was sent later. Else it may be the setup's, credit that ran out half way for one, and the text is `Waiting`.
- The key is refused, or the model is not there: ExtractorUnusable.
"""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anthropic import AnthropicError, AsyncAnthropic
from anthropic import NotFoundError as NotAtAnthropic
from instructor import AsyncInstructor
from instructor.core.exceptions import IncompleteOutputException, InstructorRetryException
from instructor.core.hooks import Hooks
from openai import AsyncOpenAI, OpenAIError
from openai import NotFoundError as NotAtOpenAI
from pydantic import ValidationError
from tenacity import AsyncRetrying

from models import Slot
from pipelines.understand.claims import Answer, Claim, Document
from pipelines.understand.extractor import FREE, ExtractorUnusable, Outcome, Reading, Unread, Usage, Waiting, reasons
from pipelines.understand.instructions import instructions, names, schema, schema_hash
from pipelines.understand.parts import parts, without_repeats
from pipelines.understand.patience import Pause, patience, silent, status
from pipelines.understand.presidio import presidio
from pipelines.understand.prices import Price, price_of
from pipelines.understand.providers import KEYS, LOST, Send, connect, regions
from pipelines.understand.redaction import NOBODY, Finder, Known, Masked, masked, plain
from pipelines.understand.settings import LanguageModelSettings
from pipelines.understand.turns import HEARD, Turn

OUTAGE = 5
"""Texts in a row without any answer after which the model is taken to be away: one bad text alone must not hold up the others."""


@dataclass(frozen=True)
class Refused:
    """A request that was turned down, the so many-th of the run; whose fault that is shows once the others are back."""

    number: int
    status: int | None
    reason: str
    usage: Usage


@dataclass
class Tally:
    """Tokens of one text, over all its attempts."""

    answers: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, response: Any) -> None:
        """Count one answer; OpenAI and Anthropic have two names for each number."""
        self.answers += 1
        used = getattr(response, "usage", None)
        self.tokens_in += getattr(used, "prompt_tokens", None) or getattr(used, "input_tokens", None) or 0
        self.tokens_out += getattr(used, "completion_tokens", None) or getattr(used, "output_tokens", None) or 0


class LanguageModel:
    """A model behind the extractor's door. Use it inside `open_language_model`."""

    def __init__(
        self,
        settings: LanguageModelSettings,
        client: AsyncInstructor,
        runner: asyncio.Runner,
        *,
        known: Known,
        more: Sequence[Finder],
        spent_today: int,
        pause: Pause,
    ) -> None:
        self._settings = settings
        self._known = known
        self._more = more
        self._client = client
        self._runner = runner
        self._pause = pause
        self._free = asyncio.Semaphore(settings.concurrency)
        self._left = allowance(settings, spent_today)
        self._price = None if settings.base_url else price_of(self.model)
        self._silent = self._refused = self._outlived = 0
        """Texts in a row without an answer; requests refused; those of them after which another was sent and answered."""
        self._answered = self._key_refused = False

    @property
    def model(self) -> str:
        """The model in instructor's form: `provider/model`."""
        return self._settings.name or ""

    @property
    def prompt(self) -> str:
        """Version of the instructions: their own number and the hash of their file."""
        return instructions().version

    @property
    def regions(self) -> frozenset[str] | None:
        """Regions whose texts its host may be sent; None for all."""
        return regions(self._settings, self._client)

    @property
    def yields_to(self) -> str | None:
        """Nobody: whoever sets up a model wants it to read."""
        return None

    @property
    def at_once(self) -> int:
        """Three rounds of what may be with the model at the same time: a slow text then keeps few others waiting."""
        return 3 * self._settings.concurrency

    def schema_hash(self, slots: Sequence[Slot]) -> str:
        """Hash of the answer's schema and of what the model is told about the slots."""
        return schema_hash(slots)

    def read(self, documents: Sequence[Document]) -> list[Outcome]:
        """What comes of each text, in their order; see the head of this file for what each outcome means."""
        found = self._runner.run(self._read(documents))
        answered_now = any(isinstance(one, Reading | Unread) for one in found)
        self._answered = self._answered or answered_now
        if self._key_refused and not answered_now:  # what was answered before the key was revoked is kept first
            raise ExtractorUnusable(self._complaint(401))
        return [self._settled(one) for one in found]

    def pose(self, document: Document) -> None:
        """Make the requests of one text, each part's once, whatever comes of them: for a `send` that only keeps them."""
        self._runner.run(self._pose(document))

    def reach(self) -> str:
        """Say that the model is there, having sent no text. ExtractorUnusable if it is not."""
        return self._runner.run(self._reach())

    async def _read(self, documents: Sequence[Document]) -> list[Outcome | Refused]:
        return list(await asyncio.gather(*(self._one(document) for document in documents)))

    async def _one(self, document: Document) -> Outcome | Refused:
        if not speaks(document):
            return Reading(Answer(claims=[]))  # nobody who could believe anything speaks
        async with self._free:
            if closed := self._closed():
                return Waiting(closed)
            tally, refused_before = Tally(), self._refused
            answer = await self._whole(self.hidden(document), tally)
            usage = _usage(tally, self._price)
            if self._left:
                self._left.tokens -= usage.tokens
            if isinstance(answer, Answer):
                self._silent = 0
                found: Outcome | Refused = Reading(answer, usage, document.suspicious)
            else:
                found = self._judged(answer, usage)
            if isinstance(found, Reading | Unread):
                self._outlived = max(self._outlived, refused_before)
            return found

    def hidden(self, document: Document) -> Masked:
        """The document as it may be sent."""
        return masked(document, self._known, self._more) if self._settings.redact else plain(document)

    async def _whole(self, hidden: Masked, tally: Tally) -> Answer | BaseException | None:
        """What all parts of a text say together, about the text as it is; or the error that ended it."""
        budgets = patience(self._pause, LOST, reasks=self._settings.reasks, resends=self._settings.resends)
        claims: list[Claim] = []
        for turns in parts(hidden.shown, self._settings.max_length):
            answer = await self._ask(hidden.shown, turns, tally, budgets)
            if not isinstance(answer, Answer):
                return answer
            claims += [hidden.claim(claim) for claim in answer.claims]
        return Answer.model_construct(claims=without_repeats(claims))

    async def _pose(self, document: Document) -> None:
        if not speaks(document):
            return
        hidden, once = self.hidden(document), patience(self._pause, LOST, reasks=0, resends=0)
        for turns in parts(hidden.shown, self._settings.max_length):
            await self._ask(hidden.shown, turns, Tally(), once)

    async def _ask(
        self, shown: Document, turns: Sequence[Turn], tally: Tally, budgets: AsyncRetrying
    ) -> Answer | BaseException | None:
        """The model's answer about these turns, or the error of its last attempt; a quote may stand anywhere in the text."""
        hooks = Hooks()
        hooks.on("completion:response", tally.add)
        asked = instructions()
        try:
            return await self._client.create(
                response_model=schema(names(shown.slots)),
                messages=[{"role": "system", "content": asked.system}, {"role": "user", "content": asked.text}],
                context={"document": shown, "turns": turns, "mark": secrets.token_hex(8)},
                max_retries=budgets,
                hooks=hooks,
            )
        except InstructorRetryException as error:
            return error.__cause__
        except IncompleteOutputException as error:
            return error

    def _judged(self, error: BaseException | None, usage: Usage) -> Outcome | Refused:
        code = status(error)
        kind = f"HTTP {code}" if code else type(error).__name__
        if silent(error, LOST):
            self._silent += 1
            return Waiting(f"the model gave no answer ({kind})", usage)
        self._silent = 0
        if isinstance(error, ValidationError):
            return Unread(reasons(error), usage)
        if isinstance(error, IncompleteOutputException):
            return Unread("the model's answer was cut off at its longest", usage)
        if isinstance(error, AssertionError):  # instructor's, for a refusal in so many words
            return Unread("the model declined to answer", usage)
        self._key_refused = self._key_refused or code == 401
        self._refused += 1
        return Refused(
            self._refused, code, f"the model refused the request or answered in no known form ({kind})", usage
        )

    def _settled(self, found: Outcome | Refused) -> Outcome:
        if not isinstance(found, Refused):
            return found
        if found.status in (403, 404) and not self._answered:
            raise ExtractorUnusable(self._complaint(found.status))
        its_own_fault = found.number <= self._outlived and found.status != 401
        return Unread(found.reason, found.usage) if its_own_fault else Waiting(found.reason, found.usage)

    def _closed(self) -> str | None:
        """Why no further text is asked about; None while it is."""
        if self._left and self._left.tokens <= 0:
            return f"the token budget is used up ({self._left.variable})"
        if self._key_refused:
            return "the key was refused"
        return "the model is away" if self._silent >= OUTAGE else None

    def _complaint(self, code: int | None) -> str:
        provider, _, model = self.model.partition("/")
        if code == 404:
            return f"{self.model} cannot be used: there is no model {model} (HTTP 404). Check SIDECAR_LLM and SIDECAR_LLM_BASE_URL."
        if code in (401, 403):
            usual = "" if self._settings.base_url or provider not in KEYS else f" or {KEYS[provider]}"
            return f"{self.model} cannot be used: the key was refused (HTTP {code}). Check SIDECAR_LLM_API_KEY{usual}."
        kind = f"HTTP {code}" if code else "no connection"
        return f"{self.model} cannot be reached ({kind}). Check the network and SIDECAR_LLM_BASE_URL."

    async def _reach(self) -> str:
        sdk, model = self._client.client, self.model.partition("/")[2]
        if not isinstance(sdk, AsyncOpenAI | AsyncAnthropic):
            return f"{self.model}, which cannot be asked without sending a text"
        try:
            try:
                await sdk.models.retrieve(model)
            except (NotAtOpenAI, NotAtAnthropic):  # servers of one's own often know only the list
                if model not in [offered.id async for offered in sdk.models.list()]:
                    raise
        except (OpenAIError, AnthropicError) as error:
            raise ExtractorUnusable(self._complaint(status(error))) from error
        return f"{self.model} at {sdk.base_url.host}, instructions {self.prompt}"


@contextmanager
def open_language_model(
    settings: LanguageModelSettings,
    *,
    known: Known = NOBODY,
    spent_today: int = 0,
    pause: Pause = asyncio.sleep,
    send: Send | None = None,
) -> Iterator[LanguageModel]:
    """The model that the settings name, for one run. ExtractorUnusable, before any text is sent, if they name none that can be asked.

    Shape: `known` is everybody whose name must not go out. `spent_today` are tokens that count towards the day's budget. Runs at the same time do not see each other's tokens until
    they end, and what texts that wait had used is not kept: the day's budget is a brake, not a promise.
    """
    more = [presidio(settings.presidio)] if settings.redact and settings.presidio else []
    client = connect(settings, send)
    with asyncio.Runner() as runner:
        try:
            yield LanguageModel(settings, client, runner, known=known, more=more, spent_today=spent_today, pause=pause)
        finally:
            if isinstance(client.client, AsyncOpenAI | AsyncAnthropic):
                runner.run(client.client.close())


def speaks(document: Document) -> bool:
    """Whether anybody speaks in it who could believe something."""
    return any(turn.role in HEARD for turn in document.turns)


@dataclass
class Allowance:
    """Tokens that this run may still use, and the variable that says so."""

    tokens: int
    variable: str


def allowance(settings: LanguageModelSettings, spent_today: int) -> Allowance | None:
    """What the narrower of the two budgets leaves; None without any."""
    run, day = settings.max_tokens_per_run, settings.max_tokens_per_day
    budgets = [
        *([Allowance(run, "SIDECAR_LLM_MAX_TOKENS_PER_RUN")] if run is not None else []),
        *([Allowance(day - spent_today, "SIDECAR_LLM_MAX_TOKENS_PER_DAY")] if day is not None else []),
    ]
    return min(budgets, key=lambda budget: budget.tokens, default=None)


def _usage(tally: Tally, price: Price | None) -> Usage:
    """What a text cost: nothing without any answer, unknown without a price or a count."""
    if not tally.answers:
        return FREE
    cost = price.cost_microusd(tally.tokens_in, tally.tokens_out) if price and tally.tokens_in else None
    return Usage(tally.tokens_in, tally.tokens_out, cost)
