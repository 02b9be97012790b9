"""From which probability on a pair is suggested to humans, and from which on it needs none."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class SuggestSettings(BaseSettings):
    """Variables that start with SIDECAR_SUGGEST_; probabilities are between 0 and 1."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_SUGGEST_", extra="ignore", env_ignore_empty=True)

    review_from: float = Field(default=0.9, gt=0, le=1)
    """A pair is put into the queue from here on: nine of ten should be right, or nobody goes on reading it."""
    join_from: float | None = Field(default=None, gt=0.5, le=1)
    """A pair is joined without a human from here on. Unset, as it is: no pair is, ever."""
