"""Calls that are under way at the same time: an answer takes the vendor a fifth of a second, of which we would only wait."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

IN_FLIGHT = 6
"""Calls at a time. Salesforce counts only calls of 20 s and more, of which it lets 25 be under way; HubSpot counts by the ten seconds,
to which its own pace holds us. More than this make nothing faster (benchmarks/write_back)."""
P = TypeVar("P")
R = TypeVar("R")


def side_by_side(call: Callable[[P], R], portions: Sequence[P]) -> Iterator[Future[R]]:
    """Ask for several portions at the same time. Shape: answers, or what each raised, in the order of the portions."""
    if not portions:
        return
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        yield from [pool.submit(call, portion) for portion in portions]


def ahead(call: Callable[[P], R], portions: Iterable[P]) -> Iterator[tuple[P, R]]:
    """Each portion with its answer; the next one is asked for while this one is worked on. Errors: what a call raises, at its portion."""
    with ThreadPoolExecutor(1) as pool:
        waiting: list[tuple[P, Future[R]]] = []
        for portion in portions:
            waiting.append((portion, pool.submit(call, portion)))
            if len(waiting) > 1:
                yield _answered(waiting.pop(0))
        yield from map(_answered, waiting)


def _answered(asked: tuple[P, Future[R]]) -> tuple[P, R]:
    return asked[0], asked[1].result()
