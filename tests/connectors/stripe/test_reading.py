"""What plain lists and events do not tell: deletions of a long absence, test clocks, old shapes, dates and single ids."""

from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Page, Whole
from connectors.errors import Unsupported
from connectors.stripe import CONNECTOR
from connectors.stripe.changes import STABLE
from connectors.stripe.listing import LAG
from models.clock import FrozenClock
from sandbox.stripe.versions import OLD
from tests.conftest import Sandbox
from tests.connectors.stripe.conftest import Plant, Puller

CUSTOMERS = CONNECTOR.streams_by_name["customers"]
LATER = timedelta(minutes=10)
VANISHING = {"customers", "subscriptions", "invoices", "products"}


def test_a_list_says_that_what_it_does_not_name_is_gone(puller: Puller, plant: Plant, clock: FrozenClock) -> None:
    """Its last page alone, after the first load and after a long absence; never a window of events."""
    plant(150)
    for _ in range(2):
        pages = list(puller.open().pages(CUSTOMERS, puller.cursors.get("customers"), None))
        listed = clock.now() - timedelta(seconds=LAG)
        assert [page.whole for page in pages] == [None, Whole("acct_sandbox:test", listed.isoformat())]
        puller.cursors["customers"] = pages[-1].cursor
        clock.advance(LATER)
        between = list(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None))
        assert [page.whole for page in between] == [None]
        clock.advance(timedelta(days=31))


def test_a_list_that_events_have_outlived_is_ended_before_all_are_listed_again(
    stripe_sandbox: Sandbox, puller: Puller, plant: Plant, clock: FrozenClock
) -> None:
    """Else its pages, which hold what was deleted since, would be among those of a window that is whole."""
    plant(150)
    first = next(iter(puller.open().pages(CUSTOMERS, None, None)))
    stripe_sandbox.state.delete(first.records[0].key.id)
    clock.advance(timedelta(days=31))
    ended, *listed = puller.open().pages(CUSTOMERS, None, first.position)
    assert (ended.records, ended.whole) == ([], None)
    assert ended.cursor
    assert sum(len(page.records) for page in listed) == 149
    assert listed[-1].whole
    again = puller.open().pages(CUSTOMERS, ended.cursor, None)
    assert sum(len(page.records) for page in again) == 149, "one that dies in between lists all, too"


def test_only_lists_of_what_can_be_deleted_say_so(puller: Puller) -> None:
    """Money that moved stays for ever, and prices that are made inline are in no list at all."""
    found = {name: list(puller.open().pages(stream, None, None)) for name, stream in CONNECTOR.streams_by_name.items()}
    assert {name for name, pages in found.items() if pages[-1].whole} == VANISHING


def test_inactive_prices_are_read_too(stripe_sandbox: Sandbox, puller: Puller) -> None:
    """A list without `active` answers the active ones (SDK: Price.list)."""
    prices = [{"id": f"price_{n}", "object": "price", "created": n, "active": n % 2 == 0} for n in range(250)]
    stripe_sandbox.state.insert_many(prices)
    pages = list(puller.open().pages(CONNECTOR.streams_by_name["prices"], None, None))
    assert sorted(record.key.id for page in pages for record in page.records) == sorted(one["id"] for one in prices)


def test_objects_of_test_clocks_are_read_by_their_clock(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """They come with the first load, tagged, and their changes and deletions like any other's."""
    plant(2)
    state = stripe_sandbox.state
    state.insert_many([{"id": f"clock_{n}", "object": "test_helpers.test_clock", "created": n} for n in range(2)])
    simulated = {"object": "customer", "created": 5, "test_clock": "clock_1"}
    state.insert_many([{"id": f"cus_t{n:03d}", **simulated} for n in range(120)])
    state.insert_many([{"id": "sub_t", "object": "subscription", "created": 6, "items": [], "test_clock": "clock_1"}])
    assert (puller.pull("customers")[0], puller.pull("subscriptions")[0]) == (122, 1)
    assert puller.payloads["cus_t000"]["test_clock"] == "clock_1"
    assert puller.payloads["cus_t000"]["livemode"] is False
    state.update("cus_t001", {"name": "moved"})
    clock.advance(LATER)
    puller.pull("customers")
    assert puller.payloads["cus_t001"]["name"] == "moved"
    state.delete_clock("clock_1")
    clock.advance(LATER)
    puller.pull("customers")
    puller.pull("subscriptions")
    assert puller.deleted == {"sub_t", *(f"cus_t{n:03d}" for n in range(120))}


def test_a_test_clock_that_is_deleted_while_it_is_read_ends_nothing(
    stripe_sandbox: Sandbox, puller: Puller, plant: Plant
) -> None:
    """Its objects are gone with it; the list is whole without them."""
    plant(150)
    stripe_sandbox.state.insert_many([{"id": "clock_1", "object": "test_helpers.test_clock", "created": 1}])
    stripe_sandbox.state.insert_many([{"id": "cus_t", "object": "customer", "created": 5, "test_clock": "clock_1"}])
    pages = puller.open().pages(CUSTOMERS, None, None)
    puller.keep("customers", next(pages))
    stripe_sandbox.state.delete_clock("clock_1")
    last = None
    for last in pages:
        puller.keep("customers", last)
    assert last is not None
    assert last.whole
    assert len(puller.payloads) == 150


def test_a_load_goes_on_between_two_lists(stripe_sandbox: Sandbox, puller: Puller, plant: Plant) -> None:
    """Interrupted when the plain list is done, it reads the test clocks' and nothing else."""
    plant(3)
    stripe_sandbox.state.insert_many([{"id": "clock_1", "object": "test_helpers.test_clock", "created": 1}])
    stripe_sandbox.state.insert_many([{"id": "cus_t", "object": "customer", "created": 5, "test_clock": "clock_1"}])
    first = next(iter(puller.open().pages(CUSTOMERS, None, None)))
    assert first.cursor is None
    stripe_sandbox.log.clear()
    assert puller.pull("customers", resume=first.position)[0] == 1
    assert [request.query.partition("test_clock=")[2] for request in stripe_sandbox.log.matching("customers")] == [
        "clock_1"
    ]


def test_a_live_key_asks_for_no_test_clocks(stripe_sandbox: Sandbox, puller: Puller, plant: Plant) -> None:
    """Live mode has none: https://docs.stripe.com/billing/testing/test-clocks."""
    plant(1)
    puller.key = "sk_live_sandbox"
    stripe_sandbox.state.add_key(puller.key)
    assert puller.pull("customers")[0] == 1
    assert stripe_sandbox.log.matching("test_clocks") == []


def test_events_in_the_shape_of_an_old_version_leave_a_payload_that_reads_alike(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """A deletion keeps the keys that mean the same in every version; whoever was deleted is still the same person.

    Events are shown in the account's version of their day: https://docs.stripe.com/api/events/object#event_object-api_version.
    """
    state = stripe_sandbox.state
    state.default_version = OLD
    state.create({"id": "cus_1", "object": "customer", "email": "dana@kolbe.example", "metadata": {"user_id": "u-1"}})
    state.create({"id": "in_1", "object": "invoice", "customer": "cus_1"})
    puller.pull("customers")
    puller.pull("invoices")
    before = {str(fact) for fact in CUSTOMERS.translate(puller.open().read(CUSTOMERS, ["cus_1"])[0])}
    state.update("cus_1", {"name": "Dana"})
    clock.advance(LATER)
    puller.pull("customers")
    assert "sources" not in puller.payloads["cus_1"], "what lives is retrieved in our version"
    state.update("cus_1", {"name": None})
    state.delete_customer("cus_1")
    state.delete("in_1")
    clock.advance(LATER)
    puller.pull("customers")
    puller.pull("invoices")
    assert puller.deleted == {"cus_1", "in_1"}
    assert puller.payloads["cus_1"].keys() <= STABLE
    assert puller.payloads["in_1"].keys() <= STABLE
    (gone,) = puller.open().read(CUSTOMERS, ["cus_1"])
    assert {str(fact) for fact in CUSTOMERS.translate(gone)} == before


def test_many_new_objects_are_read_by_pages_of_the_list(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """250 new customers and an old one that changed, one of each deleted: a handful of calls, and nothing is amiss."""
    plant(2)
    puller.pull("customers")
    state = stripe_sandbox.state
    for number in range(250):
        state.create({"id": f"cus_n{number:03d}", "object": "customer"})
        clock.advance(timedelta(seconds=1))
    state.update("cus_0000", {"name": "old"})
    state.delete_customer("cus_n007")
    state.delete_customer("cus_0001")
    clock.advance(LATER)
    brought, source = puller.pull("customers")
    assert brought == 252
    assert source.calls["window"] <= 15
    assert puller.deleted == {"cus_n007", "cus_0001"}
    living = {key: payload for key, payload in puller.payloads.items() if key not in puller.deleted}
    assert living == {key: state.get(key) for key in living}


@pytest.mark.parametrize("stream", sorted(CONNECTOR.streams_by_name))
def test_a_range_of_dates_is_read_again(stripe_sandbox: Sandbox, puller: Puller, stream: str) -> None:
    """Half-open, by creation, by pages that can be gone on with, and no cursor but the one that says it is complete."""
    kind = CONNECTOR.streams_by_name[stream].object
    made = [{"id": f"x_{n:03d}", "object": kind, "created": 1_700_000_000 + n} for n in range(300)]
    if kind == "subscription":
        made = [{**one, "items": []} for one in made]
    stripe_sandbox.state.insert_many(made)
    since, until = datetime.fromtimestamp(1_700_000_050, UTC), datetime.fromtimestamp(1_700_000_200, UTC)
    source = puller.open()
    pages = list(source.between(CONNECTOR.streams_by_name[stream], since, until, None))
    assert sorted(record.key.id for page in pages for record in page.records) == [f"x_{n:03d}" for n in range(50, 200)]
    assert [page.cursor for page in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].cursor is not None
    assert not any(page.whole for page in pages), "what is outside the range is not gone"
    rest = source.between(CONNECTOR.streams_by_name[stream], since, until, pages[0].position)
    assert [page.records for page in rest] == [page.records for page in pages[1:]]


def test_records_are_read_by_id(stripe_sandbox: Sandbox, puller: Puller, plant: Plant) -> None:
    """As they are now; the deleted one with its last payload, and what never was is absent."""
    plant(2)
    state = stripe_sandbox.state
    state.update("cus_0001", {"email": "bea@example.com"})
    state.delete_customer("cus_0001")
    state.create({"id": "in_1", "object": "invoice"})
    state.delete("in_1")
    state.insert_many([{"id": "txn_1", "object": "balance_transaction", "created": 1}])
    source = puller.open()
    found = {record.key.id: record for record in source.read(CUSTOMERS, ["cus_0000", "cus_0001", "cus_never"])}
    assert {key: record.deleted for key, record in found.items()} == {"cus_0000": False, "cus_0001": True}
    assert found["cus_0000"].payload == state.get("cus_0000")
    assert found["cus_0001"].payload["email"] == "bea@example.com"
    (draft,) = source.read(CONNECTOR.streams_by_name["invoices"], ["in_1"])
    assert draft.deleted
    assert source.read(CONNECTOR.streams_by_name["balance_transactions"], ["txn_1", "txn_2"])[0].key.id == "txn_1"
    assert source.read(CUSTOMERS, []) == []


def test_what_is_read_by_id_is_not_hidden_by_the_next_window(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant
) -> None:
    """A change right after the reading wins over it, though the window of events ends a minute before its clock."""
    plant(1)
    puller.pull("customers")
    clock.advance(LATER)
    (read,) = puller.open().read(CUSTOMERS, ["cus_0000"])
    clock.advance(timedelta(seconds=1))
    stripe_sandbox.state.update("cus_0000", {"name": "after"})
    clock.advance(timedelta(seconds=62))
    (page,) = puller.open().pages(CUSTOMERS, puller.cursors["customers"], None)
    assert page.records[0].payload["name"] == "after"
    assert page.records[0].updated_at > read.updated_at


def test_what_stripe_lacks_is_unsupported(puller: Puller) -> None:
    """It counts no list, describes no columns, and its limits are per second, so no quota is told."""
    source = puller.open()
    with pytest.raises(Unsupported, match="cannot be counted"):
        source.count(CUSTOMERS)
    with pytest.raises(Unsupported, match="no columns"):
        source.columns(CUSTOMERS)
    assert source.quota is None


@pytest.mark.parametrize("ahead", [timedelta(seconds=-50), timedelta(seconds=50)])
def test_what_is_read_beside_the_walk_never_hides_a_later_change(
    stripe_sandbox: Sandbox, clock: FrozenClock, puller: Puller, plant: Plant, ahead: timedelta
) -> None:
    """By id or by date, though our clock and Stripe's differ: windows end a minute before now, and so do these stamps."""
    plant(2)
    puller.clock = FrozenClock(clock.now() + ahead)
    puller.pull("customers")
    for step in (clock, puller.clock):
        step.advance(LATER)
    source = puller.open()
    beside = [*source.read(CUSTOMERS, ["cus_0000"])]
    made = datetime.fromtimestamp(1_600_000_001, UTC)
    beside += [one for page in source.between(CUSTOMERS, made, made + LATER, None) for one in page.records]
    puller.keep("customers", Page(beside, {}))
    clock.advance(timedelta(seconds=2))
    for name in ("cus_0000", "cus_0001"):
        stripe_sandbox.state.update(name, {"name": "changed since"})
    puller.clock.advance(timedelta(seconds=58))
    puller.pull("customers")
    puller.clock.advance(LATER)
    puller.pull("customers")
    assert {puller.payloads[name].get("name") for name in ("cus_0000", "cus_0001")} == {"changed since"}
