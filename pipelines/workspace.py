"""Where the data lives: the folder, lake, store and clock that assets and doors share."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import Engine

from connectors.base import Source
from connectors.errors import Fatal
from models.clock import Clock, clock_from
from models.store import open_store
from pipelines.ingest.lake import Lake


class WorkspaceSettings(BaseSettings):
    """Variables that start with SIDECAR_; everything has a default that works on a fresh machine."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_", extra="ignore", env_ignore_empty=True)

    home: Path = Path(".sidecar")
    lake: str | None = None
    database_url: SecretStr | None = None
    engine: str = "duckdb"
    currency: str | None = None
    rates: Path | None = None
    clock: str | None = None


@dataclass(frozen=True)
class Workspace:
    """One place of work; lake and store are opened on first use and brought up to date, and closed at the end of a `with` block."""

    settings: WorkspaceSettings

    @classmethod
    def from_environment(cls) -> "Workspace":
        """The workspace that the environment describes."""
        return cls(WorkspaceSettings())

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        """Give the store's connections back: PostgreSQL has a hundred for everybody."""
        if "store" in self.__dict__:
            self.store.dispose()

    @cached_property
    def lake(self) -> Lake:
        """The Delta tables. LakeError for a URL or engine that cannot be used."""
        return Lake.open(self.settings.lake or str(self.settings.home / "lake"), engine=self.settings.engine)

    @cached_property
    def store(self) -> Engine:
        """The database, migrated. StoreError for a URL that cannot be used."""
        url = self.settings.database_url
        return open_store(url.get_secret_value() if url else f"sqlite:///{self.settings.home / 'store.db'}")

    @cached_property
    def clock(self) -> Clock:
        """The one clock."""
        return clock_from(self.settings.clock)

    @cached_property
    def sources(self) -> dict[str, Source | Fatal]:
        """Vendor accounts that are open, or how they refused us: one login serves all streams, and is tried once."""
        return {}

    @cached_property
    def waited(self) -> defaultdict[str, float]:
        """Seconds that this run has waited for each vendor."""
        return defaultdict(float)

    @property
    def staging(self) -> Path:
        """Folder where pages wait until their window is complete."""
        return self.settings.home / "staging"
