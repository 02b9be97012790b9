"""Logging in: the client credentials flow, tokens that end by the clock and hold on one host only.

Source: help page "OAuth 2.0 Client Credentials Flow"; what the SDK sends is `simple_salesforce.login.SalesforceLogin`: the grant in
the form, client id and secret as Basic authorization.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sandbox.salesforce.state import INTEGRATION_USER, ORG_ID, REP, SalesforceState

CLIENT_ID = "sidecar-sandbox"
CLIENT_SECRET = "sandbox-secret"  # noqa: S105  # play money
REP_CLIENT_ID = "rep-sandbox"
REP_CLIENT_SECRET = "rep-secret"  # noqa: S105  # play money
CLIENTS = {CLIENT_ID: (CLIENT_SECRET, INTEGRATION_USER), REP_CLIENT_ID: (REP_CLIENT_SECRET, REP)}
"""Secret and run-as user of each connected app; an app of this flow has one (help, "Configure a Connected App for ... Client Credentials Flow")."""
LIFE = timedelta(hours=2)  # the default of a new org's session settings


class LoginRefused(Exception):
    """The token request fails; OAuth's own shape, not REST's."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.body = {"error": code, "error_description": description}


@dataclass
class Tokens:
    """Who is logged in, and until when."""

    state: SalesforceState
    _until: dict[str, tuple[datetime, str, str]] = field(default_factory=dict)

    def grant(self, form: Mapping[str, str], authorization: str, instance_url: str) -> dict[str, Any]:
        """A new token for the client's run-as user. LoginRefused for anything but the right client."""
        client, secret = _client(form, authorization)
        if form.get("grant_type") != "client_credentials":
            raise LoginRefused("unsupported_grant_type", "grant type not supported")
        if client not in CLIENTS:
            raise LoginRefused("invalid_client_id", "client identifier invalid")
        known, user = CLIENTS[client]
        if not hmac.compare_digest(secret, known):
            raise LoginRefused("invalid_client", "invalid client credentials")
        now = self.state.clock.now()
        token = f"{ORG_ID[:15]}!{secrets.token_urlsafe(48)}"
        instance_url = self.state.switches.instance_url or instance_url
        self._until[token] = now + LIFE, urlsplit(instance_url).netloc, user
        issued, identity = (
            str(int(now.timestamp() * 1000)),
            f"https://login.salesforce.com/id/{ORG_ID}/{user}",
        )
        signature = hmac.new(known.encode(), (identity + issued).encode(), hashlib.sha256).digest()
        return {
            "access_token": token, "instance_url": instance_url, "id": identity, "token_type": "Bearer", "scope": "api",
            "issued_at": issued, "signature": base64.b64encode(signature).decode(),
        }  # fmt: skip

    def user(self, authorization: str, host: str | None) -> str | None:
        """Whom the header's token belongs to; None if it is wrong, over, or of another instance than the host that is meant."""
        kind, _, token = authorization.partition(" ")
        until, instance, user = self._until.get(token, (self.state.clock.now(), "", ""))
        known = kind == "Bearer" and self.state.clock.now() < until and host in {None, instance}
        return user if known else None


def _client(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    """Client id and secret, from Basic authorization or from the form."""
    kind, _, encoded = authorization.partition(" ")
    if kind != "Basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise LoginRefused("invalid_client", "invalid client credentials") from None
    return client, secret
