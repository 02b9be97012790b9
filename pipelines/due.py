"""Whether a job that derives from what has landed would find anything new.

The run of such a job bears a tag: a hash of all that its outcome rests on, taken before it began. Where the job's newest run came to
its end and the hash is the same today, another run would do the same again, so none is needed. In every other case the job is due:
after a kill, a failure, a run by hand, a run that left something undone, or if the hash cannot be taken. The job's own tables are in
the hash, so a run that wrote is followed by one that finds nothing to write. The day is in it, too: what the mere passing of time
changes is seen within a day.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import dagster as dg
from deltalake.exceptions import DeltaError
from sqlalchemy import Executable, Select, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import SQLModel

from models.keys import content_id
from models.store import StoreError, transaction
from pipelines.ingest.lake import LakeError
from pipelines.release import release
from pipelines.workspace import Workspace

READ, READ_AT = "sidecar/read", "sidecar/read_at"
"""Run tags: the hash of what the run was about to read, and when that was taken."""
LEFT = "sidecar/left"
"""Run tag: how much the run left for the next one, though nothing has changed."""
NOT_TAKEN = (StoreError, LakeError, DeltaError, SQLAlchemyError, OSError, ValueError)
"""What may be wrong with lake, store and settings; the job itself will say it."""


@dataclass(frozen=True)
class Reads:
    """What a job's outcome rests on, beside code and day.

    Shape: `lake` names parts of the lake (raw, facts, derived), of which all tables count; a statement in `rows` gives rows that
    differ whenever something has changed in the store's table that it is about; `settings` gives something whose `repr` does.
    """

    lake: Sequence[str]
    rows: Sequence[Executable]
    settings: Callable[[Workspace], object]


def whole(model: type[SQLModel]) -> Select[Any]:
    """Every row of a small table."""
    return select(model.__table__)  # type: ignore[attr-defined]  # SQLModel adds it


def tally(model: type[SQLModel], *columns: str) -> Select[Any]:
    """One row for a large table whose rows are added, and then at most stamped: how many there are, and by column how many, and the greatest."""
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    stamps = [figure(table.c[name]) for name in columns for figure in (func.count, func.max)]
    return select(func.count(), *stamps).select_from(table)


def taken(workspace: Workspace, reads: Reads) -> dict[str, str]:
    """The tags of a run that begins now; none if lake, store or settings cannot be read."""
    try:
        now = workspace.clock.now()
        parts = [release(), str(now.date()), repr(reads.settings(workspace)), *_versions(workspace, reads)]
    except NOT_TAKEN:
        return {}
    return {READ: content_id(*parts), READ_AT: f"{now:%Y-%m-%d %H:%M} UTC"}


def nothing_new(instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]) -> str | None:
    """Why a run of the job with these tags would be in vain; None if the job is due."""
    newest = next(iter(instance.get_runs(dg.RunsFilter(job_name=job), limit=1)), None)
    if newest is None or newest.parent_run_id:  # a run of some steps again bears the tags of the whole one
        return None
    done = newest.is_success and LEFT not in newest.tags
    same = READ in tags and newest.tags.get(READ) == tags[READ]
    return f"nothing new since {newest.tags[READ_AT]}" if done and same else None


def tick(
    context: dg.ScheduleEvaluationContext,
    workspace: Workspace,
    job: str,
    reads: Reads,
    more: Mapping[str, str] = MappingProxyType({}),
) -> dg.RunRequest | dg.SkipReason:
    """What a schedule of the job answers; `more` are further tags of its run."""
    tags = taken(workspace, reads)
    why = nothing_new(context.instance, job, tags)
    return dg.SkipReason(why) if why else dg.RunRequest(tags={**tags, **more})


def _versions(workspace: Workspace, reads: Reads) -> Iterator[str]:
    for part in reads.lake:
        yield repr(workspace.lake.versions(part))
    with transaction(workspace.store) as session:
        for statement in reads.rows:
            yield repr(sorted(map(repr, session.execute(statement))))  # databases sort texts in ways of their own
