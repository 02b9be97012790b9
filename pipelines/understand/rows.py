"""Writing conclusions: only rows that differ are touched, so that an unchanged belief is not even rewritten."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from sqlmodel import Session, SQLModel

Row = TypeVar("Row", bound=SQLModel)


@dataclass
class Written:
    """How many rows were added, changed and removed, and how many stayed as they were."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0

    def __add__(self, other: "Written") -> "Written":
        return Written(
            self.added + other.added, self.changed + other.changed, self.removed + other.removed, self.same + other.same
        )

    @property
    def total(self) -> int:
        """Rows touched."""
        return self.added + self.changed + self.removed


def bring_in_step(
    session: Session, present: Iterable[Row], wanted: Iterable[Row], key: Callable[[Row], object]
) -> Written:
    """Make the present rows be the wanted ones."""
    written = Written()
    there = {key(row): row for row in present}
    for row in wanted:
        old = there.pop(key(row), None)
        if old is None:
            session.add(row)
            written.added += 1
        elif old.model_dump() == row.model_dump():
            written.same += 1
        else:
            old.sqlmodel_update(row.model_dump())
            written.changed += 1
    for row in there.values():
        session.delete(row)
        written.removed += 1
    return written
