"""A fifth vendor is one new folder; no existing file is edited."""

import shutil
import sys
from pathlib import Path

import dagster as dg
import pytest

import connectors
from connectors.registry import connectors_by_name
from models.clock import FrozenClock
from models.facts import Identifier
from pipelines import definitions
from pipelines.workspace import Workspace
from tests import stores
from tests.conftest import NOW
from tests.connectors import test_contract as contract

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
    assert lake.latest("toy_vendor", "guests").count().to_pyarrow().as_py() == 3
    assert set(lake.facts(Identifier).value.to_pyarrow().to_pylist()) == {"ada@kolbe.example", "bo@kolbe.example"}


def test_the_folder_to_copy_from_keeps_the_contract(with_toy_vendor, monkeypatch):
    """Everything that the contract suite asks of a vendor is true of the toy, so that a copy starts from where it must end."""
    toy = connectors_by_name()["toy_vendor"]
    contract.test_a_connector_says_what_it_is(toy)
    for of_settings in (
        contract.test_settings_name_the_variables_that_are_missing,
        contract.test_secrets_never_show,
        contract.test_opening_without_credentials_says_which_variable_to_set,
    ):
        of_settings(toy, monkeypatch)
    for stream in toy.streams:
        contract.test_a_stream_is_described_in_a_plain_sentence(toy, stream)
        contract.words_of.cache_clear()
        contract.test_no_payload_can_break_the_reading(connector=toy, stream=stream)


def test_the_folder_to_copy_from_resumes_and_goes_on(with_toy_vendor, monkeypatch):
    """From its first page the window goes on to the same end; the next window starts there, and brings nothing twice."""
    monkeypatch.setenv("TOY_KEY", "k")
    toy = connectors_by_name()["toy_vendor"]
    source, stream = toy.open(toy.settings(), FrozenClock(NOW)), toy.streams[0]
    first, second = source.pages(stream, None, None)
    assert first.cursor is None
    assert list(source.pages(stream, None, first.position)) == [second]
    (quiet,) = source.pages(stream, second.cursor, None)
    assert (quiet.records, quiet.cursor) == ([], second.cursor)
