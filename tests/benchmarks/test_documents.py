"""Many texts, read with the embedded extractor, through every interruption."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from benchmarks.documents import counted, plant, run, texts
from models import Evidence
from models.store import open_store, transaction
from pipelines.ingest.lake import Lake

ROOT = Path(__file__).parents[2]
DOCUMENTS = 200
PATIENCE_S = 300


def evidence(store: Engine) -> set[tuple[str, str, str]]:
    with transaction(store) as session:
        return {(row.id, row.statement, row.quote) for row in session.exec(select(Evidence)).all()}


def killed_at(file: Path, readings: int) -> None:
    """Start the run in a process of its own and kill it once that many readings are kept."""
    command = [sys.executable, "-m", "benchmarks", "documents", f"--documents={DOCUMENTS}", f"--store={file}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    store, end = open_store(f"sqlite:///{file}"), time.monotonic() + PATIENCE_S
    while counted(store)[0] < readings and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    process.kill()
    process.wait()
    store.dispose()


def test_no_two_texts_are_alike():
    """A benchmark of a cold cache meets every text for the first time."""
    assert len({text for _, _, text in texts(range(500))}) == 500


@pytest.mark.slow
def test_killed_twice_it_finishes_exactly(tmp_path):
    """What two kills leave behind, finished, is what a run without any would have made; nothing is read twice."""
    file = tmp_path / "killed.db"
    plant(open_store(f"sqlite:///{file}"), DOCUMENTS)
    for readings in (DOCUMENTS // 4, DOCUMENTS // 2):
        killed_at(file, readings)
    broken, whole = open_store(f"sqlite:///{file}"), open_store("sqlite:///:memory:")
    before = counted(broken)[0]
    assert before >= DOCUMENTS // 2
    assert run(broken, Lake.open(str(tmp_path / "lake"))).cached == before
    plant(whole, DOCUMENTS)
    run(whole, Lake.open(str(tmp_path / "lake")))
    assert counted(broken)[0] == counted(whole)[0] == DOCUMENTS
    assert evidence(broken) == evidence(whole) != set()
