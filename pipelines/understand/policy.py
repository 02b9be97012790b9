"""Under which terms customers' words are held: lawful basis, purposes, region and retention, stamped on every observation."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from models import Purpose

EXTRACTION = Purpose.analytics
"""The purpose without which a text is not read for beliefs."""
UNREAD = ("behaviour", "review", "agent")
"""Sources of observations that no extractor reads: their evidence is kept together with them."""
REFUSED = [Purpose.subject.value]
"""What is left when somebody refuses: showing them what is held on them."""


class Policy(BaseSettings):
    """Variables that start with SIDECAR_TEXT_.

    The default basis is legitimate interest (GDPR article 6(1)(f)): a supplier keeping to what its customer said in their
    dealings. Whoever relies on it documents the balancing test; a refusal recorded in the CRM always wins over it.
    """

    model_config = SettingsConfigDict(env_prefix="SIDECAR_TEXT_", extra="ignore", env_ignore_empty=True)

    lawful_basis: str = "legitimate_interest"
    purposes: list[Purpose] = list(Purpose)
    region: str = "eu"
    retention_days: int = Field(default=1_095, gt=0, description="three years: the limitation period of most contracts")

    @property
    def retention(self) -> timedelta:
        """How long a text may be kept after it was said."""
        return timedelta(days=self.retention_days)
