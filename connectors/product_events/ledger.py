"""Which files have been read, and how far: the whole state of a pull, small enough to be kept as its cursor.

The newest `OPEN` files are known one by one. Older ones, once they are read to the end, are only counted into 256 sums over their
names, sizes and times. A sum that no longer fits (a file came late, changed, or was cleared away) has the files of its part read
again, which changes nothing where nothing was new: in doubt a file is read twice, never passed over.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.base import Position
from connectors.product_events.formats import Place
from models.keys import stable_hash

OPEN = 500
"""Files known one by one, at most: about 100 bytes each in every page's position."""
PARTS = 256
FAULTS_KEPT = 100
"""Runs of unreadable lines per file that are taken back once the file is replaced; of a file broken throughout that is one."""

State = Literal["whole", "tail", "part"]
"""Read to the end; to a last line that has no line break yet; to somewhere in the middle."""


@dataclass(frozen=True)
class File:
    """One file of a listing. `changed` is in nanoseconds since 1970 (0 where a store does not say)."""

    path: str
    size: int
    changed: int

    @property
    def part(self) -> str:
        """Which of the sums it belongs to."""
        return str(stable_hash(self.path) % PARTS)

    @property
    def print(self) -> int:
        """Hash of name, size and time."""
        return stable_hash(self.path, str(self.size), str(self.changed))


@dataclass
class Known:
    """How far one file has been read; `check` is the hash of the last bytes before that place, `faults` are line numbers.

    `faults` holds runs of lines: the first and the last of each.
    """

    size: int
    changed: int
    state: State = "part"
    offset: int = 0
    number: int = 1
    check: str = ""
    faults: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # an earlier release wrote the lines one by one
        self.faults = [[run, run] if isinstance(run, int) else run for run in self.faults]

    @property
    def place(self) -> Place:
        """Where reading goes on."""
        return Place(self.offset, self.number)

    def note(self, number: int) -> None:
        """This line cannot be read; lines come in order."""
        if self.faults and self.faults[-1][1] == number - 1:
            self.faults[-1][1] = number
        elif len(self.faults) < FAULTS_KEPT:
            self.faults.append([number, number])

    def faulty(self) -> list[int]:
        """Numbers of the lines that could not be read."""
        return [number for first, last in self.faults for number in range(first, last + 1)]

    def take_back(self) -> list[int]:
        """Forget those from the place on, for they will be read again; their numbers."""
        again = [number for number in self.faulty() if number >= self.number]
        self.faults = [[first, min(last, self.number - 1)] for first, last in self.faults if first < self.number]
        return again

    def is_of(self, file: File) -> bool:
        """Whether the file is as it was."""
        return (self.size, self.changed) == (file.size, file.changed)


class Ledger:
    """Made from a cursor or a position, both of which it writes; knows so many files one by one."""

    def __init__(self, position: Position | None, most: int = OPEN) -> None:
        self._most = most
        said: dict[str, Any] = position or {}
        self.files: dict[str, Known] = {path: Known(*known) for path, known in said.get("files", {}).items()}
        self.sums: dict[str, int] = dict(said.get("sums", {}))
        self.until: int = said.get("until", -1)
        """Closed files changed at this instant or before."""

    def position(self) -> Position:
        """All that must be kept; the oldest of too many files are closed first."""
        over = len(self.files) - self._most
        if over > 0:
            closed = sorted((known.changed, path) for path, known in self.files.items() if known.state == "whole")
            for changed, path in closed[:over]:
                self._close(path, changed)
        files = {
            path: [known.size, known.changed, known.state, known.offset, known.number, known.check, known.faults]
            for path, known in sorted(self.files.items())
        }
        return {"files": files, "sums": dict(sorted(self.sums.items())), "until": self.until}

    def due(self, listing: Sequence[File]) -> list[File]:
        """Files that are new, changed or not read to the end, in the order of their names.

        All are named before the first is read: a position written meanwhile closes files, and that must hide none.
        """
        present = {file.path for file in listing}
        self.files = {path: known for path, known in self.files.items() if path in present}
        doubtful = self._doubtful(file for file in listing if self._is_closed(file))
        self.sums = {part: sum_ for part, sum_ in self.sums.items() if part not in doubtful}
        return [file for file in sorted(listing, key=lambda file: file.path) if self._is_due(file, doubtful)]

    def _is_due(self, file: File, doubtful: set[str]) -> bool:
        known = self.files.get(file.path)
        if known:
            return not known.is_of(file) or known.state != "whole"
        return file.changed > self.until or file.part in doubtful

    def _is_closed(self, file: File) -> bool:
        return file.path not in self.files and file.changed <= self.until

    def _doubtful(self, closed: Iterable[File]) -> set[str]:
        found: Counter[str] = Counter()
        for file in closed:
            found[file.part] ^= file.print
        return {part for part in found.keys() | self.sums.keys() if found[part] != self.sums.get(part, 0)}

    def _close(self, path: str, changed: int) -> None:
        known = self.files.pop(path)
        file = File(path, known.size, known.changed)
        self.sums[file.part] = self.sums.get(file.part, 0) ^ file.print
        self.until = max(self.until, changed)
