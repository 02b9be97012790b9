"""Where the business is at home, and how much of its revenue it keeps."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LensSettings(BaseSettings):
    """Variables that start with SIDECAR_; a business that names neither is at home in UTC and keeps all that is paid."""

    model_config = SettingsConfigDict(env_prefix="SIDECAR_", extra="ignore", env_ignore_empty=True)

    zone: str = "UTC"
    """IANA name of the time zone in which its days and months begin."""
    gross_margin: float = Field(default=1.0, gt=0, le=1)
    """The share of revenue that is left after the cost of what was sold; payback and worth are reckoned with it."""

    @field_validator("zone")
    @classmethod
    def _exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("no time zone of that name; write an IANA name such as Europe/Berlin") from None
        return name

    @property
    def home(self) -> ZoneInfo:
        """The zone."""
        return ZoneInfo(self.zone)
