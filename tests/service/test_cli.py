"""The command as a process: how it starts and how it leaves."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.test_story import SIDECAR


def test_a_command_ends_with_its_answer_and_nothing_else():
    """No library has the last word; a mistake is still told on the error stream, with its exit code."""
    told = subprocess.run([SIDECAR, "--help"], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "doctor" in told.stdout
    mistaken = subprocess.run([SIDECAR, "no-such-command"], check=False, capture_output=True, text=True)
    assert mistaken.returncode == 2
    assert "no-such-command" in mistaken.stderr
    assert "nanobind" not in mistaken.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_answer_that_cannot_be_written_is_an_error():
    """A full disk leaves no half of a list that looks like the whole."""
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [SIDECAR, "--help"],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
        )
    assert told.returncode != 0
    assert "No space left on device" in told.stderr
