"""People are told once when something begins to fail, and once when it works again."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    TickData,
    TickStatus,
)
from dagster._utils.error import SerializableErrorInfo
from pydantic import ValidationError
from sqlalchemy import Engine

from pipelines.alerts.automation import alerts, looked
from pipelines.alerts.changes import Look, note, tell
from pipelines.alerts.channels import channels
from pipelines.alerts.settings import AlertSettings
from pipelines.run import instance_in
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.alerts.receivers import Hook, Post, hook, post
from tests.stores import new_store

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DOWN = {"job pull_hubspot": Look(failing=True, about="1 of 3 steps failed (hubspot/deals), run r1")}
UP = {"job pull_hubspot": Look(failing=False)}


@pytest.fixture
def store(tmp_path: Path) -> Engine:
    """An empty store."""
    return new_store(tmp_path)


@pytest.fixture
def slack() -> Iterator[Hook]:
    """A webhook that is listening."""
    with hook() as taken:
        yield taken


@pytest.fixture
def mail() -> Iterator[Post]:
    """A mail server that is listening."""
    with post() as taken:
        yield taken


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """Dagster with a storage for schedules."""
    (tmp_path / "dagster").mkdir()
    with instance_in(tmp_path / "dagster") as opened:
        yield opened


def ways(slack: Hook | None = None, mail: Post | None = None):
    more = {"smtp_host": "127.0.0.1", "smtp_port": mail.port, "smtp_security": "none"} if mail else {}
    settings = AlertSettings(
        webhook_url=slack.url if slack else None, mail_from="sidecar@example.com", mail_to="ops@example.com, it@example.com", **more
    )  # fmt: skip
    return channels(settings)


def at(store: Engine, looks, minutes: int, *through) -> int:
    now = NOW + timedelta(minutes=minutes)
    note(store, looks, now)
    return tell(store, through, now)


def test_a_failure_is_told_once_and_so_is_its_end(store, slack):
    """However often it is looked at, and by however many processes one after the other."""
    (way,) = ways(slack)
    for minute, looks in enumerate([UP, DOWN, DOWN, DOWN, UP, UP]):
        at(store, looks, minute, way)
    assert slack.texts == [
        "crm-sidecar: 1 failing\nFAILING since 2026-11-02 09:31 UTC, job pull_hubspot: 1 of 3 steps failed (hubspot/deals), run r1",
        "crm-sidecar: 1 working again\nWORKING AGAIN since 2026-11-02 09:34 UTC, job pull_hubspot",
    ]


def test_what_a_receiver_does_not_take_waits_for_it(store, slack, mail, caplog):
    """The others have it at once and only once; neither address nor path of the webhook is logged."""
    slack.status = 503
    both = ways(slack, mail)
    with caplog.at_level(logging.DEBUG):
        assert at(store, DOWN, 0, *both) == 1
        assert at(store, DOWN, 1, *both) == 0
    assert "1 alerts wait: the webhook answered 503" in caplog.text
    assert "secret-of-the-channel" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("pipelines")
    )
    slack.status = 200
    assert at(store, UP, 2, *both) == 2
    assert len(slack.texts) == 1
    assert slack.texts[0].startswith("crm-sidecar: 1 failing, 1 working again\n")
    assert len(mail.letters) == 2


def test_nobody_is_told_of_what_is_a_day_old(store, slack):
    """A receiver that comes back after a weekend is not flooded."""
    note(store, DOWN, NOW)
    assert tell(store, ways(slack), NOW + timedelta(days=2)) == 0


def test_a_letter_has_everybody_in_it(store, mail):
    """Subject, recipients and one line a change."""
    at(store, DOWN, 0, *ways(mail=mail))
    (letter,) = mail.letters
    assert (letter["Subject"], letter["To"]) == ("crm-sidecar: 1 failing", "ops@example.com, it@example.com")
    assert "job pull_hubspot: 1 of 3 steps failed" in letter.get_payload(decode=True).decode()


def test_a_mail_server_that_refuses_or_is_away_is_asked_again(store, mail):
    """Refused recipients and a dead port are no traceback."""
    mail.refuses = {"ops@example.com", "it@example.com"}
    assert at(store, DOWN, 0, *ways(mail=mail)) == 0
    away = Post(port=9)
    assert at(store, DOWN, 1, *ways(mail=away)) == 0
    mail.refuses = set()
    assert at(store, DOWN, 2, *ways(mail=mail)) == 1


def test_slack_reads_no_markup_in_a_name(store, slack):
    """`<!channel>` in a name calls nobody."""
    at(store, {"check x: <!channel> & co": Look(failing=True)}, 0, *ways(slack))
    assert "&lt;!channel&gt; &amp; co" in slack.texts[0]


def test_settings_that_cannot_work_are_refused_without_their_secrets():
    """A server without recipients, a password on an open line."""
    with pytest.raises(ValidationError, match="MAIL_TO"):
        AlertSettings(smtp_host="smtp.example.com")
    with pytest.raises(ValidationError, match="open line") as error:
        AlertSettings(
            smtp_host="smtp.example.com", mail_from="a@example.com", mail_to="b@example.com", smtp_security="none",
            smtp_user="a", smtp_password="hunter2",
        )  # fmt: skip
    assert "hunter2" not in str(error.value)
    assert channels(AlertSettings()) == []


@dg.asset
def words() -> int:
    """Fails with a customer's words in its message, for as long as the file says so."""
    if not Path("works").exists():
        raise ValueError("Dana says the price is too high")
    return 1


@dg.asset_check(asset=words, blocking=False)
def enough() -> dg.AssetCheckResult:
    """Fails until it is told otherwise."""
    return dg.AssetCheckResult(passed=Path("enough").exists(), severity=dg.AssetCheckSeverity.ERROR)


JOB = dg.define_asset_job("read_words", [words])
HOURLY = dg.ScheduleDefinition(job=JOB, cron_schedule="0 * * * *", default_status=dg.DefaultScheduleStatus.RUNNING)
DEFS = dg.Definitions(
    assets=[words], asset_checks=[enough], jobs=[JOB], schedules=[HOURLY], executor=dg.in_process_executor
)


def test_the_sensor_sees_runs_and_checks_change(tmp_path, monkeypatch, instance, slack):
    """A failed run and a failed check, told without the customer's words; both work again after the next run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIDECAR_ALERT_WEBHOOK_URL", slack.url)
    with Workspace(WorkspaceSettings(home=tmp_path)) as workspace:

        def run() -> str:
            DEFS.resolve_job_def("read_words").execute_in_process(instance=instance, raise_on_error=False)
            context = dg.build_sensor_context(instance=instance, definitions=DEFS, resources={"workspace": workspace})
            return str(alerts(context).skip_message)

        assert run().endswith("1 changed, 1 messages sent")
        assert "job read_words: 1 of 1 steps failed (words), run " in slack.texts[0]
        Path("works").touch()
        assert run().endswith("2 changed, 1 messages sent")
        assert "WORKING AGAIN since" in slack.texts[1]
        assert "UTC, check words: enough: run " in slack.texts[1]
        Path("enough").touch()
        assert run().endswith("1 changed, 1 messages sent")
        assert slack.texts[2].endswith("check words: enough")
        assert run().endswith("0 changed, 0 messages sent")
    assert "too high" not in "".join(slack.texts)


@pytest.mark.parametrize(
    ("tick_at", "status", "failing"),
    [
        (None, None, True),
        (datetime(2026, 11, 2, 9, tzinfo=UTC), TickStatus.SKIPPED, False),
        (datetime(2026, 11, 2, 8, tzinfo=UTC), TickStatus.SUCCESS, True),
        (datetime(2026, 11, 2, 9, tzinfo=UTC), TickStatus.FAILURE, True),
    ],
)
def test_a_schedule_that_does_not_begin_is_a_failure(instance, tick_at, status, failing):
    """Hourly, half past nine: it was due at nine; one that found nothing to do has begun."""
    repository = DEFS.get_repository_def()
    origin = remote_origin(HOURLY.name)
    started = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    state = InstigatorState(
        origin, InstigatorType.SCHEDULE, InstigatorStatus.RUNNING, ScheduleInstigatorData("0 * * * *", started)
    )
    instance.add_instigator_state(state)
    if tick_at:
        instance.create_tick(
            TickData(
            state.instigator_origin_id, HOURLY.name, InstigatorType.SCHEDULE, status, tick_at.timestamp(),
            run_ids=["r"] if status == TickStatus.SUCCESS else None,
            error=SerializableErrorInfo("no", [], None) if status == TickStatus.FAILURE else None,
            selector_id=state.selector_id,
        )
        )  # fmt: skip
    look = dict(looked(instance, repository, NOW))[f"schedule {HOURLY.name}"]
    assert look.failing == failing
    if tick_at is None:
        assert look.about == "it was due at 2026-11-02 09:00 UTC and did not begin"


def remote_origin(name: str):
    from dagster._core.remote_origin import (  # as long to import as the test takes
        InProcessCodeLocationOrigin,
        RemoteInstigatorOrigin,
        RemoteRepositoryOrigin,
    )
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

    where = InProcessCodeLocationOrigin(LoadableTargetOrigin(module_name="tests"), location_name="here")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(where, "__repository__"), name)
