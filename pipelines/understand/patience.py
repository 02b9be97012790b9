"""How often a language model is asked about one text: two budgets, for poor answers and for none at all, that never multiply.

instructor takes this as its `max_retries`: it keeps the conversation, so what was re-asked stays re-asked when a request is sent again.
The SDK's own repetitions are switched off.
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState

from connectors.transport import retry_after

FIRST_WAIT = 2.0  # seconds; doubles with every try
LONGEST_WAIT = 120.0
"""Seconds that a text waits for a vendor; one that asks for more gets it with the next run."""

Pause = Callable[[float], Awaitable[None]]
Errors = tuple[type[BaseException], ...]


def patience(pause: Pause, lost: Errors, *, reasks: int, resends: int) -> AsyncRetrying:
    """The budgets of one text, unspent; `lost` are the errors by which an SDK says that it has no connection.

    Shape: used for all parts of a text, which share them.
    """
    budgets = _Budgets(lost, reasks, resends)
    return AsyncRetrying(retry=budgets.again, stop=budgets.spent, wait=budgets.wait, sleep=pause, reraise=True)


def poor(error: BaseException | None) -> bool:
    """Whether there was an answer, but none that the schema or the text bears out: pydantic's, JSON's and instructor's errors alike."""
    return isinstance(error, ValueError)


def silent(error: BaseException | None, lost: Errors) -> bool:
    """Whether nobody answered: the vendor is busy or down, or cannot be reached. That says nothing about the text."""
    code = status(error)
    return isinstance(error, lost) if code is None else code in (408, 429) or code >= 500


def status(error: BaseException | None) -> int | None:
    """The HTTP status behind an SDK's error; None if there was no answer."""
    code = getattr(error, "status_code", None)
    return code if isinstance(code, int) else None


class _Budgets:
    """What tenacity asks after every attempt that failed: `again` first, then the others."""

    def __init__(self, lost: Errors, reasks: int, resends: int) -> None:
        self.lost, self.reasks, self.resends = lost, reasks, resends
        self.reasked = self.resent = 0

    def again(self, state: RetryCallState) -> bool:
        error = _error(state)
        if poor(error):
            self.reasked += 1
            return True
        self.resent += 1
        return silent(error, self.lost) and _asked(error) <= LONGEST_WAIT

    def spent(self, _: RetryCallState) -> bool:
        return self.reasked > self.reasks or self.resent > self.resends

    def wait(self, state: RetryCallState) -> float:
        error = _error(state)
        if poor(error):
            return 0.0
        spread = random.uniform(0.5, 1.0)  # noqa: S311  # keeps texts that failed together from trying together
        return _asked(error) or FIRST_WAIT * 2.0 ** (self.resent - 1) * spread


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome else None


def _asked(error: BaseException | None) -> float:
    """Seconds that the vendor asks us to wait; 0 if it does not say."""
    response: Any = getattr(error, "response", None)
    return (retry_after(response) if hasattr(response, "headers") else None) or 0.0
