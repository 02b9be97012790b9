"""What Meta still knows of what is asked for: one name that it has dropped fails the whole call, and the error does not say which.

The names are halved until those that fail alone are found; they are left out, and said so, and the rest is read.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from connectors.meta_ads.refusals import Unknown

logger = logging.getLogger(__name__)

T = TypeVar("T")
Names = tuple[str, ...]


class Known:
    """The names (fields, attribution windows) that a stream asks for, fewer once some are found to be gone. `needed` never are."""

    def __init__(self, stream: str, names: Sequence[str], needed: Sequence[str]) -> None:
        self._stream = stream
        self._needed = tuple(needed)
        self.names: Names = tuple(names)

    def asked(self, ask: Callable[[Names], T], probe: Callable[[Names], object] | None = None) -> T:
        """The answer to all names that Meta knows. `probe` asks the same of less data, where `ask` is dear.

        Errors: Unknown where it is none of the names that is refused.
        """
        try:
            return ask(self.names)
        except Unknown as error:
            self._leave_out(probe or ask, error)
        return ask(self.names)

    def each(self, ask: Callable[[Names], Iterator[T]], probe: Callable[[Names], object]) -> Iterator[T]:
        """As `asked`, for an answer that comes in pieces; they come again from the first where a name was found to be gone."""
        try:
            yield from ask(self.names)
        except Unknown as error:
            self._leave_out(probe, error)
            yield from ask(self.names)

    def _leave_out(self, probe: Callable[[Names], object], error: Unknown) -> None:
        gone = self._gone(probe, error)
        logger.warning("meta_ads/%s: Meta knows no %s any more; the rest is read", self._stream, ", ".join(gone))
        self.names = tuple(name for name in self.names if name not in gone)

    def _gone(self, probe: Callable[[Names], object], error: Unknown) -> Names:
        if self._refuses(probe, ()):
            raise error
        gone = self._among(probe, tuple(name for name in self.names if name not in self._needed))
        if not gone:
            raise error
        return gone

    def _among(self, probe: Callable[[Names], object], names: Names) -> Names:
        if not names or not self._refuses(probe, names):
            return ()
        if len(names) == 1:
            return names
        half = len(names) // 2
        return self._among(probe, names[:half]) + self._among(probe, names[half:])

    def _refuses(self, probe: Callable[[Names], object], names: Names) -> bool:
        try:
            probe((*self._needed, *names))
        except Unknown:
            return True
        return False
