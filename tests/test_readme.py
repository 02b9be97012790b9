"""The README keeps its word: its commands exist and are run, its vendors, variables and rooms are those that there are.

So does what docs/operating.md says of jobs and their times.
"""

import re
from importlib import import_module
from pathlib import Path

from typer.main import get_command

from connectors.base import Connector
from connectors.registry import connectors_by_name
from pipelines.definitions import build
from service.commands import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
OPERATING = (ROOT / "docs/operating.md").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()
TESTED = (ROOT / "tests/test_story.py").read_text() + (ROOT / ".ci/run").read_text()


def commands() -> set[str]:
    """First words of every `uv run sidecar X` in the README's shell blocks."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
    return set(re.findall(r"^uv run sidecar (\w+)", blocks, flags=re.MULTILINE))


def row(connector: Connector) -> str:
    """The vendor's row in the README's table, as the registry knows it."""
    streams = ", ".join(stream.name.replace("_", " ") for stream in connector.streams)
    credentials = ", ".join(f"`{connector.settings.variable(name)}`" for name in connector.settings.required())
    return f"| {connector.label} | {streams} | {written(connector)} | {credentials} |"


def written(connector: Connector) -> str:
    """Which fields of which objects the vendor takes from us."""
    if connector.open_crm is None:
        return "nothing"
    subjects = import_module(f"connectors.{connector.name}.fields").SUBJECTS
    objects = ", ".join(name for names in subjects.values() for name in names)
    return f"fields `{connector.settings.model_fields['field_prefix'].default}…` of {objects}"


def test_the_table_of_vendors_is_the_registry():
    """Each vendor has its row: what is read, what is written, and what it needs."""
    head = "| vendor | what is read | what is written | credentials |\n|---|---|---|---|\n"
    table = head + "\n".join(row(connector) for connector in connectors_by_name().values())
    assert f"<!-- vendors -->\n{table}\n<!-- /vendors -->" in README, f"the table must read:\n{table}"


def test_every_vendor_says_how_to_get_its_credentials():
    """Each has a paragraph under "Your own accounts", and each of its variables a place in the example."""
    accounts = README.partition("## Your own accounts")[2].partition("\n## ")[0]
    for connector in connectors_by_name().values():
        assert f"* **{connector.label}**: " in accounts
        for name in connector.settings.required():
            assert f"\n{connector.settings.variable(name)}=" in EXAMPLE


def test_every_variable_of_ours_that_is_named_stands_in_the_example():
    """What the README tells people to set is explained where they set it."""
    named = set(re.findall(r"SIDECAR_[A-Z_]*[A-Z]", README))
    assert named
    assert {name for name in named if f"{name}=" not in EXAMPLE} == set()


def test_the_table_of_jobs_is_what_runs():
    """Every schedule has its row, with its time in UTC, and no row is of a job that is not."""
    told = dict(re.findall(r"^\| `(\w+)` \| ([\d:]+) \|", OPERATING, flags=re.MULTILINE))
    runs = {one.job_name: one.cron_schedule.split()[:2] for one in build().schedules or []}
    assert told == {job: f"{'' if hour == '*' else f'{hour:0>2}'}:{minute:0>2}" for job, (minute, hour) in runs.items()}


def test_every_sidecar_command_of_the_readme_exists_and_is_run_by_the_story():
    """What the front door promises is exercised end to end."""
    assert commands()
    for command in commands():
        assert command in get_command(app).commands, command
        assert f'"{command}"' in TESTED, command


def test_every_make_target_of_the_readme_exists():
    """`make X` in the README is a target of the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"^make ([\w-]+)", README, flags=re.MULTILINE)) <= targets


def test_every_room_of_the_table_exists():
    """The table of rooms is the tree."""
    for room in re.findall(r"^\| `([\w/.]+)` \|", README, flags=re.MULTILINE):
        assert (ROOT / room).exists(), room


def test_every_command_is_named_in_the_readme():
    """No command is a secret, except the ones `make` calls."""
    named = set(re.findall(r"sidecar (\w+)", README))
    assert set(get_command(app).commands) - named <= {"sandbox", "demo"}


def test_pictures_are_there():
    """Every picture that the README shows lies in the repository."""
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README):
        assert (ROOT / picture).exists(), picture
