"""What must be known to read product events; every variable starts with PRODUCT_EVENTS_.

Credentials of an object store come from the environment in the names of each cloud's own tools (AWS_ACCESS_KEY_ID,
GOOGLE_APPLICATION_CREDENTIALS and so on), never from the URL, which is shown in logs.
"""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.base import VendorSettings
from models.keys import content_id


class ProductEventsSettings(VendorSettings):
    """Where the files lie, and how the account is called in record keys."""

    model_config = SettingsConfigDict(
        env_prefix="PRODUCT_EVENTS_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    url: str | None = Field(
        default=None,
        description="folder, file, pattern with * and ?, or URL such as s3://bucket/prefix, gs://…, file://… (with *; ? begins options)",
    )
    account: str | None = Field(
        default=None,
        pattern=r"^[\w.-]+$",
        description="name of the account in record keys; set it before files move to another URL, so that records keep their keys",
    )

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        if url and "://" in url and "@" in urlsplit(url).netloc:
            raise ValueError("credentials belong in the environment (AWS_ACCESS_KEY_ID and so on), not in the URL")
        return url

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        return ("url",)

    @property
    def name(self) -> str:
        """The account's name: the one given, else one that always is the same for this place, whatever region or endpoint it has."""
        if self.account:
            return self.account
        url = self.url or ""
        place = url.partition("?")[0] if "://" in url else str(Path(url).expanduser().absolute())
        return content_id(place.rstrip("/"))[:12]
