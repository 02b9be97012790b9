"""What a language model's tokens cost by its list price; unknown is unknown, never nothing.

Source: `prices.toml`, data with its origin and date.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PRICES = Path(__file__).with_name("prices.toml")
SNAPSHOT = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")
"""A dated version of a model costs what the model does: claude-sonnet-4-5-20250929, gpt-5.4-mini-2026-03-17."""


@dataclass(frozen=True)
class Price:
    """Of one model, in US dollars per million tokens, which is millionths of a dollar per token."""

    per_input: float
    per_output: float

    def cost_microusd(self, tokens_in: int, tokens_out: int) -> int:
        """What these tokens cost, in millionths of a US dollar."""
        return round(tokens_in * self.per_input + tokens_out * self.per_output)


def price_of(name: str) -> Price | None:
    """The price of `provider/model`; None if it is not known."""
    return _prices().get(name) or _prices().get(SNAPSHOT.sub("", name))


@cache
def _prices() -> dict[str, Price]:
    with PRICES.open("rb") as file:
        providers = tomllib.load(file)
    return {
        f"{provider}/{model}": Price(*price)
        for provider, listed in providers.items()
        for model, price in listed["models"].items()
    }
