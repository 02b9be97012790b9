"""Reads and judges parameters by the SDK's own enum classes, so that what Meta does not know is refused here.

Source: facebook_business of the pinned version. The SDK itself only warns and sends what it does not know.
"""

from collections.abc import Mapping
from typing import Any

import orjson
from facebook_business.adobjects.ad import Ad
from facebook_business.adobjects.adaccount import AdAccount
from facebook_business.adobjects.adcreative import AdCreative
from facebook_business.adobjects.adreportrun import AdReportRun
from facebook_business.adobjects.adset import AdSet
from facebook_business.adobjects.adsinsights import AdsInsights
from facebook_business.adobjects.campaign import Campaign
from facebook_business.adobjects.lead import Lead
from facebook_business.adobjects.leadgenform import LeadgenForm
from facebook_business.adobjects.page import Page

from sandbox.meta_ads.errors import bad

Params = dict[str, Any]


def names(enum: type) -> frozenset[str]:
    """The values of one of the SDK's enum classes."""
    return frozenset(value for key, value in vars(enum).items() if not key.startswith("_"))


FIELDS = {
    "adaccount": names(AdAccount.Field), "campaign": names(Campaign.Field), "adset": names(AdSet.Field), "ad": names(Ad.Field),
    "adcreative": names(AdCreative.Field), "lead": names(Lead.Field), "report": names(AdReportRun.Field),
    "insight": names(AdsInsights.Field), "page": names(Page.Field), "form": names(LeadgenForm.Field), "user": frozenset({"id", "name"}),
}  # fmt: skip
STATUSES = {
    "campaign": names(Campaign.EffectiveStatus), "adset": names(AdSet.EffectiveStatus), "ad": names(Ad.EffectiveStatus),
}  # fmt: skip
ALWAYS = {"access_token", "appsecret_proof", "fields", "limit", "after", "summary", "locale"}
MOST = 5000
"""Rows of one page at most (unverified; Meta names no figure, and halves what is too much)."""


def judge(params: Mapping[str, Any], known: frozenset[str] | set[str]) -> Params:
    """The parameters, JSON read where it is JSON. MetaRefusal for one that the edge does not know."""
    unknown = sorted(params.keys() - known - ALWAYS)
    if unknown:
        raise bad(f"Unknown parameter {unknown[0]} (the sandbox is stricter than Meta, which ignores it)")
    read = {name: _read(value) for name, value in params.items()}
    filters = read.get("filtering", [])
    if not isinstance(filters, list) or not all(isinstance(one, dict) for one in filters):
        raise bad("Param filtering must be an array")
    return read


def fields(params: Params, kind: str) -> list[str]:
    """The fields asked for; `id` alone where none is."""
    asked = params.get("fields") or []
    found = asked.split(",") if isinstance(asked, str) else list(asked)
    for name in found:
        if name.partition("{")[0] not in FIELDS[kind]:
            if kind == "insight":
                raise bad(
                    f"{name} is not valid for fields param. please check the ads-insights reference for all valid values"
                )
            raise bad(f"Tried accessing nonexisting field ({name}) on node type ({kind})")
    return found


def limit(params: Params, default: int = 25) -> int:
    """Rows of a page."""
    found = params.get("limit", default)
    if not isinstance(found, int) or found < 1:
        raise bad("Param limit must be a positive integer")
    return min(found, MOST)


def _read(value: Any) -> Any:
    if not isinstance(value, str) or not value or value[0] not in '[{0123456789tf"':
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
