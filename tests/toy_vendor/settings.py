"""What must be known to open the guest book; every variable starts with TOY_."""

from pydantic import SecretStr
from pydantic_settings import SettingsConfigDict

from connectors.base import VendorSettings


class ToySettings(VendorSettings):
    """Key to the guest book."""

    model_config = SettingsConfigDict(env_prefix="TOY_", extra="ignore", env_ignore_empty=True)
    key: SecretStr | None = None

    @classmethod
    def required(cls) -> tuple[str, ...]:
        """The key."""
        return ("key",)
