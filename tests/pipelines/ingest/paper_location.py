"""A code location of the whole product whose only vendor is on paper; Dagster's own processes load it. SIDECAR_HOME says where it works."""

import os
from pathlib import Path

import connectors
import connectors.countries  # while its folder is still found
import connectors.registry
from tests.pipelines.ingest.scripted import SHELF, ScriptedSource, version

LOG = [version(str(n), n, name=f"name {n}") for n in range(300)]
VENDORS = Path(os.environ["SIDECAR_HOME"]) / "vendors"

(VENDORS / "paper").mkdir(parents=True, exist_ok=True)
(VENDORS / "paper" / "__init__.py").write_text("from tests.pipelines.ingest.scripted import PAPER as CONNECTOR\n")
connectors.__path__ = [str(VENDORS)]
SHELF["paper"] = ScriptedSource(LOG, page=10, undated=frozenset({"friends"}))

from pipelines.definitions import defs  # noqa: E402, F401  # the registry looks when it is imported
