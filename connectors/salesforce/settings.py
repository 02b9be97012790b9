"""What must be known to reach a Salesforce org; every variable starts with SALESFORCE_."""

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from connectors.base import Floors, VendorSettings


class SalesforceSettings(Floors, VendorSettings):
    """An external client app with the client credentials flow, and the org's My Domain."""

    model_config = SettingsConfigDict(env_prefix="SALESFORCE_", extra="ignore", env_ignore_empty=True)

    client_id: str | None = Field(default=None, description="consumer key of the external client app")
    client_secret: SecretStr | None = Field(default=None, description="consumer secret of the external client app")
    domain: str | None = Field(default=None, description="My Domain without .salesforce.com, such as acme.my")
    base_url: str | None = Field(default=None, description="another host to talk to; set for the sandbox only")
    # names have at most 40 characters, our longest 18
    field_prefix: str = Field(
        default="BLF_", pattern=r"^[A-Za-z][A-Za-z0-9]*_$", max_length=20, description="of the fields we own"
    )

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        return ("client_id", "client_secret", "domain")

    @field_validator("domain")
    @classmethod
    def _bare_domain(cls, value: str | None) -> str | None:
        """Take the domain as people copy it from the browser, too."""
        if value is None:
            return None
        host = value.strip().removeprefix("https://").split("/")[0]
        return host.removesuffix(".lightning.force.com").removesuffix(".salesforce.com") or None

    def owns(self, field: str) -> bool:
        """Whether the field is one of the sidecar's own."""
        return field.startswith(self.field_prefix) and field.endswith("__c")
