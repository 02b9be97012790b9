"""What first brought the planted people to the web site, as HubSpot's analytics properties tell it.

Source: https://knowledge.hubspot.com/properties/hubspots-default-contact-properties ("Original Traffic Source", its drill-downs, "First
Page Seen", "Time First Seen").
"""

import random
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sandbox.world.hubspot_people import Card, traced
from sandbox.world.market import Arrival
from sandbox.world.moments import BEGIN, between, iso
from sandbox.world.names import HOME_DOMAIN
from sandbox.world.truth import PlantedTouch, hubspot_key

SITE = f"https://www.{HOME_DOMAIN}/"
PAGES = ("", "pricing", "guides/month-end")
UNPAID = {
    "ORGANIC_SEARCH": (30, "Unknown keywords (SSL)"), "DIRECT_TRAFFIC": (25, f"{HOME_DOMAIN}/pricing"), "REFERRALS": (14, "reviews.example"),
    "EMAIL_MARKETING": (11, "Monthly letter"), "SOCIAL_MEDIA": (8, "LinkedIn"), "OFFLINE": (12, "IMPORT"),
}  # fmt: skip
"""Traffic sources of those whom no ad brought: how often, and the first detail that HubSpot keeps of it."""
PAID = "PAID_SOCIAL"


@dataclass(frozen=True)
class Visit:
    """The first visit: what the properties say, and what is true of it. Offline is no visit, so nothing is true of that."""

    at: datetime
    source: str
    detail: str
    address: str | None = None
    click: str | None = None
    touch: PlantedTouch | None = None

    def values(self) -> dict[str, str | None]:
        """The contact's properties."""
        return {
            "hs_analytics_source": self.source, "hs_analytics_source_data_1": self.detail, "hs_analytics_first_timestamp": iso(self.at),
            "hs_analytics_first_url": self.address, "hs_facebook_click_id": self.click,
        }  # fmt: skip


def first_visit(rng: random.Random, card: Card) -> Visit:
    """How this contact came."""
    arrival = traced(card.arrival)
    if arrival and arrival.way == "utm":
        return _by_known_ad(rng, card, arrival)
    if arrival:
        return _by_some_ad(rng, card, arrival)
    if card.arrival:  # the lead form's integration made the contact
        return Visit(card.face.created, "OFFLINE", "INTEGRATION")
    source = rng.choices(list(UNPAID), [often for often, _ in UNPAID.values()])[0]
    if source == "OFFLINE":
        return Visit(card.face.created, source, UNPAID[source][1])
    at = between(rng, max(BEGIN, card.face.created - timedelta(days=20)), card.face.created)
    return _told(card, Visit(at, source, UNPAID[source][1], f"{SITE}{rng.choice(PAGES)}"))


def _by_known_ad(rng: random.Random, card: Card, arrival: Arrival) -> Visit:
    ad = arrival.ad
    asked = {
        "utm_source": "facebook",
        "utm_medium": "paid_social",
        "utm_campaign": ad.campaign_name,
        "utm_content": ad.id,
    }
    if rng.random() < 0.5:  # HubSpot's own ad tracking was on
        asked["hsa_cam"] = ad.campaign_id
    visit = Visit(arrival.at, PAID, "Facebook", f"{SITE}?{urlencode(asked)}")
    return _told(card, visit, source=ad.campaign_name, source_id=asked.get("hsa_cam"), ad_id=ad.id)


def _by_some_ad(rng: random.Random, card: Card, arrival: Arrival) -> Visit:
    """A click that tells of an ad and not of which: in the address, or in the property where HubSpot keeps it."""
    click = f"IwAR{rng.getrandbits(80):020x}"
    if rng.random() < 0.5:
        return _told(card, Visit(arrival.at, PAID, "Facebook", f"{SITE}?{urlencode({'fbclid': click})}"))
    return _told(card, Visit(arrival.at, "OFFLINE", "INTEGRATION", click=click), channel=PAID.lower())


def _told(card: Card, visit: Visit, **known: str | None) -> Visit:
    told = {"channel": visit.source.lower(), "source": visit.detail, **known}
    record = hubspot_key("contact", card.face.id)
    return replace(visit, touch=PlantedTouch(record=record, responded=True, occurred_at=visit.at, **told))
