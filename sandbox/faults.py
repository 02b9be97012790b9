"""Troubles a vendor has on demand: which requests they strike, and how. Seeded, so that a run can be repeated."""

import random
import re
from collections import Counter
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["status", "html", "delay", "reset", "empty"]


class Fault(BaseModel):
    """One trouble and when it strikes.

    Shape: `path` is a regular expression searched in path and query; `calls` are 1-based numbers among the requests it matches;
    with neither `calls` nor `every`, each matching request is struck with `probability`.
    Kinds: `status` answers with that status, JSON body and headers; `html` is a proxy's page with that status; `delay` waits, then
    answers as usual; `reset` does the work, then cuts the connection in the middle of the body; `empty` does the work, then says nothing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "status"
    path: str = ""
    method: str | None = None
    calls: tuple[int, ...] = ()
    every: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    status: int = 503
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict)
    seconds: float = Field(default=0.0, ge=0)


class Faults:
    """The troubles switched on; each counts the requests it matches from the moment it was added."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311  # repeatable on purpose
        self._faults: list[Fault] = []
        self._seen: Counter[int] = Counter()

    def add(self, fault: Fault) -> None:
        """Switch one on."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off and forget the counts."""
        self._faults.clear()
        self._seen.clear()

    def all(self) -> list[Fault]:
        """Those switched on, oldest first."""
        return list(self._faults)

    def strike(self, method: str, target: str) -> Fault | None:
        """The fault that this request meets, the oldest first; every fault that matches counts the request."""
        struck = [fault for number, fault in enumerate(self._faults) if self._meets(number, fault, method, target)]
        return struck[0] if struck else None

    def _meets(self, number: int, fault: Fault, method: str, target: str) -> bool:
        if fault.method not in {None, method} or not re.search(fault.path, target):
            return False
        self._seen[number] += 1
        seen = self._seen[number]
        if fault.calls or fault.every:
            return seen in fault.calls or (fault.every > 0 and seen % fault.every == 0)
        return self._random.random() < fault.probability
