"""One measured process: `python -m benchmarks.whole.job NAME FOLDER [PERSONS]`; prints its figures as one line of JSON, and on stderr each stage.

Every asset runs by itself, in a recorded Dagster run with its checks, in the order of the graph, all of them in one process, as `sidecar
run` does it. Peak memory is that of the process while the stage ran, imports and what earlier stages left behind included.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.stitch.job import Steps
from benchmarks.whole.crm import Blank
from benchmarks.whole.plant import plant
from connectors.hubspot.fields import SUBJECTS as HUBSPOT
from connectors.registry import connectors_by_name
from connectors.salesforce.fields import SUBJECTS as SALESFORCE
from models.clock import ShiftedClock
from pipelines.definitions import ASSETS, build
from pipelines.ingest.translate import translate
from pipelines.run import ALL_BUCKETS, QUIET, local_instance
from pipelines.workspace import Workspace
from pipelines.write_back.limits import Limits
from pipelines.write_back.plan import plan
from sandbox.hubspot import PORTAL_ID
from sandbox.practice import NOW
from sandbox.world import build as build_world
from sandbox.world.truth import SALESFORCE_ACCOUNT

GROUPS = ("stitch", "understand")
"""Groups of assets that stand between what has landed and what is written, each a job of that name."""
TEXTS = 0.02
"""Texts per person, besides those of the practice ground's own people: what a language model would read is read here by the embedded
extractor, a processor's own work, so that a whole customer base's words would hide every other cost."""
SEED = 1
CRMS = (
    Blank("salesforce", SALESFORCE_ACCOUNT, SALESFORCE, batch_size=200, read_size=2_000),
    Blank("hubspot", str(PORTAL_ID), HUBSPOT, batch_size=100, read_size=100),
)


def make(folder: Path) -> dict[str, Any]:
    """Plant the world."""
    persons, clock = int(sys.argv[3]), ShiftedClock(folder / "clock")
    with Workspace.from_environment() as workspace:
        landed = plant(workspace.lake, folder, build_world(persons, SEED, NOW, plotted=True), round(TEXTS * persons))
    clock.set_now(NOW)
    return {"rows": landed}


def run(folder: Path) -> dict[str, Any]:
    """Everything from raw rows to plans, stage by stage."""
    steps, planned = Steps(), 0
    with Workspace.from_environment() as workspace:
        with steps.step("translate"):
            for connector in connectors_by_name().values():
                for stream in connector.streams:
                    translate(workspace.lake, workspace.store, connector, stream, workspace.clock)
        jobs = {name: build().resolve_job_def(name) for name in GROUPS}
        with local_instance(folder) as instance:
            for key in _assets():
                with steps.step(key.to_user_string()):
                    _materialize(jobs[key.path[0]], instance, key)
        for crm in CRMS:
            with steps.step(f"plan {crm.vendor}"):
                place = {"lake": workspace.lake, "store": workspace.store, "clock": workspace.clock}
                planned += plan(crm, crm.vendor, **place, limits=Limits()).counts["fields planned"]
    return {"stages": steps.told, "planned": planned}


def _assets() -> Iterator[dg.AssetKey]:
    """The assets that vendors need not answer for, in the order of the graph."""
    return (key for room in ASSETS for asset in room.assets() for key in asset.keys if key.path[0] in GROUPS)


def _materialize(job: dg.JobDefinition, instance: dg.DagsterInstance, key: dg.AssetKey) -> None:
    tags = ALL_BUCKETS if job.partitions_def else {}
    job.execute_in_process(instance=instance, asset_selection=[key], tags=tags, run_config=QUIET)


JOBS: dict[str, Callable[[Path], dict[str, Any]]] = {one.__name__: one for one in (make, run)}

if __name__ == "__main__":
    print(json.dumps(JOBS[sys.argv[1]](Path(sys.argv[2]))))
