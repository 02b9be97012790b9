"""Other people's connectors, from PyPI, each in an environment of its own, reading the same rows from the same server.

Their hosts are written into them (https://api.stripe.com and so on), so `tap.py` and `rest.py`, which run inside their environments,
send everything to the server instead. That is harness, nothing of them is changed. A tap writes its messages to a file, as it would
into a target's input; dlt extracts into its own files and loads nothing. Both are what `pull` is of ours: landing is left out.
"""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.pull.rows import DAYS, MAKERS, NOW

HERE = Path(__file__).parent
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crm-sidecar-peers"
START = f"{NOW - timedelta(days=DAYS + 1):%Y-%m-%dT%H:%M:%SZ}"
UV = os.environ.get("UV", "uv")
"""`uv run` says where it lies itself (https://docs.astral.sh/uv/reference/environment/#uv), for it need not be on the path."""
LONGEST = 240.0  # seconds that a peer may take
NOT_RUN: dict[str, str] = {}
"""Peers that gave no figures, and why."""

SECRETS = {
    "client_id": "id",
    "client_secret": "secret",
    "refresh_token": "token",
    "redirect_uri": "https://localhost",
    "access_token": "token",
}
CONFIGS: dict[str, dict[str, Any]] = {
    "salesforce": {"api_type": "REST", "select_fields_by_default": True},
    "hubspot": {},
    "stripe": {"account_id": "acct_bench", "client_secret": "sk_test_bench", "date_window_size": 2 * DAYS},
    # a report of each day, begun 28 days before the start
    "meta_ads": {
        "account_id": "17",
        "insights_buffer_days": 28,
        "start_date": f"{NOW - timedelta(days=DAYS - 28):%Y-%m-%dT00:00:00Z}",
        "result_return_limit": 500,
    },
}


@dataclass(frozen=True)
class Peer:
    """One package in one version, and the program of ours that runs it."""

    vendor: str
    package: str
    version: str
    runner: str

    @property
    def title(self) -> str:
        """As tables show it."""
        return f"{self.package.split('[')[0]} {self.version}"

    def run(self, place: str, folder: Path) -> dict[str, Any] | None:
        """What it took; None where it did not run, and then `NOT_RUN` says why."""
        try:
            python = self._environment()
            with tempfile.TemporaryDirectory(dir=folder) as home:
                (Path(home) / "config.json").write_text(
                    json.dumps({"start_date": START, **SECRETS, **CONFIGS.get(self.vendor, {})})
                )
                (Path(home) / "row.json").write_text(json.dumps(MAKERS[self.vendor](0, NOW, "")))
                command = [str(python), str(HERE / self.runner), self.vendor, place, home]
                done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONGEST, cwd=home)
                told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        except (subprocess.SubprocessError, OSError, LookupError, ValueError) as error:
            last = (getattr(error, "stderr", None) or "").strip().splitlines()[-1:]
            NOT_RUN[f"{self.title} for {self.vendor}"] = last[0][:200] if last else type(error).__name__
            return None
        return told | {"land_cpu_s": 0.0, "land_wall_s": 0.0}

    def _environment(self) -> Path:
        home = CACHE / f"{self.package.split('[')[0]}-{self.version}"
        python = home / "bin" / "python"
        if not (home / "whole").exists():
            for command in (
                [UV, "venv", "--quiet", "--clear", "--python", "3.11", str(home)],
                [UV, "pip", "install", "--quiet", "--python", str(python), f"{self.package}=={self.version}"],
            ):
                subprocess.run(command, check=True, capture_output=True, text=True, timeout=LONGEST)
            (home / "whole").touch()
        return python


PEERS = (
    Peer("salesforce", "tap-salesforce", "2.8.1", "tap.py"),
    Peer("hubspot", "tap-hubspot", "4.5.0", "tap.py"),
    Peer("stripe", "tap-stripe", "3.3.0", "tap.py"),
    Peer("meta_ads", "tap-facebook", "1.26.0", "tap.py"),
    *(Peer(name, "dlt[parquet]", "1.31.0", "rest.py") for name in MAKERS),
)


def of(vendor: str) -> list[Peer]:
    """The peers that read this vendor."""
    return [peer for peer in PEERS if peer.vendor == vendor]
