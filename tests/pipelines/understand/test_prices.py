"""What tokens cost: data with its origin, and unknown where it is unknown."""

import tomllib
from datetime import date

from pipelines.understand.prices import PRICES, price_of


def test_cost_is_list_price_by_the_token():
    """Dollars per million tokens are millionths of a dollar per token."""
    price = price_of("anthropic/claude-sonnet-4-6")
    assert price.cost_microusd(1_000_000, 0) == 3_000_000
    assert price.cost_microusd(1_000, 200) == 6_000


def test_a_dated_version_costs_what_its_model_does():
    """Both vendors' ways of dating are known."""
    assert price_of("anthropic/claude-haiku-4-5-20251001") == price_of("anthropic/claude-haiku-4-5")
    assert price_of("openai/gpt-5.4-mini-2026-03-17") == price_of("openai/gpt-5.4-mini")


def test_an_unknown_model_has_no_price():
    """Another model, or the same name at another provider, is not taken for one that is known."""
    assert price_of("openai/gpt-5.4-micro") is None
    assert price_of("openrouter/gpt-5.4-mini") is None


def test_every_price_has_an_origin_and_a_date():
    """A number without a source is a rumour."""
    for listed in tomllib.loads(PRICES.read_text()).values():
        assert "https://" in listed["source"]
        assert isinstance(listed["read_on"], date)
        assert all(0 < one <= other for one, other in listed["models"].values())
