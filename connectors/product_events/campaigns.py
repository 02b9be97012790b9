"""What the address of a visited page tells of how its visitor came: `utm_…` parameters, and the click ids of ad platforms."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

CLICK_IDS = {
    "fbclid": "paid_social", "ttclid": "paid_social", "li_fat_id": "paid_social", "twclid": "paid_social",
    "gclid": "paid_search", "gbraid": "paid_search", "wbraid": "paid_search", "msclkid": "paid_search",
}  # fmt: skip
"""Channel behind each platform's click id."""

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
OTHER = "campaign"


@dataclass(frozen=True)
class Marks:
    """How somebody came: channel, name and id of the campaign, and the ad where its id is told."""

    channel: str
    source: str | None
    source_id: str | None
    ad_id: str | None


def marks(url: str) -> Marks | None:
    """The marks on an address, None if it has none. Of a parameter that comes twice the first counts."""
    try:
        found = {
            name.lower(): value.strip() for name, value in reversed(parse_qsl(urlsplit(url).query)) if value.strip()
        }
    except ValueError:  # no address at all
        return None
    clicked = next((channel for name, channel in CLICK_IDS.items() if name in found), None)
    source, medium = found.get("utm_source", ""), found.get("utm_medium", "")
    campaign, content = found.get("utm_campaign"), found.get("utm_content", "")
    if not (clicked or source or medium or campaign):
        return None
    return Marks(
        channel=channel(source, medium) or clicked or OTHER,
        source=campaign or source or None,
        source_id=found.get("utm_id"),
        ad_id=content if content.isascii() and content.isdigit() else None,
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
