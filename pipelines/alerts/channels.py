"""The ways a message takes to people. What goes wrong is told without address or password."""

import smtplib
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import ClassVar

import requests
from pydantic import SecretStr

from pipelines.alerts.settings import AlertSettings

PATIENCE = 10.0
"""Seconds until a receiver that does not answer is left alone; the next look tries again."""


class NotDelivered(Exception):
    """The receiver did not take the message; it stays to be sent."""


@dataclass(frozen=True)
class Message:
    """A title of one line, and a line for each change."""

    title: str
    lines: tuple[str, ...]


class Channel(ABC):
    """One way to people."""

    name: ClassVar[str]

    @abstractmethod
    def send(self, message: Message) -> None:
        """Hand the message over. Errors: NotDelivered."""


@dataclass(frozen=True)
class Webhook(Channel):
    """Slack's incoming webhooks, and whatever takes their JSON: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks."""

    name: ClassVar[str] = "webhook"
    address: SecretStr

    def send(self, message: Message) -> None:
        """One POST; no redirect is followed, for the address is a secret."""
        body = {"text": escaped("\n".join((message.title, *message.lines)))}
        try:
            answer = requests.post(self.address.get_secret_value(), json=body, timeout=PATIENCE, allow_redirects=False)
        except (requests.RequestException, ValueError) as error:  # its text has the address in it
            raise NotDelivered(f"the webhook was not reached ({type(error).__name__})") from None
        if not answer.ok or answer.is_redirect:
            raise NotDelivered(f"the webhook answered {answer.status_code}")


@dataclass(frozen=True)
class Mail(Channel):
    """One message to everybody, through a mail server."""

    name: ClassVar[str] = "mail"
    settings: AlertSettings

    def send(self, message: Message) -> None:
        """One message, over an encrypted line unless told otherwise."""
        letter = EmailMessage()
        letter["Subject"], letter["From"] = message.title, self.settings.mail_from
        letter["To"] = ", ".join(self.settings.recipients)
        letter.set_content("\n".join(message.lines) + "\n")
        try:
            with self._server() as server:
                if self.settings.smtp_user and self.settings.smtp_password:
                    server.login(self.settings.smtp_user, self.settings.smtp_password.get_secret_value())
                refused = server.send_message(letter)
        except (smtplib.SMTPException, OSError) as error:
            raise NotDelivered(f"the mail server did not take it ({type(error).__name__})") from None
        if refused:
            raise NotDelivered(f"the mail server refused {len(refused)} of {len(self.settings.recipients)} recipients")

    def _server(self) -> smtplib.SMTP:
        host, port = self.settings.smtp_host or "", self.settings.smtp_port
        trust = ssl.create_default_context()
        if self.settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=trust)
        server = smtplib.SMTP(host, port, timeout=PATIENCE)
        if self.settings.smtp_security == "starttls":
            try:
                server.starttls(context=trust)
            except (smtplib.SMTPException, OSError):
                server.close()
                raise
        return server


def channels(settings: AlertSettings) -> list[Channel]:
    """The ways that are set up."""
    return list(_ways(settings))


def escaped(text: str) -> str:
    """The three characters that Slack reads as markup: https://docs.slack.dev/messaging/formatting-message-text."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _ways(settings: AlertSettings) -> Iterator[Channel]:
    if settings.webhook_url:
        yield Webhook(settings.webhook_url)
    if settings.smtp_host:
        yield Mail(settings)
