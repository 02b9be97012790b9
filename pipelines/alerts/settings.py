"""Where alerts go; every variable starts with SIDECAR_ALERT_. None set: nobody is told."""

from typing import Literal

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = ("localhost", "127.0.0.1", "::1")


class AlertSettings(BaseSettings):
    """A webhook that takes Slack's JSON, and a mail server; each on its own is enough."""

    model_config = SettingsConfigDict(
        env_prefix="SIDECAR_ALERT_", extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    webhook_url: SecretStr | None = Field(default=None, description="the address is the key to the channel")
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    mail_from: str | None = None
    mail_to: str | None = Field(default=None, description="addresses, by commas")
    dagster_url: str | None = Field(default=None, description="where Dagster's pages are, to lead there")

    @model_validator(mode="after")
    def _whole(self) -> "AlertSettings":
        if self.smtp_host and not (self.mail_from and self.recipients):
            raise ValueError("SIDECAR_ALERT_SMTP_HOST needs SIDECAR_ALERT_MAIL_FROM and SIDECAR_ALERT_MAIL_TO")
        if self.smtp_password and self.smtp_security == "none" and self.smtp_host not in LOOPBACK:
            raise ValueError(
                "SIDECAR_ALERT_SMTP_PASSWORD goes over no open line; set SIDECAR_ALERT_SMTP_SECURITY to tls"
            )
        return self

    @property
    def recipients(self) -> list[str]:
        """Whom e-mail goes to."""
        return [one.strip() for one in (self.mail_to or "").split(",") if one.strip()]
