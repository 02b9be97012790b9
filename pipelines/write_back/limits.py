"""When the write-back stops by itself, whom it asks, what it may write over, and which money it may show."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from connectors.base import Policy
from pipelines.write_back.fields import FIELDS

PLAN_LASTS = timedelta(days=1)
"""A plan is not applied later than this: whoever has opted out or changed jobs since would be written as of yesterday."""
TRIED_AGAIN = timedelta(days=7)
"""A row that was refused for good is tried again after a week, for a rule or a Flow may have changed, which no description tells."""


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
    canary: int = Field(default=20, ge=0)
    """So many records of each kind of object are delivered, read back and judged before the rest; 0 turns it off."""
    canary_above: int = Field(default=1_000, ge=0)
    """Records of one kind in a plan, above which it sends a canary ahead."""
    approval: Annotated[frozenset[str], NoDecode] = frozenset()
    """CRMs whose plans wait until somebody has approved them: `salesforce,hubspot`."""
    policy: dict[str, Policy] = Field(default_factory=dict)
    """Fields that may be written otherwise than `fields.py` says: `{"acquisition_source": "only_if_empty"}`."""
    keep_days: int = Field(default=90, ge=1)
    """What became of writes is kept so long, and undone no later; the newest of every field stays."""
    currency: str | None = Field(default=None, pattern="^[a-z]{3}$")
    """Currency of the CRM's money fields, ISO 4217 in lower case, for a CRM whose deals and payments name several or none."""

    @field_validator("approval", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """Take names with commas between them."""
        return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value

    @field_validator("policy")
    @classmethod
    def _known(cls, value: dict[str, Policy]) -> dict[str, Policy]:
        if unknown := sorted(value.keys() - {spec.name for spec in FIELDS}):
            raise ValueError(f"there is no field called {', '.join(unknown)}")
        return value

    def policies(self) -> Mapping[str, Policy]:
        """When each field may be written, by our name for it."""
        return {spec.name: self.policy.get(spec.name, spec.policy) for spec in FIELDS}
