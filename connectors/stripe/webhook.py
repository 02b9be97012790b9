"""What Stripe tells by itself: which object an event is about. What became of it, the pull reads.

Both kinds of events are understood: snapshots, which carry the object as it was, and thin ones, which only name it. Source:
https://docs.stripe.com/webhooks and https://docs.stripe.com/event-destinations.
"""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field

from connectors.base import Delivery, Heard, Notice
from connectors.errors import Fatal, Forged
from connectors.stripe.records import STREAMS
from connectors.stripe.refusals import VENDOR
from connectors.stripe.settings import StripeSettings

STREAM_BY_TYPE = {stream.object: stream.name for stream in STREAMS}


class Named(BaseModel):
    """An object, or the reference to one. Some have no id: a balance."""

    type: str = Field(validation_alias=AliasChoices("object", "type"))
    id: str | None = None


def _object_of(data: Any) -> Any:
    """The object inside a snapshot; the data of a thin event are something else."""
    return data.get("object") if isinstance(data, dict) else None


class Event(BaseModel):
    """The parts of an event that say what it is about. Whose it is where accounts are connected, reading by id finds out."""

    livemode: bool
    snapshot: Annotated[Named | None, BeforeValidator(_object_of)] = Field(default=None, validation_alias="data")
    related_object: Named | None = None


def listen(settings: StripeSettings, delivery: Delivery) -> Heard:
    """The object that an event is about, if it is of a stream and of the key's mode."""
    from connectors.stripe.client import is_signed

    secrets = settings.webhook_secrets
    if not secrets:
        raise Fatal(f"set {settings.variable('webhook_secret')} to hear webhooks", vendor=VENDOR)
    header = delivery.headers.get("stripe-signature", "")
    if not any(is_signed(delivery.body, header, secret) for secret in secrets):
        raise Forged("a delivery without a signature of ours", vendor=VENDOR)
    if not delivery.is_prompt(_sent(header)):
        raise Forged("a delivery that was signed too long ago, or by another clock", vendor=VENDOR)
    event = Event.model_validate_json(delivery.body)
    named = event.related_object or event.snapshot
    stream = STREAM_BY_TYPE.get(named.type) if named else None
    if named is None or named.id is None or stream is None or event.livemode != (settings.mode == "live"):
        return Heard()
    return Heard([Notice(stream, named.id)])


def _sent(header: str) -> float:
    """When it was signed. Forged if the header names no instant, or more than one: the SDK and we must mean the same."""
    stamps = [value for name, _, value in (part.partition("=") for part in header.split(",")) if name == "t"]
    if len(stamps) != 1 or not stamps[0].isdecimal():
        raise Forged("a delivery that does not say when it was signed", vendor=VENDOR)
    return float(stamps[0])
