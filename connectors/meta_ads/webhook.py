"""What Meta tells by itself: that somebody has filled in a lead form. The lead itself, the pull reads.

Before the first delivery Meta asks whether the door is ours: it shows the words that were written into the app's page and wants a challenge
back. Deliveries are signed with the app's secret and bear no instant, so one may be sent again; that only has a lead read again. Source:
https://developers.facebook.com/docs/graph-api/webhooks/getting-started.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
from pydantic import SecretStr

from connectors.base import Delivery, Heard, Notice
from connectors.errors import Fatal, Forged
from connectors.meta_ads.refusals import VENDOR
from connectors.meta_ads.settings import MetaAdsSettings

LEADS = "leads"


def listen(settings: MetaAdsSettings, delivery: Delivery) -> Heard:
    """The leads that a delivery names, or the answer to Meta's question."""
    if delivery.method == "GET":
        return _handshake(_secret(settings, "verify_token"), parse_qs(urlsplit(delivery.url).query))
    secret = _secret(settings, "app_secret").encode()
    wanted = f"sha256={hmac.new(secret, delivery.body, hashlib.sha256).hexdigest()}"
    if not hmac.compare_digest(wanted.encode(), delivery.headers.get("x-hub-signature-256", "").encode()):
        raise Forged("a delivery without a signature of ours", vendor=VENDOR)
    return Heard(list(_notices(orjson.loads(delivery.body))))


def _secret(settings: MetaAdsSettings, name: str) -> str:
    value: SecretStr | None = getattr(settings, name)
    if value is None:
        raise Fatal(f"set {settings.variable(name)} to hear webhooks", vendor=VENDOR)
    return value.get_secret_value()


def _handshake(token: str, asked: dict[str, list[str]]) -> Heard:
    mode, shown, challenge = (asked.get(f"hub.{name}", [""])[0] for name in ("mode", "verify_token", "challenge"))
    ours = hmac.compare_digest(token.encode(), shown.encode())
    if not ours or mode != "subscribe" or not re.fullmatch(r"[\w.-]{1,128}", challenge, re.ASCII):
        raise Forged("a question that does not know our words", vendor=VENDOR)
    return Heard(answer=challenge)


def _notices(said: Any) -> Iterator[Notice]:
    """`{"entry": [{"changes": [{"field": "leadgen", "value": {"leadgen_id": …}}]}]}`."""
    for entry in _objects(said, "entry"):
        for change in _objects(entry, "changes"):
            value = change.get("value")
            lead = value.get("leadgen_id") if isinstance(value, dict) else None
            if change.get("field") == "leadgen" and isinstance(lead, int | str):
                yield Notice(LEADS, str(lead))


def _objects(said: Any, name: str) -> list[dict[str, Any]]:
    inner = said.get(name) if isinstance(said, dict) else None
    return [one for one in inner if isinstance(one, dict)] if isinstance(inner, list) else []
