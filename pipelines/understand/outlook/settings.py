"""Which CRM fields hold the lead score, what their words are worth, and on which customers alignment is compared with it."""

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LeadScoreSettings(BaseSettings):
    """Variables that start with SIDECAR_LEAD_SCORE_; lists and maps are written as JSON."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_LEAD_SCORE_", extra="ignore", env_ignore_empty=True)

    fields: dict[str, str] = {"hubspot": "hubspotscore", "salesforce": "Rating"}
    """By vendor, the field of its records; a custom field is named as the vendor's API does, such as Lead_Score__c."""
    words: dict[str, float] = Field(default={"hot": 3, "warm": 2, "cold": 1})
    """What values that are no numbers are worth; only their order counts. Salesforce's ratings, in small letters."""
    segment: str = ""
    """Whom to compare on, as trait=value (country=de, industry=Software); everybody if empty."""

    @field_validator("segment")
    @classmethod
    def _has_both(cls, text: str) -> str:
        if text and not all(text.partition("=")):
            raise ValueError("write the segment as trait=value, such as country=de")
        return text
