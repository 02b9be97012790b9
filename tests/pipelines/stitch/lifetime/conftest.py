"""The room with a lake of its own, in the present of the planted world."""

from pathlib import Path

import pytest

from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.stitch.conftest import Bench


@pytest.fixture
def workspace(tmp_path: Path, bench: Bench) -> Workspace:
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=bench.lake, clock=bench.clock)
    return workspace
