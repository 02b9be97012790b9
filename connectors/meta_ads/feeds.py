"""How each listed stream is read: its edge, its fields, and which states of it are asked for.

Source: https://developers.facebook.com/docs/marketing-api/reference, version of settings.py. Fields that are signed anew on every read
(thumbnail_url, image_url) are left out.
"""

from dataclasses import dataclass
from datetime import timedelta

COMMON = ("id", "account_id", "name", "status", "effective_status", "created_time", "updated_time")
LIVING = ("ACTIVE", "PAUSED", "IN_PROCESS", "WITH_ISSUES")
GONE = ("ARCHIVED", "DELETED")
"""Left out by Meta unless asked for by name: deleted objects would vanish silently."""


@dataclass(frozen=True)
class Feed:
    """Reading instructions of one stream. Without `kind` there is no updated_time to filter by, and everything is listed."""

    edge: str
    fields: tuple[str, ...]
    kind: str = ""
    """What filters call it: campaign, adset or ad."""
    statuses: tuple[str, ...] = ()
    whole: timedelta = timedelta(days=7)
    """How often everything is listed, for what no stamp tells."""


FEEDS = {
    "campaigns": Feed(
        "campaigns",
        (*COMMON, "objective", "buying_type", "start_time", "stop_time", "daily_budget", "lifetime_budget"),
        "campaign",
        LIVING + GONE,
    ),
    "adsets": Feed(
        "adsets",
        (
            *(*COMMON, "campaign_id", "optimization_goal", "billing_event", "destination_type", "promoted_object"),
            *("start_time", "end_time", "daily_budget", "lifetime_budget"),
        ),
        "adset",
        (*LIVING, "CAMPAIGN_PAUSED", *GONE),
    ),
    "ads": Feed(
        "ads",
        (*COMMON, "adset_id", "campaign_id", "creative"),
        "ad",
        (
            *(*LIVING, "CAMPAIGN_PAUSED", "ADSET_PAUSED", "DISAPPROVED", "PENDING_BILLING_INFO", "PENDING_REVIEW"),
            *("PREAPPROVED", *GONE),
        ),
    ),
    "creatives": Feed(
        "adcreatives",
        (
            *("id", "account_id", "name", "status", "title", "body", "object_type", "call_to_action_type", "link_url"),
            *("object_url", "url_tags", "effective_object_story_id"),
        ),
        whole=timedelta(days=1),
    ),
}
AD_STATUSES = FEEDS["ads"].statuses
