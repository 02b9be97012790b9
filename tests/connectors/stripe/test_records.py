"""How payloads in the shape of the pinned API version read as facts."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.stripe import CONNECTOR
from models.facts import Discount, Fact, Identifier, Payment, Profile, Scope, Subscription
from models.keys import RecordKey
from models.money import major
from models.records import Record

PAYLOADS = Path(__file__).parent / "payloads"
OBJECTS = {stream.object: stream for stream in CONNECTOR.streams}
DANA = "stripe/acct_1:live/customer/cus_Qf3kTNx8mYwZ1a"
INTENT = "stripe/acct_1:live/payment_intent/pi_3Pabcd"
"""What the charge, its refund and dispute and its invoice have in common."""
AT = datetime(2026, 1, 1, 10, tzinfo=UTC)


def facts(name: str, /, *, without: str = "", **changes: Any) -> list[Fact]:
    payload = json.loads((PAYLOADS / f"{name}.json").read_text()) | changes
    payload.pop(without, None)
    record = Record(RecordKey("stripe", "acct_1:live", name, payload["id"]), AT, payload)
    return list(OBJECTS[name].translate(record))


def identifiers(*found: tuple[Scope, str, str]) -> set[Fact]:
    return {fact for scope, kind, value in found for fact in Identifier.of(scope, kind, value)}


def payment(
    kind: str, amount: int, at: datetime, payer: str | None = DANA, purchase: str = INTENT, credited: int | None = None
) -> list[Fact]:
    return [
        Payment(
            payer=payer, kind=kind, amount_minor=amount, credited_minor=credited, currency="eur", purchase=purchase, occurred_at=at
        )
    ]  # fmt: skip


def test_a_customer_is_a_person_with_names_in_other_systems():
    """Address, number in the form of its country, Stripe's own id, and the CRM's ids from the metadata."""
    profile, *others = facts("customer")
    assert profile == Profile(
        scope=Scope.person,
        name="Dana Kolbe",
        company="Kolbe Stanztechnik GmbH",
        email="Dana.Kolbe@Kolbe.example",
        phone="0711 2345678",
        country="DE",
        city="Stuttgart",
        created_at=AT,
    )
    assert set(others) == identifiers(
        (Scope.person, "stripe_customer", "cus_Qf3kTNx8mYwZ1a"),
        (Scope.person, "email", "dana.kolbe@kolbe.example"),
        (Scope.person, "phone", "+497112345678"),
        (Scope.person, "salesforce_id", "0035g00000AbCdEAAV"),
        (Scope.account, "salesforce_id", "0015g00000XyZaBAAV"),
    )


def test_a_customer_may_name_records_of_hubspot():
    """A contact is the person, a company the account."""
    found = set(facts("customer", metadata={"hubspot_contact_id": "101", "hubspot_company_id": "501"}))
    assert identifiers((Scope.person, "hubspot_id", "101"), (Scope.account, "hubspot_id", "501")) <= found


def test_a_company_that_pays_is_an_account():
    """A business name and nobody else's: known by Stripe's id, the domain behind the mailbox, its phone, and the CRM's account."""
    firm = {
        "name": "Kolbe GmbH",
        "business_name": "Kolbe GmbH",
        "individual_name": None,
        "email": "billing@kolbe.example",
    }
    profile, *others = facts("customer", **firm, metadata={"salesforce_account_id": "0015g00000XyZaBAAV"})
    assert isinstance(profile, Profile)
    assert (profile.scope, profile.name, profile.company) == (Scope.account, "Kolbe GmbH", "Kolbe GmbH")
    assert set(others) == identifiers(
        (Scope.account, "stripe_customer", "cus_Qf3kTNx8mYwZ1a"),
        (Scope.account, "domain", "kolbe.example"),
        (Scope.account, "phone", "+497112345678"),
        (Scope.account, "salesforce_id", "0015g00000XyZaBAAV"),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Dana Kolbe"},
        {"individual_name": "Dana Kolbe"},
        {"business_name": None},
        {"metadata": {"hubspot_contact_id": "101"}},
    ],
)
def test_a_company_with_a_person_named_is_that_person(changes: dict[str, Any]):
    """Who typed themselves in, or is named as a contact, pays as a person who works there."""
    firm = {"name": "Kolbe GmbH", "business_name": "Kolbe GmbH", "individual_name": None, "metadata": {}}
    profile = facts("customer", **(firm | changes))[0]
    assert isinstance(profile, Profile)
    assert profile.scope is Scope.person


def test_only_what_was_captured_is_a_payment():
    """A partial capture counts its part; a failed charge and a mere authorisation count nothing; nought is a payment of nought."""
    assert facts("charge") == payment("charge", 9900, AT)
    assert facts("charge", customer=None) == payment("charge", 9900, AT, payer=None)
    assert facts("charge", amount_captured=0) == payment("charge", 0, AT)
    assert facts("charge", status="failed") == facts("charge", captured=False) == []


@pytest.mark.parametrize(
    ("status", "counts"),
    [("succeeded", True), ("pending", True), ("failed", False), ("canceled", False), ("requires_action", False)],
)
def test_a_refund_counts_while_the_balance_is_debited(status: str, counts: bool):  # noqa: FBT001
    """Also while it is pending, unless it still waits for funds; its payer is the customer of its charge."""
    expected = payment("refund", 2000, AT + timedelta(days=1)) if counts else []
    assert facts("refund", status=status) == expected
    assert facts("refund", status="pending", balance_transaction=None) == []


def test_an_authorisation_that_expires_gives_nothing_back():
    """Its refund succeeds without a movement of the balance, as its charge never took anything: both count nothing.

    Source: https://docs.stripe.com/payments/place-a-hold-on-a-payment-method: uncaptured funds are released as a refund.
    """
    hold = {"reason": "expired_uncaptured_charge", "balance_transaction": None}
    assert facts("charge", captured=False, amount_captured=0) == facts("refund", status="succeeded", **hold) == []


@pytest.mark.parametrize(
    ("status", "counts"),
    [
        ("needs_response", True),
        ("under_review", True),
        ("lost", True),
        ("appeal_needs_response", True),
        ("appeal_under_review", True),
        ("won", False),
        ("prevented", False),
        ("warning_needs_response", False),
        ("warning_closed", False),
    ],
)
def test_a_dispute_counts_while_it_holds_the_money(status: str, counts: bool):  # noqa: FBT001
    """Inquiries never took it, a won dispute gave it back."""
    expected = payment("dispute", 7900, AT + timedelta(days=2)) if counts else []
    assert facts("dispute", status=status) == expected


def test_tax_is_what_a_paid_invoice_carries_of_it():
    """Summed over its rates, dated when it was paid, never above what came in through Stripe."""
    assert facts("invoice") == payment("tax", 1900, AT + timedelta(hours=1))
    assert (
        facts("invoice", status="open") == facts("invoice", total_taxes=[]) == facts("invoice", total_taxes=None) == []
    )
    assert facts("invoice", amount_paid_off_stripe=11_900) == []
    assert facts("invoice", amount_paid=500) == payment("tax", 500, AT + timedelta(hours=1))


def test_taxes_of_both_signs_count_by_their_sum():
    """A line that credits, such as the rest of a month after a downgrade, bears negative tax; more of it than tax is none that was paid."""
    taxes = [{"amount": 1900}, {"amount": -350}]
    assert facts("invoice", total_taxes=taxes) == payment("tax", 1550, AT + timedelta(hours=1))
    assert facts("invoice", total_taxes=[{"amount": -950}], total=-5_950, amount_paid=0) == []


def paid_by(**intents: tuple[str, int | None]) -> dict[str, Any]:
    parts = [
        {"status": status, "amount_paid": amount, "payment": {"type": "payment_intent", "payment_intent": f"pi_{name}"}}
        for name, (status, amount) in intents.items()
    ]
    return {"object": "list", "has_more": False, "data": parts}


def test_tax_belongs_to_the_payments_that_were_made():
    """Not to one that was canceled or is open; where several paid, to each in proportion, to the minor unit."""
    intent = "stripe/acct_1:live/payment_intent/pi_{}".format
    late = AT + timedelta(hours=1)
    second = paid_by(old=("canceled", None), new=("paid", 11_900), next=("open", None))
    assert facts("invoice", payments=second) == payment("tax", 1900, late, purchase=intent("new"))
    halves = paid_by(a=("paid", 4_000), b=("paid", 7_900))
    notes = {"post_payment_credit_notes_amount": 1_190, "credit_notes": [note(190)]}
    assert facts("invoice", payments=halves, **notes) == [
        *payment("tax", 574, late, purchase=intent("a"), credited=63),
        *payment("tax", 1136, late, purchase=intent("b"), credited=127),
    ]


@pytest.mark.parametrize(
    ("credited", "left", "told"),
    [
        ({"post_payment_credit_notes_amount": 11_900}, 0, None),
        ({"post_payment_credit_notes_amount": 2_380}, 1_520, 380),
        ({"pre_payment_credit_notes_amount": 1_190, "post_payment_credit_notes_amount": 1_190}, 1_520, 190),
        ({"post_payment_credit_notes_amount": 1}, 1_900, None),
        ({"post_payment_credit_notes_amount": 0}, 1_900, None),
        ({"post_payment_credit_notes_amount": 20_000}, 0, None),
    ],
)
def test_a_credit_note_takes_back_its_part_of_the_tax_and_nothing_else(
    credited: dict[str, int], left: int, told: int | None
):
    """Its money counts once, as the refund that it caused or as the smaller charge that it pays for: never as a note.

    What was paid before it is told beside what is left, for a refund takes no more tax back than that.
    """
    found = facts("invoice", total=11_900, **credited)
    assert found == (payment("tax", left, AT + timedelta(hours=1), credited=told) if left else [])


def note(tax: int, status: str = "issued") -> dict[str, Any]:
    return {"id": "cn_1", "status": status, "total": 2_380, "total_taxes": [{"amount": tax}]}


@pytest.mark.parametrize(
    ("notes", "left", "told"),
    [
        ([note(0)], 1_900, None), ([note(100), note(250)], 1_550, 350), ([note(380), note(500, "void")], 1_520, 380),
        ([note(2_000)], 0, None), ([], 1_900, None),
    ],
)  # fmt: skip
def test_credit_notes_that_were_read_take_back_exactly_the_tax_they_name(notes: list[Any], left: int, told: int | None):
    """Whatever part of the amount they credit; lines at different rates bear different tax."""
    found = facts("invoice", total=11_900, post_payment_credit_notes_amount=2_380, credit_notes=notes)
    assert found == (payment("tax", left, AT + timedelta(hours=1), credited=told) if left else [])


def test_what_belongs_to_one_purchase_names_it():
    """By the payment intent, by the charge where there is none; a charge without either stands for itself."""
    charge = "stripe/acct_1:live/charge/ch_3PabcdEfGhIjKlMn0"
    assert {fact.purchase for name in ("charge", "refund", "dispute", "invoice") for fact in facts(name)} == {INTENT}
    older = [facts(name, payment_intent=None) for name in ("charge", "refund", "dispute")]
    by_charge = {"object": "list", "data": [{"payment": {"type": "charge", "charge": "ch_3PabcdEfGhIjKlMn0"}}]}
    older.append(facts("invoice", payments=by_charge))
    assert {fact.purchase for found in older for fact in found} == {charge}
    assert facts("invoice", payments=None)[0].purchase == "stripe/acct_1:live/invoice/in_1PabcdEfGhIjKlMn"


def subscription(**changes: Any) -> Subscription:
    (found,) = facts("subscription", **changes)
    assert isinstance(found, Subscription)
    return found


def subscription_of(**changes: Any) -> Subscription:
    """The subscription beside its discounts."""
    found = facts("subscription", **changes)[0]
    assert isinstance(found, Subscription)
    return found


def priced(amount: str | None, interval: str, count: int, quantity: int | None, **price: Any) -> dict[str, Any]:
    recurring = {"interval": interval, "interval_count": count, "usage_type": price.pop("usage", "licensed")}
    whole = {"unit_amount_decimal": amount, "recurring": recurring, "billing_scheme": "per_unit", **price}
    return {"object": "list", "has_more": False, "data": [{"id": "si_1", "price": whole, "quantity": quantity}]}


def test_a_subscription_tells_when_its_trial_ends():
    """For until then nobody has paid for it."""
    assert subscription_of(trial_end=int(AT.timestamp())).trial_end == AT
    assert subscription_of().trial_end is None


def test_monthly_revenue_adds_items_of_different_intervals():
    """Two times 120.00 a year and three times 2.505 a month are 20.00 and 7.515 a month, rounded once."""
    assert subscription() == Subscription(
        payer=DANA, status="active", mrr_minor=2752, currency="eur", started_at=AT, ended_at=None
    )


@pytest.mark.parametrize(
    ("items", "monthly"),
    [
        (priced("3000", "month", 3, 1), 1000),
        (priced("1200", "week", 1, 1), 5200),
        (priced("1200", "day", 1, 1), 36_500),
        (priced("500", "month", 1, 11, transform_quantity={"divide_by": 10, "round": "up"}), 1000),
        (priced("500", "month", 1, 11, transform_quantity={"divide_by": 10, "round": "down"}), 500),
        (priced("500", "month", 1, None, usage="metered"), 0),
        (priced(None, "month", 1, 2, unit_amount=700), 1400),
    ],
    ids=["quarter", "week", "day", "packs up", "packs down", "metered", "whole amount"],
)
def test_monthly_revenue_follows_interval_and_quantity(items: dict[str, Any], monthly: int):
    """Every interval that Stripe knows, brought to one month."""
    assert subscription(items=items).mrr_minor == monthly


GRADED = [
    {"up_to": 5, "flat_amount": 1000, "unit_amount": 100, "unit_amount_decimal": "100"},
    {"up_to": 10, "flat_amount": None, "unit_amount": None, "unit_amount_decimal": "50.5"},
    {"up_to": None, "flat_amount": 300, "flat_amount_decimal": "300", "unit_amount": 0},
]


@pytest.mark.parametrize(
    ("mode", "quantity", "minor"),
    [
        ("graduated", 0, 1000), ("graduated", 5, 1500), ("graduated", 6, 1550), ("graduated", 10, 1752), ("graduated", 12, 2052),
        ("volume", 0, 1000), ("volume", 5, 1500), ("volume", 6, 303), ("volume", 10, 505), ("volume", 11, 300),
    ],
)  # fmt: skip
def test_tiers_are_billed_as_stripe_does(mode: str, quantity: int, minor: int):
    """Each unit at its own tier's price, or all at that of the last one reached; flat amounts on top, the first one always.

    Source: https://docs.stripe.com/products-prices/pricing-models.
    """
    items = priced(None, "month", 1, quantity, billing_scheme="tiered", tiers_mode=mode, tiers=GRADED)
    assert subscription(items=items).mrr_minor == minor


def test_a_price_of_several_currencies_counts_in_that_of_the_subscription():
    """Tiers too, where that currency has its own."""
    euros = {"unit_amount_decimal": "900", "tiers": None}
    assert (
        subscription(items=priced("1000", "month", 1, 2, currency="usd", currency_options={"eur": euros})).mrr_minor
        == 1800
    )


def off(start: datetime = AT, end: datetime | None = None, duration: str = "forever", **coupon: Any) -> dict[str, Any]:
    terms = {
        "id": "c",
        "object": "coupon",
        "currency": None,
        "amount_off": None,
        "percent_off": None,
        "duration": duration,
    }
    stamps = {"start": int(start.timestamp()), "end": int(end.timestamp()) if end else None}
    return {"id": "di_1", "object": "discount", **stamps, "source": {"type": "coupon", "coupon": terms | coupon}}


def taken(*given: Any, **changes: Any) -> list[tuple[int | None, datetime, datetime | None]]:
    """What is off the sample's 20.00 a month (two a year at 120.00) and 7.515 (three a month), and from when to when."""
    _, *found = facts("subscription", discounts=list(given), **changes)
    assert all(isinstance(fact, Discount) and (fact.payer, fact.currency) == (DANA, "eur") for fact in found)
    return [(fact.amount_minor, fact.starts_at, fact.ends_at) for fact in found if isinstance(fact, Discount)]


LATER, LAST = AT + timedelta(days=90), AT + timedelta(days=365)


@pytest.mark.parametrize(
    ("given", "minor"),
    [
        ([off(percent_off=50)], 1376),
        ([off(percent_off=33.3333)], 918),
        ([off(percent_off=100)], 2752),
        ([off(amount_off=500, currency="eur")], 500),
        ([off(amount_off=500, currency="usd", currency_options={"eur": {"amount_off": 450}})], 450),
        ([off(amount_off=99_999, currency="eur")], 2752),
        ([off(percent_off=50), off(percent_off=50)], 2064),
        ([off(percent_off=50), off(amount_off=500, currency="eur")], 1876),
        ([off(amount_off=500, currency="eur"), off(percent_off=50)], 1626),
        ([off(percent_off=50, applies_to={"products": ["prod_Growth"]})], 1376),
        ([off(percent_off=50, applies_to={"products": ["prod_Other"]})], None),
        ([off(percent_off=50, duration="once")], None),
    ],
)  # fmt: skip
def test_a_discount_takes_off_its_share_or_amount_and_never_more_than_there_is(given: list[Any], minor: int | None):
    """One after the other, of what the one before left; one that counts once recurs no more than the bill that it is on."""
    assert taken(*given) == ([] if minor is None else [(minor, AT, None)])


def test_a_discount_that_ends_says_so_beforehand():
    """No event tells of its end, so each stretch of time has its own amount: half for a quarter, less five euros for a year."""
    given = (
        off(end=LATER, duration="repeating", percent_off=50),
        off(end=LAST, duration="repeating", amount_off=500, currency="eur"),
    )
    assert taken(*given) == [(1876, AT, LATER), (500, LATER, LAST)]
    assert taken(off(start=LATER, percent_off=50)) == [(1376, LATER, None)]


def test_a_discount_of_an_item_comes_first_and_is_of_that_item_alone():
    """A quarterly item of 30.00 less 6.00 a bill is 8.00 a month; half off all of it leaves 4.00."""
    items = priced("3000", "month", 3, 1)
    items["data"][0]["discounts"] = [off(amount_off=600, currency="eur")]
    assert taken(items=items) == [(200, AT, None)]
    assert taken(off(percent_off=50), items=items) == [(600, AT, None)]


@pytest.mark.parametrize(
    "unread", ["di_1", off() | {"source": {"type": "coupon", "coupon": "c"}}, off(amount_off=5, currency="jpy")]
)
def test_a_discount_that_tells_too_little_is_told_as_such(unread: Any):
    """A mere id, a coupon that may not be read and one of another currency: the revenue stays, and what is missing is countable."""
    assert taken(unread) == [(None, AT, None)]
    assert taken(unread, status="trialing") == []
    assert subscription_of(discounts=[unread]).mrr_minor == 2752


@pytest.mark.parametrize("behavior", ["void", "keep_as_draft", "mark_uncollectible"])
def test_paused_collection_brings_nothing(behavior: str):
    """The subscription stays active, and no invoice of it is paid until it resumes."""
    assert subscription(pause_collection={"behavior": behavior, "resumes_at": None}).mrr_minor == 0


@pytest.mark.parametrize("status", ["trialing", "canceled", "unpaid", "incomplete", "incomplete_expired", "paused"])
def test_what_is_not_paid_recurs_nothing(status: str):
    """Trials count nothing, nor does what ended or never began; a late payer still counts."""
    assert subscription(status=status).mrr_minor == 0
    assert subscription(status="past_due").mrr_minor == 2752


@pytest.mark.parametrize(
    ("currency", "whole"),
    [("eur", "99"), ("jpy", "9900"), ("krw", "9900"), ("kwd", "9.9"), ("isk", "99"), ("ugx", "99"), ("huf", "99")],
)
def test_amounts_of_every_currency_stay_exact(currency: str, whole: str):
    """Stripe's minor units are kept; yen have none, dinars three, and krona and shillings two for old times' sake.

    Source: https://docs.stripe.com/currencies#zero-decimal, #three-decimal and #special-cases.
    """
    for name in ("charge", "refund", "dispute"):
        amount = {"charge": "amount_captured", "refund": "amount", "dispute": "amount"}[name]
        (found,) = facts(name, currency=currency, **{amount: 9900})
        assert isinstance(found, Payment)
        assert (found.amount_minor, found.currency) == (9900, currency)
        assert major(found.amount_minor, found.currency) == Decimal(whole)


@pytest.mark.parametrize(("currency", "minor"), [("jpy", 1251), ("kwd", 1251), ("usd", 1251)])
def test_monthly_revenue_is_in_the_currency_s_own_minor_units(currency: str, minor: int):
    """A decimal price counts in the smallest unit whatever the currency: 417 and a sixteenth, three times."""
    items = priced("417.0625", "month", 1, 3)
    assert (subscription(items=items, currency=currency).mrr_minor, currency) == (minor, currency)


@pytest.mark.parametrize("name", ["customer", "subscription", "invoice"])
def test_what_a_test_clock_moves_says_nothing(name: str):
    """Simulated customers are no persons, and what they pay is no revenue."""
    assert facts(name) != []
    assert facts(name, test_clock="clock_1") == []


@pytest.mark.parametrize("name", ["product", "price", "balance_transaction"])
def test_the_rest_is_kept_and_says_nothing(name: str):
    """Raw only."""
    assert facts(name) == []


SURPRISES: dict[str, tuple[str, dict[str, Any], str]] = {
    "no amount": ("charge", {"without": "amount_captured"}, "amount_captured is missing"),
    "negative": ("charge", {"amount_captured": -1}, "amount_captured is negative"),
    "text for a number": ("refund", {"amount": "2000"}, "amount is str"),
    "fraction of a cent": ("refund", {"amount": 20.5}, "amount is float"),
    "no currency": ("dispute", {"currency": None}, "currency is not"),
    "odd currency": ("charge", {"currency": "EUROS"}, "currency is not"),
    "no date": ("charge", {"created": None}, "no date"),
    "absurd date": ("charge", {"created": 10**17}, "created is no instant"),
    "lines of tax that are none": ("invoice", {"total_taxes": ["x"]}, "an entry is str"),
    "notes that are none": ("invoice", {"credit_notes": 7}, "credit_notes is int"),
    "no customer": ("subscription", {"customer": None}, "customer or status is missing"),
    "tiers unknown": ("subscription", {"items": priced(None, "month", 1, 1, billing_scheme="tiered")}, "tiered"),
    "tiers of no mode": (
        "subscription",
        {"items": priced(None, "month", 1, 1, billing_scheme="tiered", tiers=[{"up_to": None}])},
        "tiers_mode",
    ),
    "tiers that end": (
        "subscription",
        {"items": priced(None, "month", 1, 9, billing_scheme="tiered", tiers_mode="volume", tiers=[{"up_to": 5}])},
        "end before",
    ),
    "price in another currency": (
        "subscription",
        {"items": priced("1", "month", 1, 1, currency="usd")},
        "no amount in the currency",
    ),
    "discounts that are none": ("subscription", {"discounts": "x"}, "discounts is str"),
    "more than nothing off": (
        "subscription",
        {"discounts": [{"start": 1, "source": {"coupon": {"percent_off": -1}}}]},
        "percent_off",
    ),
    "odd interval": ("subscription", {"items": priced("1", "fortnight", 1, 1)}, "no known interval"),
    "odd decimal": ("subscription", {"items": priced("1e999999999", "month", 1, 1)}, "not a decimal"),
    "items cut short": ("subscription", {"items": {"object": "list", "data": [], "has_more": True}}, "not complete"),
    "number for an address": ("customer", {"email": 7}, "email is int"),
}


@pytest.mark.parametrize(("name", "changes", "reason"), SURPRISES.values(), ids=SURPRISES)
def test_a_payload_that_makes_no_sense_is_refused_with_the_key(name: str, changes: dict[str, Any], reason: str):
    """ValueError that names the key; ingest keeps the record and counts it as rejected."""
    with pytest.raises(ValueError, match=reason):
        facts(name, **changes)


def test_a_customer_may_name_its_user_in_the_product():
    """The user id in the metadata is the id under which the product knows the person."""
    found = facts("customer", metadata={"user_id": "u-4711"})
    assert set(Identifier.of(Scope.person, "external_id", "u-4711")) <= set(found)
