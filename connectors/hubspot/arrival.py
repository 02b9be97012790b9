"""How a person came to us: HubSpot's first page view, and whatever an ad left in its address.

Sources: https://knowledge.hubspot.com/properties/understand-traffic-sources-in-the-traffic-analytics-tool; hsa_* and utm_* are what HubSpot's ad
tracking puts into addresses (https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot).
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from connectors.hubspot.payload import Payload
from models.facts import Touch

OFFLINE = "offline"
"""An import or an integration made the record; nobody was touched by that."""
CLICKS = {"fbclid": "paid_social", "gclid": "paid_search"}
"""What an address that an ad was clicked to holds, whatever else it says."""
CLICK_PROPERTIES = {"hs_facebook_click_id": "paid_social", "hs_google_click_id": "paid_search"}
AD_ID = re.compile(r"\d{5,20}")
"""Ids of ads are long numbers; people also name ads in words, which name no ad for sure."""


def arrival(read: Payload) -> Iterator[Touch]:
    """The first touch of a contact, if any is known."""
    address = parameters(read.text("hs_analytics_first_url"))
    clicked = next((channel for name, channel in CLICK_PROPERTIES.items() if read.text(name)), None)
    source = (read.text("hs_analytics_source") or "").strip().lower()
    channel = paid_channel(address) or clicked if source in ("", OFFLINE) else source
    if not channel:
        return
    yield touch(
        read.own_key,
        channel,
        address,
        otherwise=read.text("hs_analytics_source_data_1"),
        at=read.moment("hs_analytics_first_timestamp", "createdate"),
    )


def parameters(address: str | None) -> dict[str, str]:
    """What stands behind the ? of an address."""
    try:
        return dict(parse_qsl(urlsplit(address or "").query))
    except ValueError:  # a host in brackets that is none
        return {}


def paid_channel(address: Mapping[str, str]) -> str | None:
    """The channel of an ad whose click the address shows."""
    return next((channel for name, channel in CLICKS.items() if address.get(name)), None)


def touch(subject: str, channel: str, address: Mapping[str, str], *, otherwise: str | None, at: datetime) -> Touch:
    """The touch that an address tells of."""
    ad = next((value for name in ("hsa_ad", "utm_content") if AD_ID.fullmatch(value := address.get(name, ""))), None)
    return Touch(
        subject=subject,
        channel=channel,
        source=address.get("utm_campaign") or otherwise,
        source_id=address.get("hsa_cam"),
        ad_id=ad,
        responded=True,
        occurred_at=at,
    )
