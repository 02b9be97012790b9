"""A fifth vendor is one new folder; no existing file is edited."""

import shutil
import sys
from pathlib import Path

import dagster as dg
import pytest

import connectors
from connectors.registry import connectors_by_name
from models.facts import Identifier
from pipelines import definitions
from pipelines.workspace import Workspace
from tests import stores

FOLDER = Path(__file__).parent / "toy_vendor"


@pytest.fixture
def with_toy_vendor(tmp_path, monkeypatch):
    """The toy vendor's folder stands beside the others for one test."""
    shutil.copytree(FOLDER, tmp_path / "extra" / "toy_vendor", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(connectors, "__path__", [*connectors.__path__, str(tmp_path / "extra")])
    connectors_by_name.cache_clear()
    yield
    connectors_by_name.cache_clear()
    for name in [name for name in sys.modules if name.startswith("connectors.toy_vendor")]:
        del sys.modules[name]


def test_a_new_folder_appears_as_assets_with_checks_job_and_schedule(with_toy_vendor):
    """Its stream is an asset in its own group, with a check, a job and a running schedule."""
    defs = definitions.build()
    graph = defs.resolve_asset_graph()
    key = dg.AssetKey(["toy_vendor", "guests"])
    assert graph.get(key).group_name == "toy_vendor"
    assert any(check.asset_key == key for check in graph.asset_check_keys)
    assert defs.resolve_job_def("pull_toy_vendor")
    assert any(schedule.job_name == "pull_toy_vendor" for schedule in defs.schedules or [])


def test_a_new_folder_is_pulled_landed_and_read_as_facts(with_toy_vendor, tmp_path, monkeypatch):
    """Its records reach the lake, the good one as facts, the bad one as a counted rejection."""
    for name, value in {"SIDECAR_HOME": str(tmp_path / "home"), **stores.variables(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TOY_KEY", "k")
    job = definitions.build().resolve_job_def("pull_toy_vendor")
    with dg.DagsterInstance.ephemeral() as instance:
        assert job.execute_in_process(instance=instance).success
    lake = Workspace.from_environment().lake
    assert lake.latest("toy_vendor", "guests").count().to_pyarrow().as_py() == 2
    assert lake.facts(Identifier).value.to_pyarrow().to_pylist() == ["ada@kolbe.example"]
