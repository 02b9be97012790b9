"""The ingest room as Dagster shows and runs it, with a vendor on paper as the only one."""

import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from sqlmodel import Session, select

import connectors
from connectors.base import Notice, Quota
from connectors.errors import Fatal, Retryable
from connectors.registry import connectors_by_name
from models.facts import Profile
from models.operations import Cursor
from pipelines.ingest import assets, automation, checks
from pipelines.ingest.dirty import mark
from pipelines.ingest.staging import claim
from pipelines.resources import WorkspaceResource
from pipelines.workspace import Workspace
from tests import stores
from tests.pipelines.ingest.scripted import NOW, PAPER, SHELF, ScriptedSource, version

LOG = [version("1", 1, name="Ada", email="ada@kolbe.example"), version("2", 2, name="")]
PEOPLE, FRIENDS, HISTORY = (dg.AssetKey(["paper", name]) for name in ("people", "friends", "history"))


@pytest.fixture(autouse=True)
def only_paper(tmp_path, monkeypatch):
    """`connectors/` holds one vendor, which has credentials; home is a fresh folder."""
    (tmp_path / "vendors" / "paper").mkdir(parents=True)
    source = "from tests.pipelines.ingest.scripted import PAPER as CONNECTOR\n"
    (tmp_path / "vendors" / "paper" / "__init__.py").write_text(source)
    monkeypatch.setattr(connectors, "__path__", [str(tmp_path / "vendors")])
    monkeypatch.setenv("PAPER_KEY", "k")
    for name, value in {"SIDECAR_HOME": str(tmp_path / "home"), **stores.variables(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    connectors_by_name.cache_clear()
    yield
    connectors_by_name.cache_clear()
    SHELF.clear()


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def definitions():
    return dg.Definitions(
        assets=assets.assets(),
        asset_checks=checks.checks(),
        jobs=automation.jobs(),
        schedules=automation.schedules(),
        resources={"workspace": WorkspaceResource()},
        executor=dg.in_process_executor,
    )


def run(instance, job="pull_paper"):
    return definitions().resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False)


def materialization(result, key):
    (found,) = [one.materialization for one in result.get_asset_materialization_events() if one.asset_key == key]
    return found


def evaluated(result, name, key=("paper", "people")):
    """The check of the stream in that run."""
    (found,) = [
        one
        for one in result.get_asset_check_evaluations()
        if (one.asset_key, one.check_name) == (dg.AssetKey(list(key)), name)
    ]
    return found


def failures(result):
    return {
        event.step_key: event.step_failure_data.user_failure_data
        for event in result.all_events
        if event.is_step_failure and not event.step_key.endswith("checks")
    }


class Refusing(ScriptedSource):
    """A source that refuses one stream with an error."""

    def pages(self, stream, cursor, resume):
        self.calls[stream.name] += 1
        if stream.name in self.refusals:
            raise self.refusals[stream.name]
        return super().pages(stream, cursor, resume)

    refusals: dict[str, Exception]


def refusing(log, **refusals):
    source = Refusing(log)
    source.refusals = refusals
    return source


def test_a_vendor_is_described_in_its_own_group():
    """Each stream has a plain first sentence, the columns of raw, an owner, the vendor's kinds, and no parent."""
    graph = definitions().resolve_asset_graph()
    node = graph.get(PEOPLE)
    assert node.description.splitlines()[0] == "People on paper."
    assert "`profile`, `identifier`" in node.description
    assert (node.group_name, node.owners, node.kinds) == ("paper", ["team:revenue-data"], {"python"})
    assert "payload_hash" in {column.name for column in node.metadata["dagster/column_schema"].columns}
    assert not node.parent_keys


def test_a_run_lands_reads_and_checks(instance):
    """Counts become metadata, rejected records a table of reasons, and the checks say what they found."""
    SHELF["paper"] = ScriptedSource(LOG)
    result = run(instance)
    assert result.success
    made = materialization(result, PEOPLE)
    numbers = {name: value.value for name, value in made.metadata.items()}
    wanted = {
        "dagster/row_count": 2,
        "rows_landed": 2,
        "rejected": 1,
        "facts_profile": 1,
        "calls_window": 1,
        "retries": 0,
    }
    assert wanted.items() <= numbers.items()
    assert numbers["cursor"] == "read up to the last pull"
    assert "ada@" not in str(made.metadata)
    evaluations = {(check.asset_key, check.check_name): check for check in result.get_asset_check_evaluations()}
    passed = {name: evaluations[PEOPLE, name].passed for name in checks.ABOUT}
    assert passed == dict.fromkeys(checks.ABOUT, True) | {"records_make_sense": False}
    assert evaluations[PEOPLE, "records_make_sense"].severity == dg.AssetCheckSeverity.WARN


def test_a_pull_that_brings_nothing_leaves_what_rests_on_it_in_sync(instance):
    """The version of a stream's data is that of its last news, so that the graph shows no reader as behind for nothing."""

    def pulled(log):
        SHELF["paper"] = ScriptedSource(log)
        return materialization(run(instance), PEOPLE).tags["dagster/data_version"]

    first = pulled(LOG)
    assert pulled(LOG) == first
    assert pulled([*LOG, version("3", 3, name="Otto")]) != first


def test_a_release_that_reads_otherwise_leaves_what_rests_on_its_streams_behind(instance, monkeypatch):
    """Facts are out of step until the next pull has read them anew, and then the version of the stream's data is another one."""
    SHELF["paper"] = ScriptedSource(LOG)
    first = materialization(run(instance), PEOPLE).tags["dagster/data_version"]
    monkeypatch.setattr(sys.modules["connectors.paper"], "CONNECTOR", replace(PAPER, reading=2))
    connectors_by_name.cache_clear()
    connector = connectors_by_name()["paper"]
    assert not checks._in_step(Workspace.from_environment(), connector, connector.streams[0]).passed
    assert materialization(run(instance), PEOPLE).tags["dagster/data_version"] != first
    assert checks._in_step(Workspace.from_environment(), connector, connector.streams[0]).passed


def test_checks_before_any_pull_say_that_nothing_landed(instance):
    """On an empty place the cursor is missing, and the checks say so instead of breaking."""
    only_checks = dg.define_asset_job("only_checks", dg.AssetSelection.all_asset_checks())
    defs = dg.Definitions.merge(definitions(), dg.Definitions(jobs=[only_checks]))
    result = defs.resolve_job_def("only_checks").execute_in_process(instance=instance)
    failed = {check.check_name for check in result.get_asset_check_evaluations() if not check.passed}
    assert failed == {"facts_in_step", "fresh"}


def test_what_the_vendor_tells_of_itself_is_plotted(instance):
    """Quota, retries, columns and their changes, and how far behind the stream is, as numbers; names and types in a table."""
    source = ScriptedSource(LOG, told={"Name": "string", "Größe__c": "double"}, spent=Quota(used=30, allowed=100))
    SHELF["paper"] = source
    run(instance)
    source.told = {"Name": "textarea", "Owner": "reference"}
    made = materialization(run(instance), PEOPLE)
    numbers = {name: value.value for name, value in made.metadata.items()}
    wanted = {
        "quota_used": 30,
        "quota_allowed": 100,
        "quota_left": 70,
        "columns": 2,
        "schema_changes": 3,
        "schema_added": 1,
        "schema_vanished": 1,
        "schema_retyped": 1,
    }
    assert wanted.items() <= numbers.items()
    assert [record.data for record in made.metadata["changed_columns"].records] == [
        {"column": "Größe__c", "change": "vanished", "was": "double", "now": ""},
        {"column": "Name", "change": "retyped", "was": "string", "now": "textarea"},
        {"column": "Owner", "change": "added", "was": "", "now": "reference"},
    ]


def test_a_lost_column_is_a_warning(instance):
    """The check names it, and stays so on later runs in which nothing changes."""
    SHELF["paper"] = source = ScriptedSource(LOG, told={"Name": "string", "Owner": "reference"})
    assert evaluated(run(instance), "schema_drift").passed
    source.told = {"Name": "string"}
    for _ in range(2):
        check = evaluated(run(instance), "schema_drift")
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert [record.data["column"] for record in check.metadata["changed_columns"].records] == ["Owner"]


def test_a_count_that_is_missed_fails_the_check_once_it_is_sure(instance, tmp_path, monkeypatch):
    """At first what moves may explain it; an hour later it is an error with both numbers."""
    shift = tmp_path / "shift"
    monkeypatch.setenv("SIDECAR_CLOCK", str(shift))
    shift.write_text("0")
    SHELF["paper"] = ScriptedSource(LOG, counted=3)
    assert evaluated(run(instance), "nothing_missing").passed
    shift.write_text("3600")
    check = evaluated(run(instance), "nothing_missing")
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert (check.metadata["missing"].value, check.metadata["at_vendor"].value) == (1, 3)


def test_a_stream_whose_pulls_fail_goes_stale_and_the_daily_check_says_so(instance, tmp_path, monkeypatch):
    """The checks run without the pull, for vendors that have credentials."""
    shift = tmp_path / "shift"
    monkeypatch.setenv("SIDECAR_CLOCK", str(shift))
    shift.write_text("0")
    SHELF["paper"] = ScriptedSource(LOG)
    run(instance)
    assert evaluated(run(instance, "check_streams"), "fresh").passed
    shift.write_text(str(assets.STALE_AFTER.total_seconds() + 60))
    assert not evaluated(run(instance, "check_streams"), "fresh").passed
    schedule = next(one for one in automation.schedules() if one.job_name == "check_streams")
    (request,) = schedule.evaluate_tick(dg.build_schedule_context()).run_requests
    assert {(key.asset_key, key.name) for key in request.asset_check_keys} == {
        (key, name) for key in (PEOPLE, FRIENDS) for name in checks.ABOUT
    }
    monkeypatch.delenv("PAPER_KEY")
    assert schedule.evaluate_tick(dg.build_schedule_context()).skip_message


def test_a_month_is_read_once_more_as_a_partition(instance):
    """Every stream that can be read by date lands its records of that month; the others are named, and no pull loses its place."""
    SHELF["paper"] = ScriptedSource([*LOG, version("3", 40, name="Cy")], undated=frozenset({"friends"}))
    job = definitions().resolve_job_def("backfill_paper")
    result = job.execute_in_process(instance=instance, partition_key="2026-01-01")
    made = materialization(result, HISTORY)
    assert (made.partition, made.metadata["rows_landed"].value) == ("2026-01-01", 2)
    assert made.metadata["cannot_be_read_by_date"].value == "friends"
    assert [record.data["stream"] for record in made.metadata["streams"].records] == ["people"]
    with Workspace.from_environment() as workspace, Session(workspace.store) as session:
        assert session.exec(select(Cursor)).all() == []
    assert [(since, until) for _, since, until, _ in SHELF["paper"].asked_between] == [
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    ]


def test_a_busy_vendor_is_asked_again_for_a_month_and_goes_on(instance):
    """The run retries, and no page is read twice."""
    SHELF["paper"] = source = ScriptedSource(LOG, page=1, fails_after=1)
    job = definitions().resolve_job_def("backfill_paper")
    assert job.execute_in_process(instance=instance, partition_key="2026-01-01").success
    assert [resume for _, _, _, resume in source.asked_between] == [None, None, {"at": 1}, {"at": 1}]


def test_the_running_month_is_read_up_to_last_midnight(instance, tmp_path, monkeypatch):
    """An end that stays all day, so that what was interrupted is resumed."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    SHELF["paper"] = source = ScriptedSource(LOG)
    job = definitions().resolve_job_def("backfill_paper")
    month = today.replace(day=1)
    assert job.execute_in_process(instance=instance, partition_key=f"{month:%F}").success
    assert {(since, until) for _, since, until, _ in source.asked_between} == {(month, today)}


def test_history_is_on_no_schedule_and_in_no_pull():
    """Nobody reads everything again but who asks for it."""
    defs = definitions()
    with_history = {
        job.name
        for job in defs.resolve_all_job_defs()
        if HISTORY in job.asset_layer.executable_asset_keys and not job.name.startswith("__")
    }
    assert with_history == {"backfill_paper"}
    assert "backfill_paper" not in {schedule.job_name for schedule in automation.schedules()}


def test_the_vendor_is_opened_once_per_run(instance, monkeypatch):
    """All streams of a run share one login."""
    opened = Counter()

    class Shelf(dict):
        def __getitem__(self, name):
            opened[name] += 1
            return ScriptedSource(LOG)

    monkeypatch.setattr("tests.pipelines.ingest.scripted.SHELF", Shelf())
    assert run(instance).success
    assert opened == {"paper": 1}


def test_missing_credentials_name_the_variables(instance, monkeypatch):
    """Without its key the vendor fails at once, naming the variable; definitions load nevertheless."""
    monkeypatch.delenv("PAPER_KEY")
    dg.Definitions.validate_loadable(definitions())
    found = failures(run(instance))
    assert found.keys() == {"paper__people", "paper__friends"}
    for failure in found.values():
        assert "PAPER_KEY" in failure.description


def test_one_failing_stream_stops_no_other(instance):
    """A stream that the vendor refuses fails with the reason, and its neighbour lands."""
    SHELF["paper"] = refusing(LOG, people=Fatal("no permission to read people", vendor="paper"))
    result = run(instance)
    assert {event.asset_key for event in result.get_asset_materialization_events()} == {FRIENDS}
    (failure,) = failures(result).values()
    assert "no permission" in failure.description


def test_refused_credentials_are_tried_once(instance):
    """After a refused login the vendor's other streams fail with the same words, without another attempt."""
    refusal = Fatal("the key was revoked", vendor="paper", credentials=True)
    SHELF["paper"] = source = refusing(LOG, people=refusal, friends=refusal)
    found = failures(run(instance))
    assert len(found) == 2
    assert source.calls.total() == 1


def test_a_busy_vendor_is_asked_again_within_the_run(instance):
    """A retryable error is retried after the seconds that the vendor named, from the last staged page."""
    SHELF["paper"] = source = ScriptedSource(LOG, page=1, fails_after=1)
    result = run(instance)
    assert result.success
    assert source.asked == [(None, None)] * 2 + [(None, {"at": 1, "left": 1})] * 2


def test_a_vendor_that_wants_a_long_wait_ends_the_run_with_its_state_kept(instance):
    """A wait beyond what a run may be held for is left to the next scheduled run."""
    SHELF["paper"] = refusing(LOG, people=Retryable("daily limit reached", after=7200, vendor="paper"))
    (failure,) = failures(run(instance)).values()
    assert "wait 7200 s" in failure.description


def test_a_vendor_that_is_away_holds_the_run_once_and_not_per_stream(instance, monkeypatch):
    """When the run has waited long enough in all, the streams that are left fail at once, without asking."""
    monkeypatch.setattr(assets, "LONGEST_WAIT", assets.TRIED + 1)
    away = Retryable("no answer", after=0, vendor="paper")
    SHELF["paper"] = source = refusing(LOG, people=away, friends=away)
    found = failures(run(instance))
    assert len(found) == 2
    assert {"waits no longer" in failure.description for failure in found.values()} == {True}
    assert source.calls.total() == 2


def test_a_vendor_whose_door_cannot_be_reached_is_tried_once(instance, monkeypatch):
    """The other streams fail with the same words; the next run tries again."""
    tried = []

    class Away(dict):
        def __getitem__(self, name):
            tried.append(name)
            raise Retryable("cannot reach the host", after=60, vendor=name)

    monkeypatch.setattr("tests.pipelines.ingest.scripted.SHELF", Away())
    found = failures(run(instance))
    assert {"cannot reach the host" in failure.description for failure in found.values()} == {True}
    assert tried == ["paper"]


def test_a_stream_that_is_being_pulled_elsewhere_says_so(instance):
    """A second run does not wait; it names the stream."""
    SHELF["paper"] = ScriptedSource(LOG)
    with claim(Workspace.from_environment().staging, "paper", "acct", "people"):
        (failure,) = failures(run(instance)).values()
    assert "paper/people" in failure.description


def test_the_schedule_runs_and_skips_with_the_reason(monkeypatch):
    """Each vendor has a running schedule that skips, naming the variable, while credentials are missing."""
    schedule = next(one for one in automation.schedules() if one.job_name == "pull_paper")
    assert (schedule.cron_schedule, schedule.default_status) == ("0 * * * *", dg.DefaultScheduleStatus.RUNNING)
    with Workspace.from_environment() as workspace:
        context = dg.build_schedule_context(resources={"workspace": workspace})
        assert len(schedule.evaluate_tick(context).run_requests) == 1
        monkeypatch.delenv("PAPER_KEY")
        assert "PAPER_KEY" in schedule.evaluate_tick(context).skip_message


def test_upkeep_joins_small_files(instance):
    """The nightly job leaves one file per table and the same rows."""
    SHELF["paper"] = ScriptedSource(LOG, page=1, window=1)
    run(instance)
    assert run(instance, "compact_lake").success
    lake = Workspace.from_environment().lake
    assert len(lake.tables.find("raw/paper/people").file_uris()) == 1
    assert lake.last_batch("paper", "people") == 2
    assert lake.facts(Profile).count().to_pyarrow().as_py() == 2


def look(instance):
    """What the vendor's sensor does now."""
    (sensor,) = automation.sensors()
    assert (sensor.default_status, sensor.minimum_interval_seconds) == (dg.DefaultSensorStatus.RUNNING, 30)
    with Workspace.from_environment() as workspace:
        context = dg.build_sensor_context(instance, resources={"workspace": workspace})
        return sensor.evaluate_tick(context)


def say(*ids, stream="people", at=1):
    with Workspace.from_environment() as workspace:
        mark(workspace.store, "paper", [Notice(stream, one) for one in ids], NOW + timedelta(seconds=at))


def test_what_a_vendor_says_starts_its_pull_soon(instance):
    """Of the streams it spoke of only, and once; then nothing until it speaks again."""
    assert "said nothing" in look(instance).skip_message
    say("1")
    (request,) = look(instance).run_requests
    assert request.asset_selection == [PEOPLE]
    SHELF["paper"] = ScriptedSource([], now={"1": LOG[0]})
    job = definitions().resolve_job_def("pull_paper")
    result = job.execute_in_process(instance=instance, asset_selection=request.asset_selection)
    assert [event.asset_key for event in result.get_asset_materialization_events()] == [PEOPLE]
    assert "said nothing" in look(instance).skip_message
    with Workspace.from_environment() as workspace:
        assert workspace.lake.census("paper", "people").records == 1


def test_the_same_news_starts_one_run_and_later_news_another(instance):
    """So a pull that fails is not started for ever: Dagster runs a key once."""
    say("1")
    first = look(instance).run_requests[0].run_key
    assert look(instance).run_requests[0].run_key == first
    say("2", stream="friends", at=2)
    (request,) = look(instance).run_requests
    assert request.run_key != first
    assert set(request.asset_selection) == {PEOPLE, FRIENDS}


def test_a_vendor_that_is_being_pulled_is_not_pulled_twice(instance):
    """Whoever started that run; when it has ended, the rest is pulled."""
    SHELF["paper"] = ScriptedSource(LOG)
    tags = run(instance).dagster_run.tags
    say("1")
    job = definitions().resolve_job_def("pull_paper")
    under_way = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=tags)
    assert "is being pulled" in look(instance).skip_message
    instance.report_run_canceled(under_way)
    assert look(instance).run_requests


def test_a_vendor_without_credentials_is_not_looked_at(instance, monkeypatch):
    """The reason names the variable."""
    say("1")
    monkeypatch.delenv("PAPER_KEY")
    assert "PAPER_KEY" in look(instance).skip_message
