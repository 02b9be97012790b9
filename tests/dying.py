"""`python -m tests.dying MOMENT TALLY [arguments of sidecar]`: a command that dies by SIGKILL at a chosen moment around a commit.

Moments are counted over the store and the lake alike: one right before each commit, one right after it. Moment 0 never comes; a
command that reaches its end writes how many moments there were into the file TALLY. Nothing is simulated: the process is gone.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from pipelines.ingest import tables
from service.cli import main as sidecar

READING = ("SELECT", "PRAGMA", "SAVEPOINT", "RELEASE", "SHOW")


class Moments:
    """Counts the moments; the fatal one is the last."""

    def __init__(self, fatal: int) -> None:
        self.fatal, self.passed = fatal, 0

    def pass_one(self) -> None:
        """One more moment, if the process outlives it."""
        self.passed += 1
        if self.passed == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch_store(self) -> None:
        """Both sides of every commit of the store that changes a row; Dagster's own storage has no ORM sessions."""

        def note(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
            if not statement.lstrip().upper().startswith(READING):
                connection.info["changed"] = True

        def before(session: Session) -> None:
            session.flush()
            session.info["changed"] = session.connection().info.pop("changed", False)
            if session.info["changed"]:
                self.pass_one()

        def after(session: Session) -> None:
            if session.info.pop("changed", False):
                self.pass_one()

        event.listen(Engine, "before_cursor_execute", note)
        event.listen(Session, "before_commit", before)
        event.listen(Session, "after_commit", after)

    def watch_lake(self) -> None:
        """Both sides of every commit of a Delta table: these two doors are where all of them pass."""
        tables.write_deltalake = self._counted(tables.write_deltalake)
        tables.DeltaTable.create_write_transaction = self._counted(tables.DeltaTable.create_write_transaction)

    def _counted(self, commit: Callable[..., None]) -> Callable[..., None]:
        def counted(*arguments: Any, **options: Any) -> None:
            self.pass_one()
            commit(*arguments, **options)
            self.pass_one()

        return counted


def main(fatal: int, tally: Path, command: Callable[[], Any]) -> None:
    """Run the command among the watchers."""
    moments = Moments(fatal)
    moments.watch_store()
    moments.watch_lake()
    try:
        command()
    finally:
        tally.write_text(str(moments.passed))


if __name__ == "__main__":
    chosen, file = int(sys.argv[1]), Path(sys.argv[2])
    sys.argv = ["sidecar", *sys.argv[3:]]
    main(chosen, file, sidecar)
