"""What HubSpot tells by itself: which records were made, changed, tied, merged or deleted. What became of them, the pull reads.

One delivery holds up to a hundred events, of this portal and, if the app is installed in others, of theirs. Both kinds of subscriptions
are understood: `contact.propertyChange` and `object.propertyChange` with an object type's id. A tie is told from both its ends. Source:
https://developers.hubspot.com/docs/apps/developer-platform/build-apps/authentication/request-validation,
https://developers.hubspot.com/changelog/public-beta-generic-webhook-subscriptions.
"""

import hmac
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import orjson

from connectors.base import Delivery, Heard, Notice
from connectors.errors import Fatal, Forged
from connectors.hubspot.records import STREAMS
from connectors.hubspot.refusals import VENDOR
from connectors.hubspot.settings import HubSpotSettings

STREAM_BY_OBJECT = {stream.object: stream.name for stream in STREAMS}
OBJECT_BY_TYPE_ID = {
    "0-1": "contact", "0-2": "company", "0-3": "deal", "0-5": "ticket", "0-18": "communication", "0-46": "note",
    "0-47": "meeting", "0-48": "call", "0-49": "email",
}  # fmt: skip
"""https://developers.hubspot.com/docs/guides/crm/understanding-the-crm#object-type-ids."""
NAMED = ("objectId", "fromObjectId", "primaryObjectId", "newObjectId")
"""Keys that hold the id of a record of the event's own kind; `mergedObjectIds` holds several."""
DECODED = re.compile(r"%(?:3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
"""Codes that HubSpot signs as the characters they stand for."""


def listen(settings: HubSpotSettings, delivery: Delivery) -> Heard:
    """The records that the events are about; an event of another kind, or one that makes no sense, tells of none."""
    from connectors.hubspot.client import signature

    if settings.client_secret is None:
        raise Fatal(f"set {settings.variable('client_secret')} to hear webhooks", vendor=VENDOR)
    timestamp = delivery.headers.get("x-hubspot-request-timestamp", "")
    given = delivery.headers.get("x-hubspot-signature-v3", "")
    try:
        wanted = signature(
            settings.client_secret.get_secret_value(),
            delivery.method,
            DECODED.sub(lambda code: unquote(code[0]), delivery.url),
            delivery.body.decode(),
            timestamp,
        )
    except UnicodeDecodeError:
        raise Forged("a delivery that is no text", vendor=VENDOR) from None
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise Forged("a delivery without a signature of ours; HubSpot signs the address, too", vendor=VENDOR)
    if not timestamp.isdecimal() or not delivery.is_prompt(int(timestamp) / 1000):
        raise Forged("a delivery that was signed too long ago, or by another clock", vendor=VENDOR)
    events = orjson.loads(delivery.body)
    return Heard([notice for event in (events if isinstance(events, list) else [events]) for notice in _notices(event)])


def _notices(event: Any) -> Iterator[Notice]:
    if not isinstance(event, dict):
        return
    prefix = str(event.get("subscriptionType")).partition(".")[0]
    type_id = event.get("objectTypeId") or event.get("fromObjectTypeId")
    stream = STREAM_BY_OBJECT.get(OBJECT_BY_TYPE_ID.get(str(type_id), "") if prefix == "object" else prefix)
    merged, portal = event.get("mergedObjectIds"), event.get("portalId")
    for record_id in [event.get(name) for name in NAMED] + (merged if isinstance(merged, list) else []):
        if stream and _names(record_id) and _names(portal):
            yield Notice(stream, str(record_id), str(portal))


def _names(told: Any) -> bool:
    """Whether this can be an id; Python takes true for a number."""
    return isinstance(told, int | str) and not isinstance(told, bool)
