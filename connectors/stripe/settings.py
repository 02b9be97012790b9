"""What must be known to reach a Stripe account; every variable starts with STRIPE_."""

from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from connectors.base import VendorSettings


class StripeSettings(VendorSettings):
    """A secret key, or better a restricted one that may only read."""

    model_config = SettingsConfigDict(env_prefix="STRIPE_", extra="ignore", env_ignore_empty=True)

    api_key: SecretStr | None = Field(default=None, description="secret (sk_…) or restricted key (rk_…)")
    connect: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="connected accounts to read beside the key's own, by commas (acct_…), or all"
    )
    base_url: str | None = Field(default=None, description="another host to talk to; set for the sandbox only")
    webhook_secret: SecretStr | None = Field(
        default=None,
        description="signing secret of the webhook endpoint (whsec_…); several by commas while one is rolled",
    )

    @field_validator("connect", mode="before")
    @classmethod
    def _by_commas(cls, given: object) -> object:
        """`acct_1, acct_2` as ("acct_1", "acct_2")."""
        parts = given.split(",") if isinstance(given, str) else given
        if not isinstance(parts, list | tuple):
            return given
        return tuple(str(part).strip() for part in parts if str(part).strip())

    @field_validator("connect")
    @classmethod
    def _accounts_or_all(cls, named: tuple[str, ...]) -> tuple[str, ...]:
        if named != ("all",) and not all(name.startswith("acct_") for name in named):
            raise ValueError("is neither `all` nor ids of accounts (acct_…) with commas between")
        return named

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """Names of the fields without which the vendor is skipped."""
        return ("api_key",)

    @property
    def webhook_secrets(self) -> list[str]:
        """Every secret that may sign a webhook; empty where there is none."""
        given = self.webhook_secret.get_secret_value() if self.webhook_secret else ""
        return [secret.strip() for secret in given.split(",") if secret.strip()]

    @property
    def mode(self) -> str:
        """Live or test: the key decides what is seen (https://docs.stripe.com/keys)."""
        key = self.api_key.get_secret_value() if self.api_key else ""
        return "live" if key.startswith(("sk_live_", "rk_live_")) else "test"
