"""Plants the CDNOW purchases, real sales of a record shop in 1997 and 1998, into the sandboxed Stripe.

One customer per customer id, one charge and its balance transaction per row of the file, at noon UTC of the day, since the file
knows no hour. Rows of zero dollars are purchases too (a gift, a coupon): they become charges of amount 0, which Stripe itself would
not make (its least charge is 0.50 USD), so that no purchase is lost. No fee is invented: net equals amount. Nothing is told by
events: the history is older than Stripe keeps them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sandbox.stripe.shapes import StripeObject
from sandbox.stripe.state import StripeState

NOON = 12


@dataclass(frozen=True)
class Purchase:
    """One row of the file. Units: cents of USD; the instant is noon UTC."""

    customer: str
    at: datetime
    discs: int
    cents: int


def read(path: Path) -> list[Purchase]:
    """All purchases in the order of the file. Errors: ValueError for a line that is not `customer date items dollars`."""
    lines = path.read_text().splitlines()
    # the full file opens with its column names; the 1/10 sample does not, and puts its own numbering after the customer
    rows = [line.split() for line in lines if line.strip() and not line.strip().startswith("customer_id")]
    return [_purchase(row) for row in rows]


def _purchase(row: list[str]) -> Purchase:
    customer, *_, day, discs, dollars = row
    at = datetime.strptime(day, "%Y%m%d").replace(hour=NOON, tzinfo=UTC)
    cents = Decimal(dollars) * 100
    if cents != cents.to_integral_value():
        raise ValueError(f"{dollars} dollars are not whole cents")
    return Purchase(customer, at, int(discs), int(cents))


def load(path: Path, state: StripeState) -> int:
    """Plant the file's customers, charges and balance transactions; answers the number of purchases."""
    purchases = read(path)
    state.insert_many(_customers(purchases))
    state.insert_many(_movements(purchases))
    return len(purchases)


def customer_id(customer: str) -> str:
    """The Stripe id of a customer of the file."""
    return f"cus_cdnow{customer}"


def _customers(purchases: list[Purchase]) -> Iterator[StripeObject]:
    first: dict[str, datetime] = {}
    for purchase in purchases:
        first[purchase.customer] = min(purchase.at, first.get(purchase.customer, purchase.at))
    for customer, at in first.items():
        made = {"id": customer_id(customer), "object": "customer", "created": int(at.timestamp()), "currency": "usd"}
        yield {**made, "metadata": {"cdnow_customer": customer}}


def _movements(purchases: list[Purchase]) -> Iterator[StripeObject]:
    for number, purchase in enumerate(purchases, start=1):
        charge, moved = f"ch_cdnow{number:06d}", f"txn_cdnow{number:06d}"
        when, money = {"created": int(purchase.at.timestamp())}, {"amount": purchase.cents, "currency": "usd"}
        links = {"customer": customer_id(purchase.customer), "balance_transaction": moved}
        more = {"amount_captured": purchase.cents, "metadata": {"discs": str(purchase.discs)}}
        yield {"id": charge, "object": "charge", **when, **money, **links, **more}
        yield {"id": moved, "object": "balance_transaction", **when, **money, "net": purchase.cents, "source": charge}
