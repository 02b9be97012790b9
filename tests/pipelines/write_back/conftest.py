from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.pipelines.write_back.desk import Desk


@pytest.fixture
def new_desk(tmp_path: Path) -> Callable[[], Desk]:
    """Makes desks: a provisioned CRM and an empty store each."""
    numbers = count()

    def make() -> Desk:
        folder = tmp_path / f"desk{next(numbers)}"
        folder.mkdir()
        return Desk(folder)

    return make


@pytest.fixture
def desk(new_desk) -> Desk:
    """A provisioned CRM and an empty store."""
    return new_desk()
