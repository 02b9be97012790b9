"""Pulls, sweeps, counts and judges the count in a process of its own and prints what of Ibis it has loaded."""

import sys
from datetime import timedelta
from pathlib import Path

from tests.pipelines.ingest.scripted import Place, ScriptedSource, version
from tests.pipelines.ingest.sweeping import SweepingSource

if __name__ == "__main__":
    place = Place(Path(sys.argv[1]))
    log = [version(str(number), number, name=f"N{number}") for number in range(1, 5)]
    assert place.pull(ScriptedSource(log, counted=5)).facts["profile"] == 4
    place.clock.advance(timedelta(days=1))
    assert place.pull(SweepingSource(log[1:], counted=3)).rows == 1
    print(*[name for name in sys.modules if name.split(".")[0] in ("ibis", "sqlglot")])  # noqa: T201
