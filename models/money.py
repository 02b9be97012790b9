"""Money as people write it: how many digits a currency has after the point."""

from decimal import Decimal

NO_DIGITS = frozenset(
    ["bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"]
)
THREE_DIGITS = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
"""Source of both: https://docs.stripe.com/currencies, for our payments come in Stripe's minor units."""


def minor_digits(currency: str) -> int:
    """Digits after the point; two for most. `currency` is ISO 4217 in lower case."""
    return 0 if currency in NO_DIGITS else 3 if currency in THREE_DIGITS else 2


def major(minor: int, currency: str) -> Decimal:
    """An amount of minor units in whole units, exact: 240050 cents are 2400.50."""
    return Decimal(minor).scaleb(-minor_digits(currency))
