"""An older store is brought up to date with what it holds."""

from datetime import UTC, datetime
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, MetaData, Table, create_engine, insert, text
from sqlmodel import SQLModel

import models
from models.store import NEWEST, REVISIONS, open_store, upgrade

KEPT = {
    "observation_id": "o",
    "text_hash": "h",
    "prompt": "p",
    "schema_hash": "s",
    "model": "embedded-2",
    "status": "ok",
    "claims": 3,
}

SOME_TIME = datetime(2026, 11, 2, 9, tzinfo=UTC)


def migrate(engine: Engine, revision: str, *, down: bool = False) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)


def test_the_newest_version_is_the_one_that_alembic_moves_to():
    """Opening a store looks at the names of the scripts alone."""
    config = Config()
    config.set_main_option("script_location", str(Path(models.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == NEWEST


def test_a_reading_of_the_first_version_keeps_what_it_says(tmp_path):
    """Readings so far were the embedded extractor's, which cost nothing; there and back again loses none of them."""
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(engine, "0001")
    with engine.begin() as connection:
        extraction = Table("extraction", MetaData(), autoload_with=connection)
        connection.execute(insert(extraction).values(**KEPT, tokens=0, extracted_at=SOME_TIME))
    upgrade(engine)
    with engine.begin() as connection:
        row = dict(connection.execute(text("select * from extraction")).mappings().one())
    assert KEPT.items() <= row.items()
    assert (row["tokens_in"], row["tokens_out"], row["cost_microusd"]) == (0, 0, 0)
    migrate(engine, "0001", down=True)
    with engine.begin() as connection:
        assert connection.execute(text("select claims, tokens from extraction")).one() == (3, 0)


def test_a_store_of_the_first_version_is_recognised(tmp_path):
    """It kept its revision under Alembic's own name; what it holds is still there after the upgrade, and after a second one."""
    engine = create_engine(f"sqlite:///{tmp_path / 'store.db'}")
    migrate(engine, "0001")
    with engine.begin() as connection:
        connection.execute(text(f"alter table {REVISIONS} rename to alembic_version"))
        extraction = Table("extraction", MetaData(), autoload_with=connection)
        connection.execute(insert(extraction).values(**KEPT, tokens=0, extracted_at=SOME_TIME))
    for _ in range(2):
        upgrade(engine)
        with engine.begin() as connection:
            assert connection.execute(text("select claims from extraction")).one() == (3,)


def test_the_schema_is_that_of_the_models(tmp_path):
    """Whoever changes a model writes the migration."""
    engine = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    with engine.connect() as connection:
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"version_table": REVISIONS}), SQLModel.metadata
            )
            == []
        )
