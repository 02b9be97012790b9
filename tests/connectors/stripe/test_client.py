"""Every refusal of Stripe becomes the reaction that it asks for (https://docs.stripe.com/error-low-level), and none shows a secret."""

import pytest
from pydantic import SecretStr

from connectors.errors import Fatal, Retryable
from connectors.stripe import CONNECTOR, open_source
from connectors.stripe.refusals import GRANTS
from connectors.stripe.settings import StripeSettings
from connectors.transport import TRIES
from models.clock import FrozenClock
from sandbox.faults import Fault
from sandbox.stripe.resources import ACCOUNT_PERMISSION, RESOURCES
from sandbox.stripe.troubles import trouble
from tests.conftest import Sandbox
from tests.connectors.stripe.conftest import Plant, Puller

PASSING = ["rate_limit", "rate_limit_timed", "lock_timeout", "conflict", "server_error", "unavailable", "bad_gateway"]
EVERYTHING = {resource.permission for resource in RESOURCES.values()} | {ACCOUNT_PERMISSION}


def test_the_account_carries_the_mode_of_the_key(stripe_sandbox: Sandbox, clock: FrozenClock) -> None:
    """Test and live data never share a record key."""
    settings = StripeSettings(api_key=SecretStr("sk_test_sandbox"), base_url=stripe_sandbox.url)
    assert open_source(settings, clock).account == "acct_sandbox:test"
    assert StripeSettings(api_key=SecretStr("rk_live_x")).mode == "live"


def test_a_rate_limit_is_waited_out_as_long_as_stripe_asks(puller: Puller, plant: Plant) -> None:
    """Retry-After is obeyed, which the SDK would never do, and the repetition is counted."""
    plant(1)
    puller.sandbox.faults.add(trouble("rate_limit_timed", path="/v1/customers", calls=(1,)))
    brought, source = puller.pull("customers")
    assert (brought, puller.pauses, source.calls["retry"]) == (1, [7.0], 1)


def test_a_rate_limit_that_names_no_time_is_waited_out_longer_and_longer(puller: Puller, plant: Plant) -> None:
    """Two refusals in a row, two pauses, then the page."""
    plant(1)
    puller.sandbox.faults.add(trouble("rate_limit", path="/v1/customers", calls=(1, 2)))
    assert puller.pull("customers")[0] == 1
    assert len(puller.pauses) == 2
    assert all(pause > 0 for pause in puller.pauses)


def test_a_rate_limit_without_end_gives_up_with_the_time_to_come_back(puller: Puller) -> None:
    """After the last try the caller is told how long to wait, and which limit it was."""
    puller.sandbox.faults.add(trouble("rate_limit_timed", path="/v1/customers"))
    with pytest.raises(Retryable, match="endpoint-rate") as given_up:
        puller.pull("customers")
    assert given_up.value.after == 7
    assert len(puller.pauses) == TRIES - 1


@pytest.mark.parametrize(
    "fault",
    [
        *(trouble(name, path="/v1/customers", calls=(1,)) for name in PASSING),
        Fault(path="/v1/customers", calls=(1,), kind="reset"),
    ],
    ids=[*PASSING, "cut in the middle"],
)
def test_passing_trouble_is_repeated(puller: Puller, plant: Plant, fault: Fault) -> None:
    """One bad answer, one pause, and every customer."""
    plant(3)
    puller.sandbox.faults.add(fault)
    brought, source = puller.pull("customers")
    assert (brought, source.calls["retry"], len(puller.pauses)) == (3, 1, 1)


@pytest.mark.parametrize(
    "fault",
    [
        trouble("bad_gateway", path="/v1/customers"),
        Fault(path="/v1/customers", kind="html", status=200),
        Fault(path="/v1/customers", kind="empty"),
        trouble("rate_limit_as_400", path="/v1/customers"),
        trouble("empty_page", path="/v1/customers"),
    ],
    ids=["html 502", "html that claims success", "empty", "limit told as 400", "empty page though more follow"],
)
def test_lasting_trouble_is_left_for_the_next_run(puller: Puller, fault: Fault) -> None:
    """Retryable, with no word of the page in the message and no cursor moved."""
    puller.sandbox.faults.add(fault)
    with pytest.raises(Retryable) as given_up:
        puller.pull("customers")
    assert "html" not in str(given_up.value)
    assert puller.cursors == {}


def test_a_wrong_key_stops_the_vendor_and_is_not_shown(puller: Puller) -> None:
    """Fatal for the credentials; the message names the variable and not the key."""
    puller.key = "sk_test_mistyped_secret"
    with pytest.raises(Fatal, match="STRIPE_API_KEY") as refused:
        puller.open()
    assert refused.value.credentials
    assert "mistyped" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_an_expired_key_says_so(puller: Puller) -> None:
    """The code that Stripe gives is in the message."""
    puller.key = "rk_test_old"
    puller.sandbox.state.add_key(puller.key, expired=True)
    with pytest.raises(Fatal, match="api_key_expired") as refused:
        puller.open()
    assert refused.value.credentials


def test_a_mistake_of_ours_is_fatal_and_not_skipped(puller: Puller) -> None:
    """A refused request never makes a stream come out empty."""
    body = {"error": {"code": "parameter_unknown", "message": "x", "param": "y", "type": "invalid_request_error"}}
    puller.sandbox.faults.add(Fault(path="/v1/customers", status=400, body=body))
    with pytest.raises(Fatal, match="our mistake") as refused:
        puller.pull("customers")
    assert not refused.value.credentials


def test_a_missing_permission_stops_only_its_stream(puller: Puller, plant: Plant) -> None:
    """Charges are refused with the way to grant them, customers flow."""
    plant(2)
    puller.key = "rk_test_few"
    puller.sandbox.state.add_key(puller.key, permissions=EVERYTHING - {"rak_charge_read"})
    with pytest.raises(Fatal, match="set Charges and Refunds to Read") as refused:
        puller.pull("charges")
    assert not refused.value.credentials
    assert puller.pull("customers")[0] == 2


def test_the_doctor_finds_nothing_wrong_with_a_full_key(puller: Puller) -> None:
    """One line for the account, one per stream, one for coupons, one for credit notes, one for events and one for test clocks; a live key has no clocks."""
    found = puller.open().diagnose(CONNECTOR.streams)
    assert all(finding.ok for finding in found)
    assert len(found) == len(CONNECTOR.streams) + 5
    assert "test mode" in found[0].message
    puller.key = "sk_live_sandbox"
    puller.sandbox.state.add_key(puller.key)
    assert len(puller.open().diagnose(CONNECTOR.streams)) == len(CONNECTOR.streams) + 4


MISSING = {
    "rak_customer_read": {"customers": "customers will be missing"},
    "rak_subscription_read": {"subscriptions": "subscriptions will be missing"},
    "rak_invoice_read": {"invoices": "invoices will be missing"},
    "rak_charge_read": {name: f"{name} will be missing" for name in ("charges", "refunds", "disputes")},
    "rak_dispute_read": {"disputes": "disputes will be missing"},
    "rak_product_read": {"products": "products will be missing"},
    "rak_plan_read": {"prices": "prices will be missing"},
    "rak_balance_transaction_source_read": {"balance_transactions": "balance_transactions will be missing"},
    "rak_credit_note_read": {"credit_notes": "in proportion to their amount"},
    "rak_coupon_read": {"coupons": "revenue counts before discounts"},
    "rak_event_read": {"events": "changes and deletions stay unseen"},
    "rak_billing_clock_read": {"test_clocks": "customers and subscriptions cannot be read wholly"},
}


@pytest.mark.parametrize("permission", MISSING)
def test_the_doctor_names_each_missing_permission(puller: Puller, permission: str) -> None:
    """Without one permission whatever needs it is named, with what will be missing and what to set; all others are well."""
    puller.key = "rk_test_less"
    puller.sandbox.state.add_key(puller.key, permissions=EVERYTHING - {permission})
    bad = {finding.subject: finding for finding in puller.open().diagnose(CONNECTOR.streams) if not finding.ok}
    assert bad.keys() == MISSING[permission].keys()
    for subject, missing in MISSING[permission].items():
        assert missing in bad[subject].message
        assert GRANTS[subject] in str(bad[subject].remedy)


def test_every_permission_that_is_needed_is_one_that_the_doctor_misses(puller: Puller) -> None:
    """A key with these and the account's own pulls every stream."""
    puller.key = "rk_test_just"
    puller.sandbox.state.add_key(puller.key, permissions={*MISSING, ACCOUNT_PERMISSION})
    for stream in CONNECTOR.streams_by_name:
        puller.pull(stream)


def test_a_key_that_may_not_see_its_account_is_told_how(puller: Puller) -> None:
    """Without the account's id no record has a key, so the vendor stops."""
    puller.key = "rk_test_blind"
    puller.sandbox.state.add_key(puller.key, permissions=EVERYTHING - {ACCOUNT_PERMISSION})
    with pytest.raises(Fatal, match="rak_accounts_kyc_basic_read") as refused:
        puller.open()
    assert refused.value.credentials
