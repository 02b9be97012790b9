"""What is pulled from Stripe, and how each object reads as facts."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from itertools import accumulate, pairwise

from connectors.base import Stream, raw_only
from connectors.stripe.payload import Payload
from connectors.stripe.recurring import discounts, monthly
from models.facts import Discount, Fact, Identifier, Payment, Profile, Scope, Subscription
from models.records import Record

PERSONS = {
    "salesforce_contact_id": "salesforce_id",
    "salesforce_lead_id": "salesforce_id",
    "hubspot_contact_id": "hubspot_id",
    "user_id": "external_id",
}
ACCOUNTS = {"salesforce_account_id": "salesforce_id", "hubspot_company_id": "hubspot_id"}
"""Metadata keys by which a customer names its records in a CRM or its user in the product, and what those ids are; a convention of
integrations, not Stripe's own."""

WITHDRAWN = frozenset({"needs_response", "under_review", "lost", "appeal_needs_response", "appeal_under_review"})
"""Disputes that hold our money; inquiries (warning_…) and prevented ones never took it, won ones gave it back.
Source: https://docs.stripe.com/disputes/how-disputes-work."""

LEFT = frozenset({"succeeded", "pending"})
"""Refunds whose money is on its way or there."""
UNPAID = frozenset({"open", "canceled"})
"""Payments of an invoice that brought nothing. Source: https://docs.stripe.com/api/invoice-payment/object."""


def customer(record: Record) -> Iterator[Fact]:
    """Who pays, and under which names other systems know them: a person, or a company that pays as such."""
    read = Payload(record)
    country = read.text("address.country")
    scope = Scope.account if _is_company(read) else Scope.person
    yield Profile(
        scope=scope,
        name=read.text("individual_name") or read.text("name") or read.text("business_name"),
        company=read.text("business_name"),
        email=read.text("email"),
        phone=read.text("phone"),
        country=country,
        city=read.text("address.city"),
        postcode=read.text("address.postal_code"),
        created_at=read.instant("created"),
    )
    yield from Identifier.of(scope, "stripe_customer", record.key.id)
    yield from Identifier.of(scope, "phone", read.text("phone"), country)
    if scope is Scope.person:
        yield from Identifier.of(scope, "email", read.text("email"))
    else:  # whoever reads the mailbox: the company is known by its domain
        yield from Identifier.of(scope, "domain", (read.text("email") or "").rpartition("@")[2])
    for scope, named in ((Scope.person, PERSONS), (Scope.account, ACCOUNTS)):
        for key, kind in named.items():
            yield from Identifier.of(scope, kind, read.text(f"metadata.{key}"))


def _is_company(read: Payload) -> bool:
    """A business without an individual, under whose name and metadata no person stands either.

    Source: https://docs.stripe.com/api/customers/object: `business_name` and `individual_name` are apart from `name`, which is either.
    """
    business = read.text("business_name")
    other_name = read.text("individual_name") or read.text("name") or business
    return bool(business) and other_name == business and not any(read.text(f"metadata.{key}") for key in PERSONS)


def charge(record: Record) -> Iterator[Fact]:
    """Money taken: what was captured of a charge that succeeded. An authorisation is no payment."""
    read = Payload(record)
    if read.text("status") == "succeeded" and read.flag("captured"):
        yield _payment(read, "charge", read.amount("amount_captured"), read.key("customer", "customer"))


def refund(record: Record) -> Iterator[Fact]:
    """Money given back; the payer is the charge's customer.

    It counts once it has a balance transaction: the money has left then, and comes back only if the refund fails. Without one it
    waits for funds, or has let go of an authorisation that was never captured (`expired_uncaptured_charge`), and moved no money.
    Failed, canceled and requires_action ones count nothing. Source: https://docs.stripe.com/refunds, /api/refunds/object.
    """
    read = Payload(record)
    if read.text("status") in LEFT and read.text("balance_transaction"):
        payer = read.key("customer", "charge.customer") or read.key("customer", "customer")
        yield _payment(read, "refund", read.amount("amount"), payer)


def dispute(record: Record) -> Iterator[Fact]:
    """Money that the payer's bank took back, as long as it is gone."""
    read = Payload(record)
    if read.text("status") in WITHDRAWN:
        yield _payment(read, "dispute", read.amount("amount"), read.key("customer", "charge.customer"))


def invoice(record: Record) -> Iterator[Fact]:
    """Tax that was paid with an invoice, which is not revenue; never more than was paid through Stripe.

    A credit note takes back the tax that it names, whether the money goes back as a refund, which counts as such, or stays with us as
    credit for the next invoice, which is then paid with less. An invoice tells how much was credited, and not which of its lines: where
    its notes could not be read, each part of the amount bears equal tax. An invoice that was paid in parts has tax of each, by amount.
    Source: https://docs.stripe.com/invoicing/integration/programmatic-credit-notes.
    """
    read = Payload(record)
    if read.text("status") != "paid":
        return
    back, parts = _taken_back(read), _paid_parts(read)
    paid = read.amount("amount_paid") - (read.whole("amount_paid_off_stripe") or 0)
    tax = max(min(_tax(read) - back, paid), 0)
    taxes, notes = (_split(whole, parts.values()) for whole in (tax, _after_payment(read, back)))
    payer = read.key("customer", "customer")
    for purchase, amount, credited in zip(parts, taxes, notes, strict=True):
        if amount:
            at = "status_transitions.paid_at"
            yield _payment(read, "tax", amount, payer, at, purchase=purchase, credited=credited or None)


def _tax(read: Payload) -> int:
    """Tax in all; what one bill credits, such as the rest of a month, makes some of its taxes negative."""
    return sum(part.signed("amount") for part in read.entries("total_taxes"))


def _paid_parts(read: Payload) -> dict[str | None, int]:
    """How much each purchase paid of an invoice; None is the invoice itself, where no payment through Stripe is told."""
    found: Counter[str | None] = Counter()
    for part in read.entries("payments"):
        purchase = _purchase(part, "payment.")
        if purchase and part.text("status") not in UNPAID:
            found[purchase] += part.whole("amount_paid") or 1
    return found or {None: 1}


def _split(whole: int, weights: Iterable[int]) -> list[int]:
    """Parts in proportion, which add up to the whole."""
    ends = [0, *accumulate(weights)]
    return [whole * end // ends[-1] - whole * start // ends[-1] for start, end in pairwise(ends)]


def _after_payment(read: Payload, taken_back: int) -> int:
    """The part of the tax taken back that had been paid; what is credited before the payment was never charged."""
    pre, post = (read.whole(f"{when}_payment_credit_notes_amount") or 0 for when in ("pre", "post"))
    return round(Fraction(taken_back * post, pre + post)) if pre + post else 0


def _taken_back(read: Payload) -> int:
    """Tax of the credit notes that stand; a void one takes nothing back."""
    if read.value("credit_notes") is not None:
        return sum(_tax(note) for note in read.entries("credit_notes") if note.text("status") != "void")
    credited = sum(read.whole(f"{when}_payment_credit_notes_amount") or 0 for when in ("pre", "post"))
    if not credited:
        return 0
    tax, total = _tax(read), read.amount("total")
    return tax - round(Fraction(tax * max(total - credited, 0), total)) if total else tax


def subscription(record: Record) -> Iterator[Fact]:
    """A running or ended agreement, with what it brings per month and what discounts take off that, and until when."""
    read = Payload(record)
    payer, status = read.key("customer", "customer"), read.text("status")
    if payer is None or status is None:
        raise ValueError("customer or status is missing")
    yield Subscription(
        payer=payer,
        status=status,
        mrr_minor=monthly(read),
        currency=read.currency(),
        started_at=read.moment("start_date", "created"),
        trial_end=read.instant("trial_end"),
        ended_at=read.instant("ended_at"),
    )
    yield from discounts(read, payer)


def _payment(
    read: Payload,
    kind: str,
    amount: int,
    payer: str | None,
    *when: str,
    purchase: str | None = None,
    credited: int | None = None,
) -> Payment:
    return Payment(
        payer=payer,
        kind=kind,
        amount_minor=amount,
        credited_minor=credited,
        currency=read.currency(),
        purchase=purchase or _purchase(read) or read.own_key,
        occurred_at=read.moment(*when, "created"),
    )


def _purchase(read: Payload, inside: str = "") -> str | None:
    """What a charge, its refunds and disputes and its invoice name in common: the payment intent, or the charge where there is none."""
    return read.key("payment_intent", f"{inside}payment_intent") or read.key("charge", f"{inside}charge")


def _stream(
    name: str,
    description: str,
    translate: Callable[[Record], Iterable[Fact]],
    *facts: type[Fact],
    stamps: str = "",
    lasting: bool = False,
) -> Stream:
    def real(record: Record) -> Iterable[Fact]:
        """What a test clock moves has not happened: it is kept, and says nothing."""
        return () if record.payload.get("test_clock") else translate(record)

    unstamped = frozenset(stamps.split())
    return Stream(name, name.removesuffix("s"), description, real, facts, unstamped, lasting)


# stamps: `updated` moves with every edit, and signed addresses of documents differ on every read
STREAMS = (
    _stream("customers", "Who pays us, and how to reach them.", customer, Profile, Identifier, lasting=True),
    _stream("subscriptions", "Running and ended agreements to pay.", subscription, Subscription, Discount),
    _stream(
        "invoices", "What was billed, with its lines, tax and payments.", invoice, Payment,
        stamps="hosted_invoice_url invoice_pdf webhooks_delivered_at",
    ),
    _stream("charges", "Every attempt to take money.", charge, Payment, stamps="receipt_url"),
    _stream("refunds", "Money that was given back.", refund, Payment),
    _stream("disputes", "Payments that the payer's bank called back.", dispute, Payment),
    _stream("products", "What is sold.", raw_only, stamps="updated"),
    _stream("prices", "What it costs.", raw_only),
    _stream("balance_transactions", "Every movement of the Stripe balance, with its fee.", raw_only),
)  # fmt: skip
