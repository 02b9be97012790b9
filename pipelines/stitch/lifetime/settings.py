"""How far ahead a lifetime is told, and what later money is worth today."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PERIOD = 30
"""Days of one period: chances are told for the next 30 days, and money is discounted in such steps."""
YEAR = 365 / PERIOD
"""Periods of a year."""


class LifetimeSettings(BaseSettings):
    """Variables that start with SIDECAR_LIFETIME_."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_LIFETIME_", extra="ignore", env_ignore_empty=True)

    months: int = Field(default=12, ge=1, le=120)
    """Horizon of what is predicted; a year, since few businesses have seen enough of their customers for more."""
    discount: float = Field(default=0.1, ge=0, lt=1)
    """What money loses in worth a year; 10 per cent is the papers' usual example, and no law."""

    @property
    def worth(self) -> list[float]:
        """What one unit that comes in the middle of each period of the horizon is worth today."""
        periods = round(self.months * YEAR / 12)
        return [float((1 + self.discount) ** -((period + 0.5) / YEAR)) for period in range(periods)]
