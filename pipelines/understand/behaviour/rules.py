"""The rules by which deeds become evidence: each a row of data, stated so that a rep can check it by counting.

A rule looks at one person's deeds of a kind in a window that ends with that person's own last deed, never at today, so that time
alone finds nothing. It holds from a bar on; what held is given up only well below it, so that nobody flickers.
"""

from dataclasses import dataclass

from models import Polarity
from pipelines.understand.behaviour.deeds import ANSWERED, BOUGHT, ENDED, SIGNED, USED

VERSION = "2"
"""Version of the rules and of how they are read; another number finds everything anew."""
AGAIN = 90
"""Days after which a rule that still holds is said again, if its window is no shorter: hardly any deed speaks twice."""
GIVEN_UP = 0.75
"""Part of its bar below which what held is said not to hold any more."""


@dataclass(frozen=True)
class Rule:
    """One rule. Shape: `statement` names numbers of its look; `aspect` may name `which` (the part of day, the channel, the action).

    Units: `window` in days; `least` occasions without which nothing is said; `bar` is the score from which it holds, what a score is
    says the look (`pipelines/understand/behaviour/looks.py`). Looks are share, change, rhythm, habit and event.
    """

    name: str
    slot: str
    aspect: str
    polarity: Polarity
    look: str
    kinds: tuple[str, ...]
    window: int
    least: int
    bar: float
    statement: str
    by: str = ""
    """What occasions are told apart by, or what is measured."""
    only: str = ""
    """The one value that is worth saying; empty for all."""


# windows and bars are starting values: a quarter shows a habit, a half is what a rep would call a fall
RULES = (
    Rule("hours", "preference", "{which}", Polarity.neutral, "share", (USED, ANSWERED, BOUGHT), 90, 8, 0.6,
         "Prefers {which}: active then on {hits} of {n} occasions in {window} days ({zone})", by="part of day"),
    Rule("weekends", "preference", "{which}", Polarity.neutral, "share", (USED, ANSWERED, BOUGHT), 90, 8, 0.6,
         "Prefers {which}: active then on {hits} of {n} days in {window}", by="part of week", only="weekends"),
    Rule("channel", "preference", "{which}", Polarity.neutral, "share", (ANSWERED,), 180, 5, 0.6,
         "Answers mostly by {which}: {hits} of {n} times in {window} days", by="channel"),
    Rule("rhythm", "preference", "purchases", Polarity.neutral, "rhythm", (BOUGHT,), 730, 3, 0.65,
         "Buys {which}: {purchases} purchases, usually {days} days apart"),
    Rule("discount", "price", "discount", Polarity.negative, "share", (BOUGHT,), 365, 3, 0.9,
         "Only buys on discount: {hits} of {n} purchases in {window} days", by="discount", only="on discount"),
    Rule("full_price", "price", "discount", Polarity.positive, "share", (BOUGHT,), 365, 3, 0.6,
         "Buys without discount, too: {hits} of {n} purchases in {window} days", by="discount", only="at full price"),
    Rule("usage_fell", "value", "use of the product", Polarity.negative, "change", (USED,), 60, 8, 0.5,
         "Usage fell by {percent} % since {since}: {recent} active days in {window}, {before} in the {window} before", by="fall"),
    Rule("usage_grew", "value", "use of the product", Polarity.positive, "change", (USED,), 60, 8, 0.5,
         "Uses it more since {since}: {recent} active days in {window}, {before} in the {window} before", by="rise"),
    Rule("buying_fell", "intent", "purchases", Polarity.negative, "change", (BOUGHT,), 180, 4, 0.5,
         "Buys {percent} % less often since {since}: {recent} days with purchases in {window}, {before} in the {window} before", by="fall"),
    Rule("buying_grew", "intent", "purchases", Polarity.positive, "change", (BOUGHT,), 180, 4, 0.5,
         "Buys more often since {since}: {recent} days with purchases in {window}, {before} in the {window} before", by="rise"),
    Rule("habit", "fit", "{which}", Polarity.positive, "habit", (USED,), 56, 3, 0.75,
         "Uses “{which}” regularly: in {hits} of {n} weeks", by="action"),
    Rule("signed", "intent", "contract", Polarity.positive, "event", (SIGNED,), 1, 1, 1.0,
         "Signed a contract in {since}", by=SIGNED),
    Rule("ended", "intent", "contract", Polarity.negative, "event", (ENDED,), 1, 1, 1.0,
         "Ended the last running contract in {since}", by=ENDED),
)  # fmt: skip
