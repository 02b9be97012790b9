"""One clock for the whole product: injected everywhere, shared with the sandbox, movable by tests and the demo."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tells the present instant; nothing else in the product asks the machine for the time."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant in UTC."""
        return datetime.now(UTC)


@dataclass(frozen=True)
class ShiftedClock:
    """The machine's clock moved by the number of seconds that a file holds, so that several processes share one time.

    Units: seconds, positive is the future. Errors: ValueError if the file does not hold a number.
    """

    path: Path

    def now(self) -> datetime:
        """The shifted instant in UTC; a missing file means no shift."""
        return datetime.now(UTC) + timedelta(seconds=self.offset())

    def offset(self) -> float:
        """Seconds between this clock and the machine's."""
        return float(self.path.read_text()) if self.path.exists() else 0.0

    def set_now(self, instant: datetime) -> None:
        """Make this the present instant for every process that shares the file."""
        self._write((instant - datetime.now(UTC)).total_seconds())

    def advance(self, step: timedelta) -> None:
        """Let the time pass."""
        self._write(self.offset() + step.total_seconds())

    def _write(self, seconds: float) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(repr(seconds))
        beside.replace(self.path)


@dataclass
class FrozenClock:
    """A clock that stands still until told; for tests of one process."""

    instant: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant

    def advance(self, step: timedelta) -> None:
        """Move the instant."""
        self.instant += step


def clock_from(path: str | None) -> Clock:
    """The shifted clock if a path is given (variable SIDECAR_CLOCK), else the machine's."""
    return ShiftedClock(Path(path)) if path else SystemClock()
