"""When CRMs are written: one job and one running schedule each, so that no CRM waits for another."""

from typing import TypeAlias

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import (
    UnresolvedAssetJobDefinition,  # no public name in 1.13
)
from sqlalchemy import ColumnElement, Executable, func, select
from sqlmodel import col

from connectors.base import Connector
from models import Baseline, BucketState, Evidence, IntendedWrite, Observation, Slot, WritePlan
from pipelines.due import Reads, tally, whole
from pipelines.ingest.automation import alone, vendor_schedule
from pipelines.write_back.assets import asset_key
from pipelines.write_back.limits import Limits
from pipelines.write_back.opening import crms

Job: TypeAlias = dg.JobDefinition | UnresolvedAssetJobDefinition

HOURLY = "58 * * * *"
"""After what was said in the same hour has been understood."""


def jobs() -> list[Job]:
    """`write_back_<vendor>` for each CRM."""
    return [
        dg.define_asset_job(
            f"write_back_{connector.name}",
            dg.AssetSelection.assets(asset_key(connector)),
            description=f"Plans what should change in {connector.label} and delivers it.",
            tags=alone(connector.name),
        )
        for connector in crms()
    ]


def schedules() -> list[dg.ScheduleDefinition]:
    """One running schedule per job."""
    return [
        vendor_schedule(f"write_back_{connector.name}", connector, HOURLY, reads_of(connector)) for connector in crms()
    ]


def reads() -> dict[str, Reads]:
    """What decides whether the jobs are due."""
    return {f"write_back_{connector.name}": reads_of(connector) for connector in crms()}


def reads_of(connector: Connector) -> Reads:
    """What the write-back to one CRM rests on; a plan counts by its rows, for each run makes a plan."""
    return Reads(
        ("raw", "facts", "derived"),
        (
            whole(Slot),
            whole(BucketState),
            tally(Observation, "recorded_at", "withdrawn_at"),
            tally(Evidence, "recorded_at", "withdrawn_at"),
            _intended(connector),
            _approved(connector),
            tally(Baseline, "acknowledged_at").where(_of(connector, Baseline)),
        ),
        lambda _: (Limits(), connector.settings()),
    )


def _intended(connector: Connector) -> Executable:
    """What became of everything that was ever to be written."""
    fate = (col(IntendedWrite.state), col(IntendedWrite.parked))
    newest = func.max(col(IntendedWrite.id)), func.max(col(IntendedWrite.sent_at))
    return select(*fate, func.count(), *newest).where(_of(connector, IntendedWrite)).group_by(*fate)


def _approved(connector: Connector) -> Executable:
    """Plans that somebody has approved."""
    return select(func.count(col(WritePlan.approved_at)), func.max(col(WritePlan.approved_at))).where(
        col(WritePlan.crm) == connector.name
    )


def _of(connector: Connector, model: type[IntendedWrite] | type[Baseline]) -> ColumnElement[bool]:
    return col(model.record).startswith(f"{connector.name}/", autoescape=True)
