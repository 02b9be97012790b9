"""What an ad leaves behind: the parameters of a link and the click ids of platforms, wherever a vendor keeps them.

A click id proves that somebody came by an ad platform, and when; which ad it was cannot be read from it, nor who clicked: a link is
passed on. An ad is named by its number only, for people also write words where the number belongs.
Sources: https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc (fbc);
https://knowledge.hubspot.com/ads/ad-tracking-in-hubspot (hsa_*).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from urllib.parse import parse_qsl, urlsplit

META, GOOGLE, MICROSOFT, LINKEDIN, TIKTOK, TWITTER = [
    "meta_ads",
    "google_ads",
    "microsoft_ads",
    "linkedin_ads",
    "tiktok_ads",
    "x_ads",
]
CLICK_IDS = {
    "fbclid": ("paid_social", META), "ttclid": ("paid_social", TIKTOK), "li_fat_id": ("paid_social", LINKEDIN),
    "twclid": ("paid_social", TWITTER), "gclid": ("paid_search", GOOGLE), "gbraid": ("paid_search", GOOGLE),
    "wbraid": ("paid_search", GOOGLE), "msclkid": ("paid_search", MICROSOFT),
}  # fmt: skip
"""Channel and platform behind each platform's click id."""
NETWORKS = {
    **dict.fromkeys(("facebook", "fb", "instagram", "ig", "meta", "an", "msg"), META),
    **dict.fromkeys(("google", "adwords", "googleads", "youtube"), GOOGLE),
    **dict.fromkeys(("bing", "microsoft"), MICROSOFT),
    **dict.fromkeys(("linkedin",), LINKEDIN), **dict.fromkeys(("tiktok",), TIKTOK), **dict.fromkeys(("twitter", "x"), TWITTER),
}  # fmt: skip
"""Platform behind what `hsa_net` and `utm_source` are called; Meta's own `{{site_source_name}}` writes fb, ig, an and msg."""
AD_ID = re.compile(r"\d{5,20}")
"""Ids of ads are long numbers."""
FBC = re.compile(r"fb\.\d+\.(\d{12,13})\.([^.]+)(?:\..*)?", re.DOTALL)
"""`fb.<subdomain>.<milliseconds>.<fbclid>`, and perhaps a fifth part, which is no part of the click."""


FIELDS = {
    **{name.replace("_", ""): name for name in (
        "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_id", "hsa_ad", "hsa_cam", "hsa_grp", "hsa_net", "fbc", *CLICK_IDS,
    )},
    "hsfacebookclickid": "fbclid", "facebookclickid": "fbclid", "hsgoogleclickid": "gclid", "googleclickid": "gclid",
}  # fmt: skip
"""Marks by what CRM fields are called, without case, underscores and Salesforce's `__c`."""


@dataclass(frozen=True)
class Click:
    """A click that a platform's cookie remembers."""

    id: str
    at: datetime


def parameters(address: str | None) -> dict[str, str]:
    """What stands behind the ? of an address, names in lower case; of a parameter that comes twice the first counts."""
    try:
        pairs = parse_qsl(urlsplit(address or "").query)
    except ValueError:  # a host in brackets that is none
        return {}
    return {name.lower(): value.strip() for name, value in reversed(pairs) if value.strip()}


def in_fields(payload: Mapping[str, object]) -> dict[str, str]:
    """The marks that a form's hidden fields left in a record's own fields."""
    found = ((_mark(name), value) for name, value in payload.items())
    return {mark: value.strip() for mark, value in found if mark and isinstance(value, str) and value.strip()}


def clicked(marks: Mapping[str, str]) -> tuple[str, str] | None:
    """Channel and platform of a click id among the marks; Meta's cookie holds one, too."""
    if click(marks.get("fbc")):
        return CLICK_IDS["fbclid"]
    return next((found for name, found in CLICK_IDS.items() if marks.get(name)), None)


def platform(marks: Mapping[str, str]) -> str | None:
    """The ad platform: by its click id, which only it makes, else as the link calls it."""
    found = clicked(marks)
    named = (marks.get(name, "").lower() for name in ("hsa_net", "utm_source"))
    return found[1] if found else next((NETWORKS[name] for name in named if name in NETWORKS), None)


def paid_channel(marks: Mapping[str, str]) -> str | None:
    """The channel of an ad that the marks prove: by a click id, or by an ad's number beside its platform's name."""
    found = clicked(marks)
    if found or not ad_id(marks):
        return found[0] if found else None
    return next((channel for channel, one in CLICK_IDS.values() if one == platform(marks)), None)


def ad_id(marks: Mapping[str, str]) -> str | None:
    """The ad's number, as HubSpot's tracking or `utm_content={{ad.id}}` wrote it."""
    return next((value for name in ("hsa_ad", "utm_content") if AD_ID.fullmatch(value := marks.get(name, ""))), None)


def click(fbc: str | None) -> Click | None:
    """The click behind Meta's cookie `_fbc`, its case kept; None for what is no such cookie."""
    found = FBC.fullmatch((fbc or "").strip())
    return Click(found[2], datetime.fromtimestamp(int(found[1]) / 1000, UTC)) if found else None


@cache
def _mark(field: str) -> str | None:
    return FIELDS.get(field.casefold().removesuffix("__c").replace("_", ""))
