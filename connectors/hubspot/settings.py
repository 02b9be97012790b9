"""What must be known to reach a HubSpot portal; every variable starts with HUBSPOT_."""

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.base import Floors, VendorSettings


class HubSpotSettings(Floors, VendorSettings):
    """The token of a private app, which names its portal and does not expire."""

    model_config = SettingsConfigDict(env_prefix="HUBSPOT_", extra="ignore", env_ignore_empty=True)

    access_token: SecretStr | None = Field(default=None, description="access token of the private app (pat-…)")
    client_secret: SecretStr | None = Field(default=None, description="client secret of the app, which signs webhooks")
    base_url: str | None = Field(default=None, description="another host to talk to; set for the sandbox only")
    # property names are lower case: https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide
    field_prefix: str = Field(
        default="blf_", pattern=r"^[a-z][a-z0-9]*_$", max_length=20, description="of the properties we own"
    )

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        return ("access_token",)

    def owns(self, name: str) -> bool:
        """Whether the property is one of the sidecar's own."""
        return name.startswith(self.field_prefix)
