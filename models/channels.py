"""Channels: how somebody came, as touches call it. Which of them end on a page of ours, and which are paid for, is told here only."""

LEAD_AD = "lead_ad"
"""A form filled in on the ad platform itself: exact on person and ad, and no visit of ours."""
ORGANIC_LEAD = "organic_lead"
"""The same form where no ad brought it: a link, a post, the Page itself."""
PAID = "paid_"
"""Clicks on ads begin so: `paid_social`, `paid_search`."""
PAID_VISITS = ("paid", "display")
"""Visits that are paid for beside them: ads of an unnamed kind, and banners."""
OTHER_VISIT = "other_campaigns"
"""A visit by a link that is marked, but not with a medium that we know; `campaign` is one of the CRM's, and no visit."""
UNPAID_VISITS = (
    "organic_search", "social_media", "referrals", "email_marketing", OTHER_VISIT, "direct_traffic", "ai_referrals",
    "social", "referral", "email", "affiliate", "sms", "audio", "video",
)  # fmt: skip
"""Visits that are not: as HubSpot calls them, then as the medium of an address does. `offline` is none.

Sources: https://knowledge.hubspot.com/reports/understand-hubspots-traffic-sources-in-the-traffic-analytics-tool;
https://support.google.com/analytics/answer/9756891.
"""
