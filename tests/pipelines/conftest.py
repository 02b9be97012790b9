"""The office that tests of whole runs share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipelines.office import Office, open_office


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Three vendors with credentials, in an empty folder."""
    yield from open_office(tmp_path, monkeypatch)
