"""Nothing is lost and nothing is asked twice, with the vendor's own SDK over HTTP against the sandbox."""

from datetime import timedelta

import pytest

from connectors.errors import Retryable
from connectors.stripe import CONNECTOR
from connectors.stripe.listing import GAP, LAG
from models.clock import FrozenClock
from sandbox.faults import Fault
from sandbox.stripe.events import event
from tests.conftest import Sandbox
from tests.connectors.stripe.conftest import Plant, Puller

CUSTOMERS = CONNECTOR.streams_by_name["customers"]
LATER = timedelta(minutes=10)


def test_a_first_load_and_the_next_pull_hold_everything_though_data_change_between_pages(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """While pages are read, one customer is made, one changed, and the one that the next page starts after is deleted."""
    plant(250)
    state = stripe_sandbox.state
    pages = puller.open().pages(CUSTOMERS, None, None)
    first = next(pages)
    puller.keep("customers", first)
    state.create({"id": "cus_new", "object": "customer", "email": "new@example.com"})
    state.update("cus_0249", {"email": "changed@example.com"})
    state.delete_customer(first.records[-1].key.id)
    for page in pages:
        puller.keep("customers", page)
    clock.advance(LATER)
    puller.pull("customers")
    living = {f"cus_{n:04d}" for n in range(250)} - {first.records[-1].key.id} | {"cus_new"}
    assert puller.payloads.keys() - puller.deleted == living
    assert {key: puller.payloads[key] for key in living} == {key: state.get(key) for key in living}
    assert puller.deleted == {first.records[-1].key.id}


def test_a_load_goes_on_where_it_was_interrupted(stripe_sandbox: Sandbox, puller: Puller, plant: Plant) -> None:
    """Three pages in all, though the process ended after the first."""
    plant(250)
    first = next(iter(puller.open().pages(CUSTOMERS, None, None)))
    puller.keep("customers", first)
    stripe_sandbox.log.clear()
    brought, _ = puller.pull("customers", resume=first.position)
    assert brought == 150
    assert len(stripe_sandbox.log.matching("/v1/customers")) == 2
    assert len(puller.payloads) == 250


def test_what_changed_while_a_load_was_interrupted_is_told_by_events_from_its_start(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """A customer of the first page changes before the load goes on ten minutes later; the next pull brings it."""
    plant(250)
    first = next(iter(puller.open().pages(CUSTOMERS, None, None)))
    puller.keep("customers", first)
    stripe_sandbox.state.update(first.records[0].key.id, {"name": "meanwhile"})
    clock.advance(LATER)
    puller.pull("customers", resume=first.position)
    clock.advance(LATER)
    puller.pull("customers")
    assert puller.payloads[first.records[0].key.id]["name"] == "meanwhile"


def test_a_load_steps_back_if_the_id_it_stopped_at_is_deleted(
    stripe_sandbox: Sandbox, puller: Puller, plant: Plant
) -> None:
    """It starts after the page end before, or at the top; a page is read twice rather than lost."""
    plant(350)
    walk = puller.open().pages(CUSTOMERS, None, None)
    for page in (next(walk), next(walk)):
        puller.keep("customers", page)
    stripe_sandbox.state.delete_customer(page.records[-1].key.id)
    puller.pull("customers", resume=page.position)
    assert len(puller.payloads) == 350


def test_changes_and_deletions_come_through_events(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """An object that changed thrice is read once, as it is now; a deleted customer leaves a tombstone with its last payload."""
    plant(3)
    stripe_sandbox.state.update("cus_0002", {"email": "bea@example.com"})
    clock.advance(LATER)
    puller.pull("customers")
    for name in ("Ada", "Ada L.", "Ada Lovelace"):
        stripe_sandbox.state.update("cus_0001", {"name": name})
    stripe_sandbox.state.delete_customer("cus_0002")
    clock.advance(LATER)
    brought, source = puller.pull("customers")
    assert brought == 2
    assert puller.payloads["cus_0001"]["name"] == "Ada Lovelace"
    assert puller.deleted == {"cus_0002"}
    assert puller.payloads["cus_0002"]["email"] == "bea@example.com"
    assert source.calls == {"definition": 1, "window": 2}


def test_a_customer_deleted_after_the_window_is_gone_already(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """The window knows of an update, the retrieve of the deletion: the update's payload stays as the tombstone."""
    plant(1)
    puller.pull("customers")
    stripe_sandbox.state.update("cus_0000", {"email": "ada@example.com"})
    clock.advance(LATER)
    stripe_sandbox.state.delete_customer("cus_0000")
    puller.pull("customers")
    assert puller.deleted == {"cus_0000"}
    assert puller.payloads["cus_0000"]["email"] == "ada@example.com"


def test_the_second_in_which_a_window_ends_is_not_lost(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """Windows are half-open: a change at the very end belongs to the next one."""
    plant(1)
    puller.pull("customers")
    clock.advance(LATER)
    stripe_sandbox.state.update("cus_0000", {"name": "at the boundary"})
    clock.advance(timedelta(seconds=LAG))
    assert puller.pull("customers")[0] == 0
    clock.advance(timedelta(seconds=1))
    assert puller.pull("customers")[0] == 1


def test_an_event_that_shows_up_late_is_found_by_looking_back(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """Stamped before the window's start but listed only afterwards; events handled before are not handled again."""
    plant(2)
    puller.pull("customers")
    clock.advance(LATER)
    stripe_sandbox.state.update("cus_0000", {"name": "in time"})
    clock.advance(timedelta(seconds=LAG + 10))
    assert puller.pull("customers")[0] == 1
    late = stripe_sandbox.state.now() - LAG - 5
    whole = stripe_sandbox.state.get("cus_0001")
    stripe_sandbox.state.insert_events([event("evt_late", "customer.updated", whole, late)])
    clock.advance(LATER)
    brought, source = puller.pull("customers")
    assert brought == 1
    assert source.calls["look-back"] == 1


def test_a_long_absence_is_read_in_windows_of_a_week(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """Twenty days are three windows, and each completes with a cursor of its own."""
    plant(1)
    puller.pull("customers")
    for day in range(20):
        stripe_sandbox.state.update("cus_0000", {"name": f"day {day}"})
        clock.advance(timedelta(days=1))
    pages = list(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None))
    assert [page.cursor is not None for page in pages] == [True] * 3
    assert pages[-1].records[0].payload["name"] == "day 19"


def test_more_than_thirty_days_away_means_everything_again(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """Stripe has forgotten the event, so the list tells; a position in the old window does not matter."""
    plant(2)
    puller.pull("customers")
    stripe_sandbox.state.update("cus_0000", {"name": "forgotten by events"})
    clock.advance(timedelta(days=31))
    brought, _ = puller.pull("customers", resume={"account": "acct_sandbox", "in": {"end": 1, "after": None}})
    assert brought == 2
    assert puller.payloads["cus_0000"]["name"] == "forgotten by events"
    assert puller.cursors["customers"] == {
        "acct_sandbox": {"events_from": stripe_sandbox.state.now() - 60, "seen": [], "version": "2026-10-28.endive"}
    }
    clock.advance(timedelta(seconds=GAP - LAG))
    assert puller.pull("customers")[0] == 0


def test_a_listing_tells_what_events_say_was_deleted_where_no_list_names_all_that_lives(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """What an earlier one landed may be gone since, and the events from the new one's start on do not tell."""
    for name in ("price_kept", "price_gone"):
        stripe_sandbox.state.create({"id": name, "object": "price", "unit_amount": 5, "active": True})
    puller.pull("prices")
    clock.advance(timedelta(days=31))
    stripe_sandbox.state.delete("price_gone")
    clock.advance(LATER)
    puller.pull("prices")
    assert puller.deleted == {"price_gone"}


def test_another_api_version_means_everything_again(puller: Puller, plant: Plant, clock: FrozenClock) -> None:
    """Payloads change their shape with the version, so those of the old one are replaced."""
    plant(2)
    puller.pull("customers")
    before = (puller.cursors["customers"] or {})["acct_sandbox"]
    puller.cursors["customers"] = {"acct_sandbox": {**before, "version": "2022-11-15"}}
    clock.advance(LATER)
    assert puller.pull("customers")[0] == 2


def test_a_window_of_many_changes_goes_on_where_it_was_interrupted(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """Of 150 changed customers the first hundred are not read again, and the rest comes by one page of the list."""
    plant(150)
    puller.pull("customers")
    for number in range(150):
        stripe_sandbox.state.update(f"cus_{number:04d}", {"name": "changed"})
    clock.advance(LATER)
    first = next(iter(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None)))
    puller.keep("customers", first)
    assert first.cursor is None
    stripe_sandbox.log.clear()
    clock.advance(LATER)
    puller.pull("customers", resume=first.position)
    assert [request.path for request in stripe_sandbox.log.matching("/v1/customers")] == ["/v1/customers"]
    assert all(payload["name"] == "changed" for payload in puller.payloads.values())


def test_a_change_that_shows_up_late_hides_no_other_when_a_window_goes_on(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """The object after which the window goes on has moved behind all others; those are retrieved all the same."""
    plant(150)
    puller.pull("customers")
    for number in range(150):
        stripe_sandbox.state.update(f"cus_{number:04d}", {"name": "changed"})
    clock.advance(LATER)
    first = next(iter(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None)))
    puller.keep("customers", first)
    last = stripe_sandbox.state.get(first.records[-1].key.id)
    late = int(first.records[0].updated_at.timestamp()) - 1
    stripe_sandbox.state.insert_events([event("evt_late", "customer.updated", last, late)])
    puller.pull("customers", resume=first.position)
    assert all(payload["name"] == "changed" for payload in puller.payloads.values())


def test_a_quiet_run_asks_once_per_stream(stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller) -> None:
    """Each stream asks for its own events, or its ledger, once; nothing comes. Within a minute it does not even ask."""
    stripe_sandbox.state.create({"id": "cus_1", "object": "customer"})
    for stream in CONNECTOR.streams_by_name:
        puller.pull(stream)
    clock.advance(LATER)
    for stream in CONNECTOR.streams_by_name:
        puller.pull(stream)
    clock.advance(LATER)
    for stream in CONNECTOR.streams_by_name:
        brought, source = puller.pull(stream)
        assert (brought, dict(source.calls)) == (0, {"definition": 1, "window": 1}), stream
    for stream in CONNECTOR.streams_by_name:
        brought, source = puller.pull(stream)
        assert (brought, dict(source.calls)) == (0, {"definition": 1}), stream


def test_embedded_lists_are_complete_and_equal_in_list_and_retrieve(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """25 lines and 12 items arrive whole, and an event about an unchanged object brings the very same payload."""
    state = stripe_sandbox.state
    lines = [{"id": f"il_{n:02d}", "object": "line_item"} for n in range(25)]
    items = [{"id": f"si_{n:02d}", "object": "subscription_item", "created": 1} for n in range(12)]
    paid = {"id": "inpay_1", "object": "invoice_payment", "created": 1, "payment": {"type": "charge", "charge": "ch_1"}}
    state.insert_many(
        [
            {"id": "in_1", "object": "invoice", "created": 1, "lines": lines, "payments": [paid]},
            {"id": "sub_1", "object": "subscription", "created": 1, "items": items, "status": "canceled"},
        ]
    )
    for stream in ("invoices", "subscriptions"):
        puller.pull(stream)
    listed = dict(puller.payloads)
    assert [line["id"] for line in listed["in_1"]["lines"]["data"]] == [line["id"] for line in lines]
    assert [item["id"] for item in listed["sub_1"]["items"]["data"]] == [item["id"] for item in items]
    assert listed["in_1"]["payments"]["data"][0]["payment"]["charge"] == "ch_1"
    state.update("in_1", {})
    state.update("sub_1", {})
    clock.advance(LATER)
    assert puller.pull("invoices")[0] == puller.pull("subscriptions")[0] == 1
    assert puller.payloads == listed


def test_a_refund_names_its_payer_and_stays_the_same_when_only_the_charge_changes(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """The expanded charge is kept as id and customer, so nothing of the charge's own life is in it."""
    state = stripe_sandbox.state
    state.insert_many(
        [
            {"id": "ch_1", "object": "charge", "created": 1, "customer": "cus_1"},
            {"id": "re_1", "object": "refund", "created": 2, "charge": "ch_1"},
        ]
    )
    puller.pull("refunds")
    listed = puller.payloads["re_1"]
    assert listed["charge"] == {"id": "ch_1", "object": "charge", "customer": "cus_1"}
    state.update("ch_1", {"receipt_url": "https://pay.example/signed-anew"})
    state.update("re_1", {})
    clock.advance(LATER)
    assert puller.pull("refunds")[0] == 1
    assert puller.payloads["re_1"] == listed


def test_a_cancelled_subscription_is_no_deletion(stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller) -> None:
    """`customer.subscription.deleted` means cancelled: the object is read anew and stays."""
    stripe_sandbox.state.insert_many([{"id": "sub_1", "object": "subscription", "created": 1, "items": []}])
    puller.pull("subscriptions")
    stripe_sandbox.state.update("sub_1", {"status": "canceled"})
    clock.advance(LATER)
    puller.pull("subscriptions")
    assert puller.payloads["sub_1"]["status"] == "canceled"
    assert not puller.deleted


def test_the_ledger_reads_on_and_returns_for_what_was_pending(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """A balance transaction is read once, and once more when the day of its availability has come."""
    state, now = stripe_sandbox.state, stripe_sandbox.state.now()
    entry = {"object": "balance_transaction", "amount": 100}
    waiting = {**entry, "id": "txn_1", "created": now - 3600, "status": "pending", "available_on": now + 2 * 86400}
    state.insert_many([{**entry, "id": "txn_0", "created": now - 90 * 86400}, waiting])
    puller.pull("balance_transactions")
    clock.advance(timedelta(days=1))
    state.insert_many([{**entry, "id": "txn_2", "created": state.now() - 120}])
    assert puller.pull("balance_transactions")[0] == 1
    clock.advance(timedelta(days=1, minutes=5))
    state.update("txn_1", {"status": "available"})
    assert puller.pull("balance_transactions")[0] == 2
    assert puller.payloads["txn_1"]["status"] == "available"
    clock.advance(timedelta(days=1))
    brought, source = puller.pull("balance_transactions")
    assert (brought, source.calls["window"]) == (0, 1)


def test_a_ledger_entry_that_shows_up_late_is_found_by_looking_back(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """No event tells of it, so the next pull starts some minutes before the last one ended."""
    puller.pull("balance_transactions")
    clock.advance(LATER)
    assert puller.pull("balance_transactions")[0] == 0
    late = stripe_sandbox.state.now() - LAG - 300
    stripe_sandbox.state.insert_many([{"id": "txn_late", "object": "balance_transaction", "created": late}])
    clock.advance(LATER)
    assert puller.pull("balance_transactions")[0] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"object": "list", "data": [], "has_more": True, "url": "/v1/customers"},
        {"object": "list", "data": [{"object": "customer"}], "has_more": False, "url": "/v1/customers"},
        {"object": "list", "data": None, "has_more": False, "url": "/v1/customers"},
        ["no object"],
    ],
    ids=["empty page with more to come", "row without id", "no rows", "no object"],
)
def test_half_an_answer_is_never_taken_for_a_whole_one(puller: Puller, plant: Plant, body: object) -> None:
    """It raises, and no cursor is given."""
    plant(3)
    puller.sandbox.faults.add(Fault(path="/v1/customers", status=200, body=body))
    with pytest.raises(Retryable):
        puller.pull("customers")
    assert puller.cursors == {}


def test_a_list_that_goes_round_in_circles_is_left(puller: Puller, plant: Plant, stripe_sandbox: Sandbox) -> None:
    """A server that answers the same page for ever is noticed at its first repetition."""
    plant(1)
    row = stripe_sandbox.state.get("cus_0000")
    body = {"object": "list", "data": [row], "has_more": True, "url": "/v1/customers"}
    stripe_sandbox.faults.add(Fault(path="/v1/customers", status=200, body=body))
    with pytest.raises(Retryable, match="repeats a page"):
        puller.pull("customers")
