"""Every key of the current version's objects with the value a plain one has, so that a planted object is never half an object.

Source: the annotated resources of the pinned SDK (stripe.Invoice and so on); a test holds these keys against them. Keys that
Stripe only answers when asked to expand them (refunds of a charge, subscriptions of a customer) are absent until then.
"""

from functools import cache
from typing import Any

import stripe

from sandbox.stripe.errors import StripeRefusal

StripeObject = dict[str, Any]

NO_ADDRESS = {"city": None, "country": None, "line1": None, "line2": None, "postal_code": None, "state": None}

DEFAULTS: dict[str, StripeObject] = {
    "customer": {
        "address": None, "balance": 0, "currency": None, "default_source": None, "delinquent": False, "description": None,
        "discount": None, "email": None, "invoice_prefix": None, "invoice_settings": {
            "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
        }, "livemode": False, "metadata": {}, "name": None, "next_invoice_sequence": 1, "phone": None, "preferred_locales": [],
        "shipping": None, "tax_exempt": "none", "test_clock": None, "business_name": None, "individual_name": None,
        "customer_account": None,
    },
    "charge": {
        "amount": 0, "amount_captured": 0, "amount_refunded": 0, "application": None, "application_fee": None,
        "application_fee_amount": None, "balance_transaction": None, "billing_details": {
            "address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None,
        }, "calculated_statement_descriptor": None, "captured": True, "currency": "usd", "customer": None, "description": None,
        "disputed": False, "failure_balance_transaction": None, "failure_code": None, "failure_message": None,
        "fraud_details": {}, "livemode": False, "metadata": {}, "on_behalf_of": None, "outcome": None, "paid": True,
        "payment_intent": None, "payment_method": None, "payment_method_details": None, "radar_options": {},
        "receipt_email": None, "receipt_number": None, "receipt_url": None, "refunded": False, "review": None, "shipping": None,
        "source_transfer": None, "statement_descriptor": None, "statement_descriptor_suffix": None, "status": "succeeded",
        "transfer_data": None, "transfer_group": None,
    },
    "refund": {
        "amount": 0, "balance_transaction": None, "charge": None, "currency": "usd", "customer": None, "metadata": {},
        "payment_intent": None, "pending_reason": None, "reason": None, "receipt_number": None, "source_transfer_reversal": None,
        "status": "succeeded", "transfer_reversal": None,
    },
    "dispute": {
        "amount": 0, "balance_transactions": [], "charge": None, "currency": "usd", "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}}, "evidence_details": {
            "due_by": None, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0,
            "submission_method": None,
        }, "is_charge_refundable": False, "livemode": False, "metadata": {}, "payment_intent": None, "reason": "general",
        "status": "needs_response",
    },
    "subscription": {
        "application": None, "application_fee_percent": None, "automatic_tax": {
            "disabled_reason": None, "enabled": False, "liability": None,
        }, "billing_cycle_anchor": None, "billing_cycle_anchor_config": None, "billing_mode": {"type": "flexible"},
        "billing_schedules": [], "billing_thresholds": None, "cancel_at": None, "cancel_at_period_end": False,
        "canceled_at": None, "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically", "currency": "usd", "customer": None, "customer_account": None,
        "days_until_due": None, "default_payment_method": None, "default_source": None, "default_tax_rates": [],
        "description": None, "discounts": [], "ended_at": None, "invoice_settings": {
            "account_tax_ids": None, "issuer": {"type": "self"},
        }, "items": None, "latest_invoice": None, "livemode": False, "metadata": {}, "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None, "pause_collection": None, "payment_settings": None, "pending_invoice_item_interval": None,
        "pending_setup_intent": None, "pending_update": None, "schedule": None, "start_date": None, "status": "active",
        "test_clock": None, "transfer_data": None, "trial_end": None, "trial_settings": None, "trial_start": None,
    },
    "subscription_item": {
        "billing_thresholds": None, "current_period_end": None, "current_period_start": None, "discounts": [], "metadata": {},
        "plan": None, "price": None, "quantity": 1, "subscription": None, "tax_rates": [],
    },
    "invoice": {
        "account_country": "US", "account_name": None, "account_tax_ids": None, "amount_due": 0, "amount_overpaid": 0,
        "amount_paid": 0, "amount_paid_off_stripe": 0, "amount_remaining": 0, "amount_shipping": 0, "application": None,
        "attempt_count": 0, "attempted": False, "auto_advance": False, "automatic_tax": {
            "disabled_reason": None, "enabled": False, "liability": None, "provider": None, "status": None,
        }, "automatically_finalizes_at": None, "billing_reason": "manual", "collection_method": "charge_automatically",
        "currency": "usd", "custom_fields": None, "customer": None, "customer_account": None, "customer_address": None,
        "customer_email": None, "customer_name": None, "customer_phone": None, "customer_shipping": None,
        "customer_tax_exempt": "none", "customer_tax_ids": [], "default_payment_method": None, "default_source": None,
        "default_tax_rates": [], "description": None, "discounts": [], "due_date": None, "effective_at": None,
        "ending_balance": 0, "footer": None, "from_invoice": None, "hosted_invoice_url": None, "invoice_pdf": None,
        "issuer": {"type": "self"}, "last_finalization_error": None, "latest_revision": None, "lines": None, "livemode": False,
        "metadata": {}, "next_payment_attempt": None, "number": None, "on_behalf_of": None, "parent": None,
        "payment_settings": {
            "default_mandate": None, "payment_method_options": None, "payment_method_types": None,
        }, "payments": None, "period_end": None, "period_start": None, "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0, "receipt_number": None, "rendering": None, "shipping_cost": None,
        "shipping_details": None, "starting_balance": 0, "statement_descriptor": None, "status": "draft", "status_transitions": {
            "finalized_at": None, "marked_uncollectible_at": None, "paid_at": None, "voided_at": None,
        }, "subtotal": 0, "subtotal_excluding_tax": None, "test_clock": None, "total": 0, "total_discount_amounts": [],
        "total_excluding_tax": None, "total_pretax_credit_amounts": [], "total_taxes": [], "webhooks_delivered_at": None,
    },
    "line_item": {
        "amount": 0, "currency": "usd", "description": None, "discount_amounts": [], "discountable": True, "discounts": [],
        "invoice": None, "livemode": False, "metadata": {}, "parent": None, "period": None, "pretax_credit_amounts": [],
        "pricing": None, "quantity": 1, "quantity_decimal": "1", "subtotal": 0, "taxes": [],
    },
    "invoice_payment": {
        "amount_paid": None, "amount_requested": 0, "currency": "usd", "invoice": None, "is_default": True, "livemode": False,
        "payment": None, "status": "open", "status_transitions": {"canceled_at": None, "paid_at": None},
    },
    "product": {
        "active": True, "default_price": None, "description": None, "images": [], "livemode": False, "marketing_features": [],
        "metadata": {}, "name": "", "package_dimensions": None, "shippable": None, "statement_descriptor": None,
        "tax_code": None, "type": "service", "unit_label": None, "updated": None, "url": None,
    },
    "price": {
        "active": True, "billing_scheme": "per_unit", "currency": "usd", "custom_unit_amount": None, "livemode": False,
        "lookup_key": None, "metadata": {}, "nickname": None, "product": None, "recurring": None, "tax_behavior": "unspecified",
        "tiers_mode": None, "transform_quantity": None, "type": "one_time", "unit_amount": None, "unit_amount_decimal": None,
    },
    "credit_note": {
        "amount": 0, "amount_shipping": 0, "currency": "usd", "customer": None, "customer_account": None,
        "customer_balance_transaction": None, "discount_amount": 0, "discount_amounts": [], "effective_at": None, "invoice": None,
        "lines": [], "livemode": False, "memo": None, "metadata": {}, "number": None, "out_of_band_amount": None, "pdf": None,
        "post_payment_amount": 0, "pre_payment_amount": 0, "pretax_credit_amounts": [], "reason": None, "refunds": [],
        "shipping_cost": None, "status": "issued", "subtotal": 0, "subtotal_excluding_tax": None, "total": 0,
        "total_excluding_tax": None, "total_taxes": [], "type": "post_payment", "voided_at": None,
    },
    "coupon": {
        "amount_off": None, "applies_to": {"products": []}, "currency": None, "currency_options": {}, "duration": "once",
        "duration_in_months": None, "livemode": False, "max_redemptions": None, "metadata": {}, "name": None,
        "percent_off": None, "redeem_by": None, "times_redeemed": 0, "valid": True,
    },
    "discount": {
        "checkout_session": None, "customer": None, "customer_account": None, "end": None, "invoice": None, "invoice_item": None,
        "promotion_code": None, "source": {"coupon": None, "type": "coupon"}, "start": None, "subscription": None,
        "subscription_item": None,
    },
    "balance_transaction": {
        "amount": 0, "available_on": None, "balance_type": "payments", "currency": "usd", "description": None,
        "exchange_rate": None, "fee": 0, "fee_details": [], "net": 0, "reporting_category": "charge", "source": None,
        "status": "available", "type": "charge",
    },
    "payment_intent": {
        "amount": 0, "amount_capturable": 0, "amount_received": 0, "canceled_at": None, "capture_method": "automatic",
        "client_secret": None, "confirmation_method": "automatic", "payment_method_types": ["card"], "currency": "usd", "customer": None, "description": None,
        "latest_charge": None, "livemode": False, "metadata": {}, "payment_method": None, "status": "succeeded",
    },
    "test_helpers.test_clock": {
        "deletes_after": None, "frozen_time": None, "livemode": False, "name": None, "status": "ready", "status_details": {},
    },
    "account": {
        "business_profile": None, "charges_enabled": True, "country": "US", "default_currency": "usd",
        "details_submitted": True, "email": None, "metadata": {}, "payouts_enabled": True, "type": "standard",
    },
}  # fmt: skip

FOLLOWS_CREATED = {
    "subscription": ("billing_cycle_anchor", "start_date"),
    "subscription_item": ("current_period_start",),
    "product": ("updated",),
    "balance_transaction": ("available_on",),
    "invoice": ("period_start", "period_end"),
    "test_helpers.test_clock": ("frozen_time",),
}
"""Instants that equal `created` unless the planted object says otherwise."""

INCLUDABLE = {
    "charge": ("refunds",), "coupon": ("applies_to", "currency_options"), "customer": ("subscriptions",),
    "invoice": ("payments",), "price": ("currency_options", "tiers"),
}  # fmt: skip
"""Keys that are kept in the state but answered only when expanded."""

NESTED = {
    "credit_note": {"lines": "/v1/credit_notes/{id}/lines"},
    "invoice": {"lines": "/v1/invoices/{id}/lines", "payments": "/v1/invoice_payments?invoice={id}"},
    "subscription": {"items": "/v1/subscription_items?subscription={id}"},
}
"""Lists inside objects and where the rest of them is; a planted plain list is completed and wrapped."""


def complete(given: StripeObject) -> StripeObject:
    """The object with every key of its kind. Errors: StripeRefusal for a kind or key that this version does not have."""
    kind = given.get("object", "")
    if kind not in DEFAULTS:
        raise StripeRefusal(400, f"the sandbox has no object {kind!r}", param="object")
    if extra := given.keys() - resource_keys(kind):
        raise StripeRefusal(400, f"a {kind} has no {', '.join(sorted(extra))}", param="object")
    whole = {"id": given["id"], "object": kind, **DEFAULTS[kind], **given}
    for key in FOLLOWS_CREATED.get(kind, ()):
        if whole[key] is None:
            whole[key] = given["created"]
    for key, url in NESTED.get(kind, {}).items():
        if isinstance(whole.get(key), list):
            whole[key] = listed(url.format(**whole), [complete(entry) for entry in whole[key]])
    return whole


@cache
def resource_keys(kind: str) -> frozenset[str]:
    """The keys that an object of this kind may have in the pinned version."""
    module, _, name = f".{kind}".rpartition(".")
    name = "InvoiceLineItem" if name == "line_item" else name.title().replace("_", "")
    resource = getattr(getattr(stripe, module[1:]) if module else stripe, name)
    annotated = (getattr(parent, "__annotations__", {}) for parent in resource.__mro__)
    return frozenset(key for keys in annotated for key in keys if not key.startswith("_")) - {"OBJECT_NAME"}


def listed(url: str, data: list[StripeObject], *, has_more: bool = False) -> StripeObject:
    """A list as Stripe wraps it."""
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
