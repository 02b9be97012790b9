"""How often a language model is asked about one text: two budgets, for poor answers and for none at all, that never multiply.

instructor takes this as its `max_retries`: it keeps the conversation, so what was re-asked stays re-asked when a request is sent again.
The SDK's own repetitions are switched off.
"""

import random
from collections.abc import Awaitable, Callable

import httpx
from tenacity import AsyncRetrying, RetryCallState

from connectors.transport import retry_after

REASKS = 2
"""Times that an answer which its text does not bear out is given back to be mended. Each costs the whole conversation again."""
RESENDS = 4
"""Times that a request is sent again when nobody answered: with the pauses below, half a minute in all."""
FIRST_WAIT = 2.0  # seconds; doubles with every try
LONGEST_WAIT = 120.0
"""Seconds that a text waits for a vendor; one that asks for more gets it with the next run."""

Pause = Callable[[float], Awaitable[None]]


def patience(pause: Pause) -> AsyncRetrying:
    """The budgets of one text, unspent."""
    budgets = _Budgets()
    return AsyncRetrying(
        retry=lambda state: poor(_error(state)) or (silent(_error(state)) and _asked(_error(state)) <= LONGEST_WAIT),
        stop=budgets.spent,
        wait=budgets.wait,
        sleep=pause,
        reraise=True,
    )


def poor(error: BaseException | None) -> bool:
    """Whether there was an answer, but none that the schema or the text bears out: pydantic's, JSON's and instructor's errors alike."""
    return isinstance(error, ValueError)


def silent(error: BaseException | None) -> bool:
    """Whether nobody answered: the vendor is busy or down, or cannot be reached. That says nothing about the text."""
    code = status(error)
    return code in (408, 429) or (code is not None and code >= 500) or (code is None and _unreachable(error))


def status(error: BaseException | None) -> int | None:
    """The HTTP status behind an SDK's error; None if there was no answer."""
    code = getattr(error, "status_code", None)
    return code if isinstance(code, int) else None


class _Budgets:
    def __init__(self) -> None:
        self.reasked = self.resent = 0

    def spent(self, state: RetryCallState) -> bool:
        if poor(_error(state)):
            self.reasked += 1
            return self.reasked > REASKS
        self.resent += 1
        return self.resent > RESENDS

    def wait(self, state: RetryCallState) -> float:
        if poor(_error(state)):
            return 0.0
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # keeps texts that failed together from trying together
        return _asked(_error(state)) or FIRST_WAIT * 2.0 ** (self.resent - 1) * spread


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked(error: BaseException | None) -> float:
    """Seconds that the vendor asks us to wait; 0 if it does not say."""
    response = getattr(error, "response", None)
    return (retry_after(response) if isinstance(response, httpx.Response) else None) or 0.0


def _unreachable(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, httpx.TransportError | OSError):
            return True
        error = error.__cause__
    return False
