import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from models.store import open_store
from tests.pipelines.write_back.desk import Desk


@pytest.fixture(scope="session")
def new_desk(tmp_path_factory) -> Callable[[], Desk]:
    """Makes desks: a provisioned CRM and an empty store each."""
    template = tmp_path_factory.mktemp("template") / "store.db"
    open_store(f"sqlite:///{template}").dispose()

    def make() -> Desk:
        folder: Path = tmp_path_factory.mktemp("desk")
        shutil.copy(template, folder / "store.db")
        return Desk(folder)

    return make


@pytest.fixture
def desk(new_desk) -> Desk:
    """A provisioned CRM and an empty store."""
    return new_desk()
