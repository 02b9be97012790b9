"""What was changed in the stages of the portal's pipelines.

Source: https://developers.hubspot.com/docs/api-reference/crm-pipelines-v3/guide; SDK: PipelineStagePatchInput.
"""

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from sandbox.hubspot.errors import HubSpotRefusal, not_found
from sandbox.hubspot.pipelines import PIPELINES, Pipeline, Stage, deal_stage, ticket_stage
from sandbox.hubspot.values import wire

SCHEMA = """
create table if not exists stage_changes (
    type text, pipeline text, stage text, label text not null, metadata blob not null, at integer not null,
    primary key (type, pipeline, stage)) without rowid;
"""


class Pipelines:
    """The pipelines as they are now."""

    def __init__(self, db: sqlite3.Connection, now: Callable[[], int]) -> None:
        self._db, self._now = db, now
        db.executescript(SCHEMA)

    def all(self, path: str) -> tuple[Pipeline, ...]:
        """Those of one kind of object, by its plural name."""
        sql = "select pipeline, stage, label, metadata, at from stage_changes where type=?"
        changes = {(row[0], row[1]): row[2:] for row in self._db.execute(sql, (path,))}
        return tuple(
            replace(one, stages=tuple(_changed(stage, changes.get((one.id, stage.id))) for stage in one.stages))
            for one in PIPELINES.get(path, ())
        )

    def stage(self, path: str, pipeline: str | None, stage: str | None) -> Stage | None:
        """The stage of that id."""
        found = (each for one in self.all(path) if one.id == pipeline or pipeline is None for each in one.stages)
        return next((each for each in found if each.id == stage), None)

    def change(self, path: str, pipeline: str, stage: str, given: Mapping[str, Any]) -> Stage:
        """The stage with another label or meaning. Errors: 400 for a meaning that is none, 404 if there is no such stage."""
        before = self.stage(path, pipeline, stage)
        if before is None:
            raise not_found(f"Stage {stage} of pipeline {pipeline} does not exist")
        metadata = given.get("metadata")
        after = replace(before, label=given.get("label") or before.label)
        if metadata is not None:
            after = replace(after, metadata=_meaning(path, metadata))
        row = (path, pipeline, stage, after.label, orjson.dumps(after.metadata), self._now())
        self._db.execute("insert or replace into stage_changes values (?, ?, ?, ?, ?, ?)", row)
        return after


def _changed(stage: Stage, row: Any) -> Stage:
    if row is None:
        return stage
    label, metadata, at = row
    return replace(stage, label=label, metadata=orjson.loads(metadata), changed=wire(at))


def _meaning(path: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """A stage's metadata as they are kept: deals need a probability of 0.0 to 1.0, tickets a state (guide, "Create a pipeline")."""
    if path == "deals":
        probability = metadata.get("probability", "")
        if probability not in {f"{tenth / 10:.1f}" for tenth in range(11)}:
            raise HubSpotRefusal(400, "A deal stage needs a probability between 0.0 and 1.0, in steps of 0.1.")
        return deal_stage("", "", probability).metadata
    if metadata.get("ticketState") not in {"OPEN", "CLOSED"}:
        raise HubSpotRefusal(400, "A ticket stage needs a ticketState of OPEN or CLOSED.")
    return ticket_stage("", "", metadata["ticketState"]).metadata
