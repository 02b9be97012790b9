"""The README keeps its word: its commands exist and are run, its tree is the tree, its figures are the benchmark's."""

import re
from pathlib import Path

from typer.main import get_command

from service.commands import app

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TESTED = (ROOT / "tests/test_story.py").read_text() + (ROOT / ".ci/run").read_text()


def commands() -> set[str]:
    """First words of every `uv run sidecar X` in the README's shell blocks."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL))
    return set(re.findall(r"^uv run sidecar (\w+)", blocks, flags=re.MULTILINE))


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
