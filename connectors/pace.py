"""How fast a vendor may be asked: token buckets per lane, shared by everything in this process that uses one account.

A vendor's own usage headers count whoever else uses the account, so they have the last word. A bucket holds a tenth of what a limit
allows and fills with the other nine, so that a burst and what follows it stay below the limit in any stretch of time.
"""

import hashlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import requests

BURST = 0.1
"""The share of a limit that may be used at once, and that is left to others while the vendor says how much remains."""


@dataclass(frozen=True)
class Rate:
    """At most so many calls in any stretch of so many seconds."""

    calls: float
    seconds: float


@dataclass(frozen=True)
class Told:
    """What an answer's headers say of a lane: its limit, and how many calls of it are left to all who use the account."""

    lane: str
    rate: Rate
    remaining: float


class Pace(ABC):
    """Says how long to wait before a request, and learns from every answer."""

    @abstractmethod
    def reserve(self, request: requests.PreparedRequest) -> float:
        """Seconds until this request may be sent; its place is taken by asking."""

    @abstractmethod
    def note(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Learn what an answer, good or bad, tells of the limits."""


P = TypeVar("P", bound=Pace)


class Free(Pace):
    """No limit per second; or another host than the vendor's, whose clock may stand still."""

    def reserve(self, request: requests.PreparedRequest) -> float:  # noqa: ARG002
        """Now."""
        return 0.0

    def note(self, request: requests.PreparedRequest, response: requests.Response) -> None:
        """Nothing to learn."""


Lanes = Callable[[requests.PreparedRequest], Mapping[str, Rate]]
"""The limits that a request counts for, by the name of each."""


class Buckets(Pace):
    """A token bucket per lane. `told` reads usage headers; safe for threads.

    Units: `clock` in seconds, monotonic.
    """

    def __init__(
        self,
        lanes: Lanes,
        told: Callable[[requests.Response], Told | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lanes = lanes
        self._told = told
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[str, _Bucket] = {}

    def reserve(self, request: requests.PreparedRequest) -> float:
        """The longest wait of all lanes that the request counts for."""
        with self._lock:
            now = self._clock()
            return max((self._bucket(name, rate).take(now) for name, rate in self._lanes(request).items()), default=0.0)

    def note(self, request: requests.PreparedRequest, response: requests.Response) -> None:  # noqa: ARG002
        """Where the vendor says that less is left than we thought, go slower."""
        told = self._told(response)
        if told:
            with self._lock:
                self._bucket(told.lane, told.rate).correct(told, self._clock())

    def _bucket(self, name: str, rate: Rate) -> "_Bucket":
        return self._buckets.setdefault(name, _Bucket(rate, self._clock()))


class _Bucket:
    """Tokens of one lane; below none, they are owed by those who wait."""

    def __init__(self, rate: Rate, now: float) -> None:
        self._since = now
        self._set(rate)
        self._tokens = self._most

    def take(self, now: float) -> float:
        """Take one; the seconds until it is there."""
        self._fill(now)
        self._tokens -= 1
        return max(0.0, -self._tokens / self._speed)

    def correct(self, told: Told, now: float) -> None:
        """Believe the vendor's limit, and its count where it is the lower."""
        self._fill(now)
        self._set(told.rate)
        self._tokens = min(self._tokens, told.remaining - self._most)

    def _set(self, rate: Rate) -> None:
        self._most = max(1.0, rate.calls * BURST)
        self._speed = max(rate.calls - self._most, 1.0) / rate.seconds

    def _fill(self, now: float) -> None:
        self._tokens = min(self._most, self._tokens + (now - self._since) * self._speed)
        self._since = now


_SHARED: dict[tuple[str, str], Pace] = {}


def shared(vendor: str, key: str, pace: P) -> P:
    """The one pace of all clients in this process that open the vendor with the same key, of which a hash is kept; `pace` is the first's."""
    known = _SHARED.setdefault((vendor, hashlib.sha256(key.encode()).hexdigest()), pace)
    return cast("P", known)
