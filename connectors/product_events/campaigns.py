"""What the address of a visited page tells of how its visitor came: `utm_…` parameters, and the click ids of ad platforms."""

import re
from dataclasses import dataclass

from connectors.marks import ad_id, clicked, parameters, platform
from models.channels import OTHER_VISIT

SOCIAL = re.compile(
    r"(^|\W)(facebook|fb|instagram|ig|meta|linkedin|twitter|x|t\.co|tiktok|youtube|pinterest|reddit|snapchat|xing)($|\W)"
)
SEARCH = re.compile(r"(^|\W)(google|bing|duckduckgo|yahoo|baidu|yandex|ecosia|adwords)($|\W)")
PAID = re.compile(r"^(.*cp.*|ppc|retargeting|paid.*|sem)$")
MEDIUMS = {
    "display": "display", "banner": "display", "expandable": "display", "interstitial": "display",
    "social": "social", "social-network": "social", "social-media": "social", "sm": "social", "social network": "social",
    "social media": "social", "email": "email", "e-mail": "email", "e_mail": "email", "e mail": "email", "newsletter": "email",
    "affiliate": "affiliate", "affiliates": "affiliate", "referral": "referral", "app": "referral", "link": "referral",
    "organic": "organic_search", "sms": "sms", "audio": "audio", "video": "video",
}  # fmt: skip
"""Channels of unpaid media and display: https://support.google.com/analytics/answer/9756891."""


@dataclass(frozen=True)
class Marks:
    """How somebody came: channel, name and id of the campaign, and the ad and its platform where they are told."""

    channel: str
    source: str | None
    source_id: str | None
    ad_id: str | None
    platform: str | None


def marks(url: str) -> Marks | None:
    """The marks on an address, None if it has none."""
    found = parameters(url)
    click = clicked(found)
    source, medium, campaign = (found.get(f"utm_{name}", "") for name in ("source", "medium", "campaign"))
    if not (click or source or medium or campaign):
        return None
    came, ad = channel(source, medium) or (click[0] if click else OTHER_VISIT), ad_id(found)
    return Marks(
        channel=came,
        source=campaign or source or None,
        source_id=found.get("utm_id"),
        ad_id=ad,
        platform=platform(found) if ad or click or PAID.fullmatch(medium.lower()) else None,
    )


def channel(source: str, medium: str) -> str | None:
    """The channel that source and medium mean, None if they mean none."""
    source, medium = source.lower(), medium.lower()
    if PAID.fullmatch(medium):
        if "social" in medium or SOCIAL.search(source):
            return "paid_social"
        if "search" in medium or SEARCH.search(source):
            return "paid_search"
        return "display" if medium == "cpm" else "paid"
    return MEDIUMS.get(medium) or ("social" if SOCIAL.search(source) else None)
