import pytest

from tests.pipelines.ingest.scripted import Place


@pytest.fixture
def place(tmp_path) -> Place:
    """An empty lake and store."""
    return Place(tmp_path)
