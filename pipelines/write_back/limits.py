"""When the write-back stops by itself, and which money it may show."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Limits(BaseSettings):
    """Variables that start with SIDECAR_WRITE_BACK_; shares are between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_WRITE_BACK_", extra="ignore", env_ignore_empty=True)

    max_changed_share: float = Field(default=0.5, ge=0, le=1)
    """A plan that changes more than this share of the records already written is stopped: new words never touch half of all
    customers at once, a broken stitch does. First-time records do not count, so a first run never stops."""
    max_failed_share: float = Field(default=0.2, ge=0, le=1)
    """A delivery of which more than this share of records failed stops before the next batch."""
    min_records: int = Field(default=100, ge=1)
    """Below this many records a share says nothing, and neither breaker looks."""
    currency: str | None = Field(default=None, pattern="^[a-z]{3}$")
    """Currency of the CRM's money fields, ISO 4217 in lower case, for a CRM whose deals and payments name several or none."""
