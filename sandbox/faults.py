"""Troubles a vendor has on demand: which requests they strike, and how. Seeded, so that a run can be repeated.

Each vendor's own troubles, in its own words, are in `storms.py`.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal["status", "html", "delay", "drip", "refuse", "reset", "truncated", "empty", "patch", "rewrite", "change"]


class Fault(BaseModel):
    """One trouble and when it strikes.

    Shape: `path` is a regular expression searched in path and query; `calls` are 1-based numbers among the requests it matches;
    with neither `calls` nor `every`, each matching request is struck with `probability`, drawn from a sequence that `seed` begins.
    Kinds that do no work: `status` answers with that status (503), JSON body and headers; `html` is a proxy's page with that
    status, which holds the word "success"; `refuse` hangs up before a word is said.
    Kinds that do the work: `delay` waits first; `drip` lets the body trickle, `seconds` in all; `reset` cuts the connection in the
    middle of the body; `truncated` sends half of the body as if it were the whole; `empty` says nothing; `patch` merges `body` into
    the answer's JSON (RFC 7396) and sends it with `status`, if one is given; `rewrite` puts for every regular expression in `body`
    its text into the answer's bytes, which may then hold what no writer of JSON would; `change` runs the named `hook` before the answer goes
    out, so that data differ between two pages.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind = "status"
    path: str = ""
    method: str | None = None
    calls: tuple[int, ...] = ()
    every: int = Field(default=0, ge=0)
    probability: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = Field(default_factory=dict)
    seconds: float = Field(default=0.0, ge=0)
    hook: str = ""


class Faults:
    """The troubles switched on; each counts the requests it matches from the moment it was added."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._faults: list[Fault] = []
        self._chances: list[random.Random] = []
        self._seen: Counter[int] = Counter()
        self.hooks: dict[str, Callable[[], None]] = {}
        """What a `change` may run, by name; such changes are made by the server's own thread."""

    def add(self, fault: Fault) -> None:
        """Switch one on. KeyError for a change that nobody has a hook for."""
        if fault.kind == "change":
            self.hooks[fault.hook]
        chance = f"{self._seed}/{fault.seed}/{len(self._faults)}"
        self._chances.append(random.Random(chance))  # noqa: S311  # repeatable on purpose
        self._faults.append(fault)

    def clear(self) -> None:
        """Switch all off and forget the counts."""
        self._faults.clear()
        self._chances.clear()
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
        return self._chances[number].random() < fault.probability
