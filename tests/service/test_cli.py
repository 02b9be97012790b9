"""The command as a process: how it starts and how it leaves."""

import subprocess
import sys
from pathlib import Path

SIDECAR = Path(sys.executable).parent / "sidecar"


def test_a_command_ends_with_its_answer_and_nothing_else():
    """No library has the last word; a mistake is still told on the error stream, with its exit code."""
    told = subprocess.run([SIDECAR, "--help"], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert "doctor" in told.stdout
    mistaken = subprocess.run([SIDECAR, "no-such-command"], check=False, capture_output=True, text=True)
    assert mistaken.returncode == 2
    assert "no-such-command" in mistaken.stderr
    assert "nanobind" not in mistaken.stderr
