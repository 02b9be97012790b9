"""The derived tables of this room."""

import pyarrow as pa

from pipelines.stitch.derived import Derived

RETENTION = Derived(
    "retention",
    "Of those who came in one month, how many and how much of their money is there in each later month.",
    ("basis", "cohort", "month"),
    {
        "basis": (
            pa.string(),
            "payments (who paid in that month) or subscriptions (who was under contract at its end)",
        ),
        "cohort": (pa.string(), "month of the first payment or contract in the business's zone, as 2026-01"),
        "month": (pa.int64(), "months since; 0 is the month of the cohort itself"),
        "period": (pa.string(), "the calendar month that this is, as 2026-03"),
        "complete": (pa.bool_(), "whether that month is over; the shares of one that is not are empty"),
        "customers": (pa.int64(), "payers in the cohort"),
        "kept": (pa.int64(), "of these, who was active in that month, those included who came back"),
        "stayed": (pa.int64(), "of these, who was active in the month before, too"),
        "returned": (pa.int64(), "of these, who was not active in the month before"),
        "first_value": (
            pa.int64(),
            "what the cohort paid in its first month, net, minor units of the reporting currency",
        ),
        "value": (
            pa.int64(),
            "what it paid in that month, net; empty for subscriptions, of which the ended tell no amount",
        ),
        "logo": (pa.float64(), "kept of customers, 0 to 1"),
        "gross": (
            pa.float64(),
            "money of the first month that is still paid, no payer counted above his first month, 0 to 1",
        ),
        "net": (pa.float64(), "value over first_value; above 1 where payers grew by more than others left"),
    },
)
LIFETIMES = Derived(
    "lifetimes",
    "One row per payer: what they brought so far, and what they are likely to do and bring.",
    ("scope", "entity_id"),
    {
        "scope": (pa.string(), "person or account; unassigned for the money of nobody we know"),
        "entity_id": (
            pa.string(),
            "who pays; empty for unassigned money, the payer's record for a contract of nobody we know",
        ),
        "cohort": (pa.string(), "month of the first payment or contract in the business's zone, as 2026-01"),
        "channel": (pa.string(), "channel of the person's first touch; empty for accounts and where none is known"),
        "contract": (pa.bool_(), "whether they have or had a subscription"),
        "purchases": (pa.int64(), "days on which they paid"),
        "first_day": (pa.string(), "day of the first payment or start of contract in the business's zone"),
        "last_day": (pa.string(), "day of the latest payment in the business's zone"),
        "historic": (
            pa.int64(),
            "net receipts so far, minor units of the reporting currency; receipts without a rate are left out",
        ),
        "predicted": (
            pa.int64(),
            "what is to come within the horizon by the model, discounted; empty where no model holds or some money has no rate",
        ),
        "buys_30d": (
            pa.float64(),
            "chance of at least one purchase in the next 30 days, 0 to 1; without contract only",
        ),
        "has_left": (pa.float64(), "chance to have left by now, 0 to 1; without contract only"),
        "ends_30d": (pa.float64(), "chance that the contract ends in the next 30 days, 0 to 1; running contracts only"),
        "standing": (
            pa.string(),
            "how far the chances can be trusted: calibrated, uncalibrated with the reason, or too few",
        ),
    },
)
FEATURES = Derived(
    "features",
    "What people did, and how often those payers grew or left who did it, beside the rest of their like.",
    ("outcome", "feature"),
    {
        "outcome": (pa.string(), "grew or left"),
        "feature": (pa.string(), "what was done: the product's action, or the kind of engagement"),
        "did": (pa.int64(), "payers who did it in the 90 days before"),
        "did_and": (pa.int64(), "of these, with the outcome in the 90 days after"),
        "rest": (pa.int64(), "payers who did not"),
        "rest_and": (pa.int64(), "of these, with the outcome"),
        "ratio": (
            pa.float64(),
            "how many times as often it goes with the outcome, among payers of like tenure and activity",
        ),
        "low": (pa.float64(), "lower end of its 95 % interval"),
        "high": (pa.float64(), "upper end"),
        "chance": (pa.float64(), "how likely so much is by chance alone, corrected for the number of looks, 0 to 1"),
        "verdict": (pa.string(), "goes with more, goes with less, no clear tie, or too few"),
    },
)
