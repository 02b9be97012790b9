"""The planted Stripe account: what was bought, paid, returned and disputed, in the shapes of the current API version.

Money movements are shaped like CDNOW: most customers buy once, few buy often. Refunds and disputes hit untaxed payments only,
so that what was earned is a plain sum of parts; credit notes are not part of this world.
"""

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from sandbox.stripe.shapes import NO_ADDRESS, complete
from sandbox.world.ids import Ids
from sandbox.world.moments import BEGIN, MARGIN, between, unix
from sandbox.world.names import Country
from sandbox.world.person import Face, Someone
from sandbox.world.truth import Revenue

Object = dict[str, Any]

PLANS = (("Starter", 2900), ("Growth", 9900), ("Scale", 49900))
"""Name and monthly price in minor units of a currency with cents."""
CURRENCIES = ("usd", "eur", "gbp", "jpy")
INTERVALS = {"month": 1, "year": 10}
"""Months one pays for: a year costs ten."""
TAX_PERCENT = {"gbp": 20, "eur": 19}
ONE_OFF = ("Onboarding", "Training day", "Data import", "Extra seats", "Workshop")
WITHDRAWN = {"lost": True, "needs_response": True, "under_review": True, "won": False, "warning_closed": False}
"""Whether a dispute of this status holds our money (https://docs.stripe.com/disputes/how-disputes-work)."""
DISPUTE_FEE = 1500


class Till:
    """A Stripe account while it is being planted; counts what was really earned as it goes."""

    def __init__(self, rng: random.Random, ids: Ids, now: datetime) -> None:
        self.rng = rng
        self.ids = ids
        self.latest = now - MARGIN
        self.objects: list[Object] = []
        self.customers: dict[str, Object] = {}
        self.prices: dict[tuple[str, str, str], Object] = {}
        self.earned: defaultdict[str | None, Counter[tuple[str, str]]] = defaultdict(Counter)
        """By customer id: minor units by (currency, part)."""
        self.tax_rate = ids.next("tax_rate")

    def add(self, kind: str, created: datetime, **fields: Any) -> Object:
        """One object; keys that are not given get their plain values from the sandbox."""
        made = {"id": self.ids.next(kind), "object": kind, "created": unix(created), **fields}
        self.objects.append(made)
        return made

    def catalogue(self) -> None:
        """Products with a monthly and a yearly price in every currency."""
        for name, amount in PLANS:
            product = self.add("product", BEGIN, name=name)
            for currency in CURRENCIES:
                for interval, months in INTERVALS.items():
                    cents = amount * months if currency != "jpy" else round(amount * 1.5) * months
                    self.prices[name, currency, interval] = self.add(
                        "price", BEGIN, product=product["id"], currency=currency, type="recurring", unit_amount=cents,
                        unit_amount_decimal=str(cents), recurring={
                            "interval": interval, "interval_count": 1, "meter": None, "trial_period_days": None,
                            "usage_type": "licensed",
                        },
                    )  # fmt: skip

    def customer(self, person: Someone, face: Face, account: str | None) -> Object:
        """A customer as its person typed themselves in; metadata names the CRM records where somebody cared to."""
        country = person.company.country
        named = {
            "salesforce_contact_id": face.names_contact,
            "salesforce_account_id": account,
            "hubspot_contact_id": face.names_hubspot,
        }
        made = {
            "id": face.id, "object": "customer", "created": unix(face.created), "email": face.email, "name": person.name,
            "phone": face.phone, "currency": country.currency, "metadata": {key: name for key, name in named.items() if name},
            "address": {**NO_ADDRESS, "city": country.city, "country": country.code},
        }  # fmt: skip
        self.objects.append(made)
        self.customers[face.id] = made
        return made

    def buys(self, customer: Object, face: Face, country: Country, *, loyal: bool) -> None:
        """Everything this customer pays for: a subscription, or single purchases. Some never pay; the loyal stay subscribed."""
        habit = self.rng.random()
        if habit < 0.35 or loyal:
            self._subscribe(customer, face.created, country, loyal=loyal)
        elif habit < 0.95:
            for _ in range(min(60, int(self.rng.paretovariate(1.1)))):
                at = between(self.rng, face.created, self.latest - timedelta(hours=2))
                self._purchase(customer, at, self._price_of_one(country), taxed=self.rng.random() < 0.3)

    def pays(self, customer: Object, at: datetime, amount: int) -> None:
        """One payment that succeeds and is kept, in minor units of the customer's currency."""
        self._pay(customer, at, amount, customer["currency"], "succeeded")

    def guest(self, at: datetime) -> None:
        """A payment that names no customer."""
        self._pay(None, at, self.rng.randint(500, 20000), "usd", "succeeded")

    def revenue(self, customers: list[str] | None) -> dict[str, Revenue]:
        """What was earned from these customers, or from payments without one, by currency."""
        sums: Counter[tuple[str, str]] = Counter()
        for customer in [None] if customers is None else customers:
            sums.update(self.earned.get(customer, {}))
        by_currency: dict[str, Revenue] = {}
        for currency in sorted({currency for currency, _ in sums}):
            parts = {part: sums[currency, part] for part in ("charges", "refunds", "disputes", "tax")}
            net = 2 * parts["charges"] - sum(parts.values())
            by_currency[currency] = Revenue(**parts, net=net)
        return by_currency

    def _price_of_one(self, country: Country) -> int:
        amount = max(100, round(self.rng.lognormvariate(8.6, 0.9)))
        return amount * 2 if country.currency == "jpy" else amount

    def _purchase(self, customer: Object, at: datetime, amount: int, *, taxed: bool) -> None:
        if taxed or self.rng.random() < 0.3:
            self._invoice(customer, at, self._lines(customer, at, amount), taxed=taxed, subscription=None)
            return
        outcome = self.rng.choices(("succeeded", "failed", "uncaptured"), (92, 6, 2))[0]
        charge = self._pay(customer, at, amount, customer["currency"], outcome)
        if outcome == "succeeded":
            self._regret(charge, at)

    def _lines(self, customer: Object, at: datetime, amount: int) -> list[Object]:
        # one invoice in fifty is long enough that Stripe pages its lines (beyond ten)
        count = min(amount, 14 if self.rng.random() < 0.02 else self.rng.choice((1, 1, 1, 2, 3)))
        shares = [amount // count] * (count - 1)
        return [
            self._line(customer["currency"], share, self.rng.choice(ONE_OFF), at, at)
            for share in [*shares, amount - sum(shares)]
        ]

    def _line(self, currency: str, amount: int, text: str, start: datetime, end: datetime) -> Object:
        return {
            "id": self.ids.next("line_item"), "object": "line_item", "amount": amount, "currency": currency,
            "description": text, "period": {"start": unix(start), "end": unix(end)}, "subtotal": amount,
        }  # fmt: skip

    def _subscribe(self, customer: Object, start: datetime, country: Country, *, loyal: bool) -> None:
        plan, _ = self.rng.choices(PLANS, (60, 30, 10))[0]
        interval = self.rng.choices(("month", "year"), (80, 20))[0]
        quantity = self.rng.choice((1, 1, 1, 2, 5, 20))
        begins = between(self.rng, start, min(self.latest, start + timedelta(days=90)))
        stays = 60 if loyal else min(60, int(self.rng.paretovariate(0.6)))  # periods: many leave early, some stay
        self.subscribes(customer, country, plan, interval, quantity, begins, stays)

    def subscribes(
        self, customer: Object, country: Country, plan: str, interval: str, quantity: int, begins: datetime, stays: int
    ) -> None:
        """A subscription that is paid for so many periods, or until now."""
        price = self.prices[plan, country.currency, interval]
        step = timedelta(days=30 if interval == "month" else 365)
        ends = begins + stays * step
        over = ends < self.latest
        periods = [begins + number * step for number in range(stays if over else (self.latest - begins) // step + 1)]
        subscription = self.add(
            "subscription", begins, customer=customer["id"], currency=country.currency,
            status="canceled" if over else self.rng.choices(("active", "past_due"), (96, 4))[0],
            canceled_at=unix(ends) if over else None, ended_at=unix(ends) if over else None,
        )  # fmt: skip
        item = {
            "id": self.ids.next("subscription_item"), "object": "subscription_item", "created": unix(begins), "price": complete(price),
            "quantity": quantity, "subscription": subscription["id"], "current_period_start": unix(periods[-1]),
            "current_period_end": unix(periods[-1] + step),
        }  # fmt: skip
        subscription["items"] = [item]
        taxed = country.currency in TAX_PERCENT and self.rng.random() < 0.5
        for at in periods:
            line = self._line(country.currency, price["unit_amount"] * quantity, f"{quantity} x {plan}", at, at + step)
            line["quantity"], line["quantity_decimal"] = quantity, str(quantity)
            line["pricing"] = {
                "price_details": {"price": price["id"], "product": price["product"]}, "type": "price_details",
                "unit_amount_decimal": price["unit_amount_decimal"],
            }  # fmt: skip
            line["parent"] = {
                "invoice_item_details": None, "type": "subscription_item_details", "subscription_item_details": {
                    "invoice_item": None, "proration": False, "proration_details": None,
                    "subscription": subscription["id"], "subscription_item": item["id"],
                },
            }  # fmt: skip
            invoice = self._invoice(customer, at, [line], taxed=taxed, subscription=subscription)
            subscription["latest_invoice"] = invoice["id"]

    def _invoice(
        self, customer: Object, at: datetime, lines: list[Object], *, taxed: bool, subscription: Object | None
    ) -> Object:
        subtotal = sum(line["amount"] for line in lines)
        rate = TAX_PERCENT.get(customer["currency"], 0) if taxed else 0
        tax = subtotal * rate // 100
        total, paid = subtotal + tax, self.rng.random() < 0.96
        invoice = self.add(
            "invoice", at, customer=customer["id"], currency=customer["currency"], customer_email=customer["email"],
            customer_name=customer["name"], status="paid" if paid else self.rng.choice(("open", "void", "uncollectible")),
            amount_due=total, amount_paid=total if paid else 0, amount_remaining=0 if paid else total, attempted=True,
            attempt_count=1, subtotal=subtotal, subtotal_excluding_tax=subtotal, total=total, total_excluding_tax=subtotal,
            number=f"ACME-{self.ids.given['invoice']:07d}", total_taxes=[self._tax(tax, subtotal)] if tax else [],
            billing_reason="subscription_cycle" if subscription else "manual", parent=_parent(subscription),
            status_transitions={
                "finalized_at": unix(at), "marked_uncollectible_at": None, "paid_at": unix(at) if paid else None, "voided_at": None,
            },
        )  # fmt: skip
        for line in lines:
            line["invoice"] = invoice["id"]
        invoice["lines"] = lines
        charge = self._pay(customer, at, total, customer["currency"], "succeeded" if paid else "failed")
        invoice["payments"] = [self._invoice_payment(invoice, charge, paid=paid)]
        if paid:
            self.earned[customer["id"]][customer["currency"], "tax"] += tax
        if paid and not tax:
            self._regret(charge, at)
        return invoice

    def _tax(self, amount: int, taxable: int) -> Object:
        return {
            "amount": amount, "tax_behavior": "exclusive", "tax_rate_details": {"tax_rate": self.tax_rate},
            "taxability_reason": "standard_rated", "taxable_amount": taxable, "type": "tax_rate_details",
        }  # fmt: skip

    def _invoice_payment(self, invoice: Object, charge: Object, *, paid: bool) -> Object:
        return {
            "id": self.ids.next("invoice_payment"), "object": "invoice_payment", "created": charge["created"],
            "amount_paid": invoice["amount_paid"] if paid else None, "amount_requested": invoice["total"],
            "currency": invoice["currency"], "invoice": invoice["id"], "status": "paid" if paid else "open",
            "payment": {"payment_intent": charge["payment_intent"], "type": "payment_intent"},
            "status_transitions": {"canceled_at": None, "paid_at": charge["created"] if paid else None},
        }  # fmt: skip

    def _pay(self, customer: Object | None, at: datetime, amount: int, currency: str, outcome: str) -> Object:
        """A payment intent with its charge; only what was captured counts."""
        payer = customer["id"] if customer else None
        captured = amount if outcome == "succeeded" else 0
        states = {"succeeded": "succeeded", "failed": "requires_payment_method", "uncaptured": "requires_capture"}
        intent = self.add(
            "payment_intent", at, amount=amount, amount_received=captured, currency=currency, customer=payer, status=states[outcome]
        )  # fmt: skip
        failed = outcome == "failed"
        charge = self.add(
            "charge", at, amount=amount, amount_captured=captured, captured=outcome == "succeeded", currency=currency,
            customer=payer, paid=not failed, payment_intent=intent["id"], status="failed" if failed else "succeeded",
            failure_code="card_declined" if failed else None, billing_details={
                "address": NO_ADDRESS, "email": customer["email"] if customer else "guest@postbox.example",
                "name": customer["name"] if customer else None, "phone": None, "tax_id": None,
            },
        )  # fmt: skip
        intent["latest_charge"] = charge["id"]
        if captured:
            fee = captured * 29 // 1000 + 30  # 2.9 % and 30 minor units, Stripe's list price in the US
            charge["balance_transaction"] = self._moved(charge, at, captured, "charge", "charge", fee=fee)
            self.earned[payer][currency, "charges"] += captured
        return charge

    def _moved(self, source: Object, at: datetime, amount: int, kind: str, category: str, *, fee: int = 0) -> str:
        details = {
            "amount": fee,
            "application": None,
            "currency": source["currency"],
            "description": "Stripe fees",
            "type": "stripe_fee",
        }
        moved = self.add(
            "balance_transaction", at, amount=amount, currency=source["currency"], fee=fee, net=amount - fee, source=source["id"],
            type=kind, reporting_category=category, fee_details=[details] if fee else [],
        )  # fmt: skip
        return str(moved["id"])

    def _regret(self, charge: Object, at: datetime) -> None:
        """What may happen to a payment afterwards: one in twelve is returned in whole or part, one in sixty disputed."""
        chance = self.rng.random()
        later = between(self.rng, at, min(self.latest, at + timedelta(days=40)))
        if chance < 0.045:
            self._refund(charge, later, charge["amount"])
        elif chance < 0.085:
            for _ in range(self.rng.choice((1, 1, 2))):
                self._refund(charge, later, max(1, charge["amount"] // self.rng.choice((3, 4, 10))))
        elif chance < 0.1:
            self._dispute(charge, later)

    def _refund(self, charge: Object, at: datetime, amount: int) -> None:
        status = self.rng.choices(("succeeded", "pending", "failed"), (92, 4, 4))[0]
        refund = self.add(
            "refund", at, amount=amount, charge=charge["id"], currency=charge["currency"], customer=charge["customer"],
            payment_intent=charge["payment_intent"], reason="requested_by_customer", status=status,
        )  # fmt: skip
        if status == "failed":
            return
        refund["balance_transaction"] = self._moved(refund, at, -amount, "refund", "refund")
        charge["amount_refunded"] = charge.get("amount_refunded", 0) + amount
        charge["refunded"] = charge["amount_refunded"] == charge["amount"]
        self.earned[charge["customer"]][charge["currency"], "refunds"] += amount

    def _dispute(self, charge: Object, at: datetime) -> None:
        status = self.rng.choices(tuple(WITHDRAWN), (40, 15, 10, 25, 10))[0]
        dispute = self.add(
            "dispute", at, amount=charge["amount"], charge=charge["id"], currency=charge["currency"], status=status,
            payment_intent=charge["payment_intent"], reason=self.rng.choice(("fraudulent", "product_not_received", "duplicate")),
        )  # fmt: skip
        charge["disputed"] = True
        moves = [] if status.startswith("warning") else [(-charge["amount"], "dispute", DISPUTE_FEE)]
        if status == "won":
            moves.append((charge["amount"], "dispute_reversal", -DISPUTE_FEE))
        known = len(self.objects)
        for amount, category, fee in moves:
            self._moved(dispute, at, amount, "adjustment", category, fee=fee)
        dispute["balance_transactions"] = [complete(moved) for moved in self.objects[known:]]
        if WITHDRAWN[status]:
            self.earned[charge["customer"]][charge["currency"], "disputes"] += charge["amount"]


def _parent(subscription: Object | None) -> Object | None:
    if subscription is None:
        return None
    details = {"metadata": {}, "subscription": subscription["id"], "subscription_proration_date": None}
    return {"quote_details": None, "subscription_details": details, "type": "subscription_details"}
