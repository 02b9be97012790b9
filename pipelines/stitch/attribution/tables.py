"""The derived tables of this room: their columns."""

import pyarrow as pa

from pipelines.ingest.schemas import INSTANT
from pipelines.stitch.derived import Derived

PURCHASE, CUSTOMER = BASES = ("purchase", "customer")
"""Whether a payment is credited to the touches before it, or all that a customer ever paid to the touches before the first payment."""
UNATTRIBUTED = "unattributed"
"""Channel of money before which no touch is known."""

CREDIT = Derived(
    "credit",
    "Who brought the money: each purchase (and all that each customer paid) split among the touches before it, by every model.",
    ("basis", "model", "conversion", "currency", "place"),
    {
        "basis": (pa.string(), "purchase, or customer: all their money by the touches before their first purchase"),
        "model": (pa.string(), "first, last, last_non_direct, linear, position, decay, markov or shapley"),
        "conversion": (pa.string(), "key of the purchase"),
        "customer_id": (pa.string(), "the account that paid, or the person where no account is known"),
        "converted_at": (INSTANT, "when it was paid, UTC"),
        "place": (pa.int64(), "the touch's place among those before the purchase, from 0"),
        "person_id": (pa.string(), "who was touched"),
        "touched_at": (INSTANT, "when, UTC"),
        "channel": (pa.string(), "its channel; an ad's form and its clicks are one"),
        "platform": (pa.string(), "the ad platform it came by, where it is known"),
        "campaign_id": (pa.string(), "the platform's id of the campaign, where the ad is known"),
        "ad_id": (pa.string(), "the platform's id of the ad, where it is known"),
        "weight": (pa.float64(), "this touch's part, above 0; those of a purchase and model add up to 1"),
        "currency": (pa.string(), "ISO 4217, lower case"),
        "amount": (pa.int64(), "its part of the net money, minor units; the parts add up to it exactly"),
        "value": (pa.int64(), "the same in minor units of the reporting currency; empty where a rate is missing"),
    },
)
RETURNS = Derived(
    "returns",
    "What each channel, campaign and ad cost and brought in each month, by every model; money of unknown origin is a channel of its own.",
    ("model", "month", "channel", "platform", "campaign_id", "ad_id"),
    {
        "model": (pa.string(), "the model of attribution"),
        "month": (pa.string(), "as 2026-01: of the payment (UTC), or of the ad's day in its account's zone"),
        "channel": (pa.string(), "the channel; unattributed where no touch before the payment is known"),
        "platform": (pa.string(), "the ad platform"),
        "campaign_id": (pa.string(), "the platform's id of the campaign"),
        "campaign": (pa.string(), "its name"),
        "ad_id": (pa.string(), "the platform's id of the ad"),
        "ad": (pa.string(), "its name"),
        "customers": (pa.float64(), "new customers of the month credited to it; a customer may be shared"),
        "net": (pa.int64(), "net money of the month's payments, minor units of the reporting currency"),
        "lifetime": (pa.int64(), "net money so far of the customers that were new in the month, likewise"),
        "spend": (pa.int64(), "what it cost in the month, likewise"),
        "roas": (pa.float64(), "net over spend; empty where nothing was spent"),
        "cac": (pa.float64(), "spend over new customers, minor units; empty where there were none"),
        "without_rate": (
            pa.float64(),
            "amounts that are in none of these sums, for want of a rate; one may be shared, as customers are",
        ),
    },
)
COHORTS = Derived(
    "cohort_costs",
    "What it cost to win the customers of each month: blended over all of them, and by those whom paid channels are credited with.",
    ("model", "month"),
    {
        "model": (pa.string(), "the model of attribution"),
        "month": (pa.string(), "month of the first payment, as 2026-01"),
        "customers": (pa.float64(), "new customers"),
        "paid_customers": (pa.float64(), "those of them credited to paid channels"),
        "spend": (pa.int64(), "what ads cost in the month, minor units of the reporting currency"),
        "cac_blended": (pa.float64(), "spend over new customers; empty where there were none"),
        "cac_paid": (pa.float64(), "spend over those credited to paid channels; empty where there were none"),
    },
)
