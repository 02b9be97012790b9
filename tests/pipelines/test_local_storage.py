"""Dagster's own SQLite storage, with engines that are kept."""

from pathlib import Path

import dagster as dg
import pytest

from pipelines.local_storage import ENGINES, Events
from pipelines.run import local_instance


@dg.asset
def thing() -> dg.MaterializeResult:  # type: ignore[type-arg]  # as Dagster reads it
    """Something that counts."""
    return dg.MaterializeResult(metadata={"rows": 7})


@dg.asset_check(asset=thing)
def whole() -> dg.AssetCheckResult:
    """Says yes."""
    return dg.AssetCheckResult(passed=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place without a dagster.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    return tmp_path


def told(instance: dg.DagsterInstance) -> object:
    """What the web page shows of the asset."""
    event = instance.get_latest_materialization_event(thing.key)
    assert event is not None
    assert event.asset_materialization is not None
    return event.asset_materialization.metadata["rows"].value


def run(instance: dg.DagsterInstance) -> None:
    """One run of the asset and its check."""
    assert dg.materialize([thing, whole], instance=instance).success


def test_what_was_kept_is_read_by_dagsters_own_storage(home: Path) -> None:
    """Files and tables are Dagster's, so that a folder may go on with either."""
    with local_instance(home) as instance:
        assert isinstance(instance.event_log_storage, Events)
        run(instance)
    with dg.DagsterInstance.local_temp(str(home / "dagster")) as plain:
        assert told(plain) == 7
        assert [record.dagster_run.is_success for record in plain.get_run_records()] == [True]
        run(plain)
    with local_instance(home) as instance:
        assert len(instance.get_runs()) == 2


def test_many_runs_are_kept_each_with_all_its_events(home: Path) -> None:
    """Only some engines are held at a time; a run whose engine went is written and read as before."""
    with local_instance(home) as instance:
        for _ in range(ENGINES + 2):
            run(instance)
        counts = {len(instance.all_logs(one.run_id)) for one in instance.get_runs()}
    assert len(counts) == 1
    assert counts.pop() > 10
