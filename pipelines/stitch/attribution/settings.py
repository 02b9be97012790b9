"""How far back a touch may lie to have its part in a payment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class AttributionSettings(BaseSettings):
    """Variables that start with SIDECAR_ATTRIBUTION_."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_ATTRIBUTION_", extra="ignore", env_ignore_empty=True)

    lookback_days: int = Field(default=90, ge=1, le=3650)
    """Days before a payment in which a touch counts, the same for all models; 30 and 90 are usual."""
