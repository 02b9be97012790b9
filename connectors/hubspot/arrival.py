"""How a person came to us: HubSpot's first page view and the latest one, and whatever an ad left in its address or in a form.

Sources: https://knowledge.hubspot.com/properties/understand-traffic-sources-in-the-traffic-analytics-tool; hsa_* and utm_* are what HubSpot's ad
tracking puts into addresses (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime

from connectors.hubspot.payload import Payload
from connectors.marks import ad_id, click, in_fields, paid_channel, parameters, platform
from models.facts import Touch

OFFLINE = "offline"
"""An import or an integration made the record; nobody was touched by that."""
PAID = "paid"
"""Paid sources begin so."""


def arrival(read: Payload) -> Iterator[Touch]:
    """The first touch of a contact and the latest, if any is known."""
    yield from _first(read)
    source = _source(read, "hs_latest_source")
    at = read.instant("hs_latest_source_timestamp")
    if source not in ("", OFFLINE) and at and at != read.instant("hs_analytics_first_timestamp"):
        address = parameters(read.text("hs_analytics_last_url"))
        yield touch(read.own_key, source, address, otherwise=read.text("hs_latest_source_data_1"), at=at)


def touch(subject: str, channel: str, marks: Mapping[str, str], *, otherwise: str | None, at: datetime) -> Touch:
    """The touch that an address or a form's fields tell of."""
    ad = ad_id(marks)
    return Touch(
        subject=subject,
        channel=channel,
        source=marks.get("utm_campaign") or otherwise,
        source_id=marks.get("hsa_cam"),
        ad_id=ad,
        platform=platform(marks) if ad or paid_channel(marks) or channel.startswith(PAID) else None,
        responded=True,
        occurred_at=at,
    )


def _first(read: Payload) -> Iterator[Touch]:
    """What the first address tells counts; what a form left in the contact's fields, only where that says nothing else."""
    source, address = _source(read, "hs_analytics_source"), parameters(read.text("hs_analytics_first_url"))
    unsaid = source in ("", OFFLINE)
    kept = in_fields(read.record.payload) if unsaid or source.startswith(PAID) else {}
    marks = address if paid_channel(address) or ad_id(address) or not paid_channel(kept) else kept
    channel = paid_channel(marks) if unsaid else source
    if channel:
        cookie = click(marks.get("fbc")) if marks is kept else None
        at = cookie.at if cookie else read.moment("hs_analytics_first_timestamp", "createdate")
        yield touch(read.own_key, channel, marks, otherwise=read.text("hs_analytics_source_data_1"), at=at)


def _source(read: Payload, path: str) -> str:
    return (read.text(path) or "").strip().lower()
