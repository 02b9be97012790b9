"""One run at a time works on a CRM account; whoever has the turn loses it by ending, however it ends."""

import fcntl
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from models.keys import stable_hash


def turn(store: Engine, vendor: str, account: str) -> AbstractContextManager[bool]:
    """The turn at a CRM account. Gives whether it was free; if not, somebody else has it."""
    key = stable_hash(f"write back to {vendor}/{account}")
    if store.dialect.name == "postgresql":
        return _advisory_lock(store, key)
    return _file_lock(Path(f"{store.url.database}.{vendor}-{key & 0xFFFF:04x}.lock"))


@contextmanager
def _file_lock(path: Path) -> Iterator[bool]:
    """A lock that the operating system drops when its holder ends, however it ends."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def _advisory_lock(store: Engine, key: int) -> Iterator[bool]:
    """PostgreSQL's own lock of a session; it ends with the connection, which is in no transaction meanwhile."""
    with store.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        taken: bool = connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": key}).scalar_one()
        try:
            yield taken
        finally:
            if taken:  # else the connection would take the lock with it, back into the pool
                connection.execute(text("select pg_advisory_unlock(:key)"), {"key": key})
