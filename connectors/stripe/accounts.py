"""Whose objects are read: the key's own account, and, where the setting says so, accounts that are connected to it.

Source: https://docs.stripe.com/connect/authentication.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from connectors.stripe.client import StripeApi
from connectors.stripe.paging import leaves


@dataclass(frozen=True)
class Account:
    """One account in one mode (live or test), and the door to it."""

    id: str
    mode: str
    api: StripeApi

    @cached_property
    def key(self) -> str:
        """How its records name it: test and live data never share a record key."""
        return f"{self.id}:{self.mode}"


def visible(api: StripeApi, mode: str, connect: Sequence[str]) -> list[Account]:
    """The key's own account first, then the connected ones by id.

    Errors: those of `StripeApi`; Fatal with `credentials` if all are asked for and the key may not list them.
    """
    own = Account(api.get("definition", "account", {})["id"], mode, api)
    named = set(connect)
    if "all" in named:
        listed = leaves(api, "definition", "accounts", {}, stream="accounts")
        named = {account["id"] for leaf in listed for account in leaf.rows}
    return [own, *(Account(number, mode, api.of(number)) for number in sorted(named - {own.id}))]
