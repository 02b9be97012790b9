"""What must be known to reach Meta's Marketing API; every variable starts with META_ADS_."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from connectors.base import VendorSettings


class MetaAdsSettings(VendorSettings):
    """The token of a system user and the app it belongs to. The app's secret proves every call (appsecret_proof)."""

    model_config = SettingsConfigDict(env_prefix="META_ADS_", extra="ignore", env_ignore_empty=True)

    access_token: SecretStr | None = Field(
        default=None,
        description="token of a system user with ads_read, leads_retrieval, pages_show_list and pages_manage_ads",
    )
    app_id: str | None = Field(default=None, description="id of the app that the token was made for")
    app_secret: SecretStr | None = Field(default=None, description="secret of that app (Settings > Basic)")
    verify_token: SecretStr | None = Field(
        default=None, description="words of your choice that the app's page repeats when a webhook is subscribed to"
    )
    account_ids: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="ad accounts to read, by commas; all that the token sees where empty"
    )
    api_version: str = Field(
        default="v26.0", pattern=r"^v\d+\.\d+$", description="Graph API version, that of the pinned SDK"
    )
    base_url: str | None = Field(default=None, description="another host to talk to; set for the sandbox only")

    @field_validator("account_ids", mode="before")
    @classmethod
    def _by_commas(cls, given: object) -> object:
        """`act_1, 2` as ("1", "2"): Meta's pages show the number, its paths put act_ before it."""
        parts = given.split(",") if isinstance(given, str) else given
        if not isinstance(parts, list | tuple):
            return given
        return tuple(str(part).strip().removeprefix("act_") for part in parts if str(part).strip())

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        return ("access_token", "app_id", "app_secret")
