"""Connected accounts: one set of streams per account, none of which can harm another (https://docs.stripe.com/connect/authentication)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from pydantic import ValidationError

from connectors.base import Page
from connectors.errors import Fatal
from connectors.stripe import CONNECTOR
from connectors.stripe.settings import StripeSettings
from models.clock import FrozenClock
from sandbox.faults import Fault
from sandbox.stripe.resources import ACCOUNT_PERMISSION, RESOURCES
from tests.conftest import Sandbox
from tests.connectors.stripe.conftest import Puller

CUSTOMERS = CONNECTOR.streams_by_name["customers"]
LATER = timedelta(minutes=10)
OWN, ANN, BOB = "acct_sandbox", "acct_ann", "acct_bob"


@pytest.fixture
def platform(stripe_sandbox: Sandbox) -> Sandbox:
    """An account with two connected ones; each has a customer of its own, the platform's and Ann's of the same id."""
    state = stripe_sandbox.state
    for account, customer in ((state, "cus_1"), (state.connect(ANN), "cus_1"), (state.connect(BOB), "cus_bob")):
        account.insert_many([{"id": customer, "object": "customer", "created": 1, "name": account.account}])
    return stripe_sandbox


def brought(pages: Iterator[Page]) -> dict[str, str]:
    """Names by written record key."""
    return {str(record.key): record.payload["name"] for page in pages for record in page.records}


def test_settings_take_all_or_a_list_of_accounts() -> None:
    """Anything else is refused before a request is made."""
    assert StripeSettings(connect="acct_1, acct_2").connect == ("acct_1", "acct_2")
    assert StripeSettings(connect="all").connect == ("all",)
    assert StripeSettings().connect == ()
    with pytest.raises(ValidationError, match="acct_"):
        StripeSettings(connect="some")


def test_without_the_setting_connected_accounts_are_left_alone(platform: Sandbox, puller: Puller) -> None:
    """Nobody's objects are read unasked."""
    assert brought(puller.open().pages(CUSTOMERS, None, None)) == {f"stripe/{OWN}:test/customer/cus_1": OWN}


@pytest.mark.parametrize("connect", [("all",), (BOB, ANN)])
def test_records_carry_the_account_that_they_are_of(
    platform: Sandbox, puller: Puller, connect: tuple[str, ...]
) -> None:
    """The connected account with its mode; the source keeps the platform's name, and each account a cursor of its own."""
    puller.connect = connect
    source = puller.open()
    pages = list(source.pages(CUSTOMERS, None, None))
    assert brought(iter(pages)) == {
        f"stripe/{OWN}:test/customer/cus_1": OWN,
        f"stripe/{ANN}:test/customer/cus_1": ANN,
        f"stripe/{BOB}:test/customer/cus_bob": BOB,
    }
    assert source.account == f"{OWN}:test"
    assert pages[-1].cursor is not None
    assert pages[-1].cursor.keys() == {OWN, ANN, BOB}
    whole = [page.whole.account for page in pages if page.whole]
    assert whole == [f"{account}:test" for account in (OWN, ANN, BOB)], "each list is whole for its own account"


def test_changes_of_each_account_come_by_its_own_events(platform: Sandbox, clock: FrozenClock, puller: Puller) -> None:
    """A deletion and an update in a connected account, nothing elsewhere."""
    puller.connect = ("all",)
    puller.pull("customers")
    platform.state.of(ANN).update("cus_1", {"name": "Ann's"})
    platform.state.of(BOB).delete_customer("cus_bob")
    clock.advance(LATER)
    pages = list(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None))
    found = {(record.key.account, record.deleted): record.payload["name"] for page in pages for record in page.records}
    assert found == {(f"{ANN}:test", False): "Ann's", (f"{BOB}:test", True): BOB}


def test_an_account_that_left_stops_only_itself(platform: Sandbox, clock: FrozenClock, puller: Puller) -> None:
    """The others are read to their end, their cursors move, and the refusal is raised last with what to do."""
    puller.connect = (ANN, BOB)
    puller.pull("customers")
    before = puller.cursors["customers"]
    assert before is not None
    platform.state.of(BOB).update("cus_bob", {"name": "still here"})
    platform.state.delete(ANN)
    clock.advance(LATER)
    pages = []
    with pytest.raises(Fatal, match="STRIPE_CONNECT") as refused:
        pages += [page for page in puller.open().pages(CUSTOMERS, before, None) if puller.keep("customers", page)]
    assert not refused.value.credentials
    assert puller.payloads["cus_bob"]["name"] == "still here"
    after = puller.cursors["customers"]
    assert after is not None
    assert after[ANN] == before[ANN]
    assert after[BOB] != before[BOB]


def test_a_pull_goes_on_at_the_account_that_it_stopped_in(platform: Sandbox, puller: Puller) -> None:
    """Ann's 150 customers are two pages; after the first one the platform's are not read again."""
    more = [{"id": f"cus_a{n}", "object": "customer", "created": 2 + n, "name": "a"} for n in range(149)]
    platform.state.of(ANN).insert_many(more)
    puller.connect = ("all",)
    first, second, *_ = puller.open().pages(CUSTOMERS, None, None)
    rest = brought(puller.open().pages(CUSTOMERS, first.cursor, second.position))
    assert len(rest) == 51
    assert {key.split("/")[1] for key in rest} == {f"{ANN}:test", f"{BOB}:test"}


def test_what_was_interrupted_is_finished_before_an_account_that_refused_is_tried_again(
    platform: Sandbox, puller: Puller
) -> None:
    """The end of another window would land its first pages, and the rest of them would look like all that there is."""
    more = [{"id": f"cus_a{n}", "object": "customer", "created": 2 + n, "name": "a"} for n in range(149)]
    platform.state.of(ANN).insert_many(more)
    puller.connect = ("acct_aaron", ANN)
    first, second = islice(puller.open().pages(CUSTOMERS, None, None), 2)
    assert second.position["held"] == ["acct_aaron"]
    platform.state.connect("acct_aaron").insert_many(
        [{"id": "cus_9", "object": "customer", "created": 1, "name": "back"}]
    )
    rest = puller.open().pages(CUSTOMERS, first.cursor, second.position)
    assert [page.whole.account for page in rest if page.whole] == [f"{ANN}:test", "acct_aaron:test"]


def test_what_was_deleted_after_its_account_refused_in_mid_list_is_told(
    platform: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """The account has no cursor yet, but its first page came with the end of the other's window."""
    puller.connect = (ANN,)
    for number in range(150):
        platform.state.create({"id": f"price_{number}", "object": "price", "unit_amount": 5, "active": True})
    platform.faults.add(Fault(path="/v1/prices", status=403, body={"error": {"message": "x"}}, calls=(2,)))
    with pytest.raises(Fatal):
        puller.pull("prices")
    platform.faults.clear()
    assert (puller.cursors["prices"] or {}).keys() == {ANN}
    gone = next(iter(puller.payloads))
    platform.state.delete(gone)
    clock.advance(LATER)
    puller.pull("prices")
    assert puller.deleted == {gone}


def test_an_account_that_is_new_is_read_from_its_beginning(
    platform: Sandbox, clock: FrozenClock, puller: Puller
) -> None:
    """The others go on where they were."""
    puller.connect = ("all",)
    puller.pull("customers")
    platform.state.connect("acct_cleo").insert_many([{"id": "cus_c", "object": "customer", "created": 1, "name": "c"}])
    clock.advance(LATER)
    found = brought(puller.open().pages(CUSTOMERS, puller.cursors["customers"], None))
    assert found == {"stripe/acct_cleo:test/customer/cus_c": "c"}


def test_dates_and_ids_are_looked_for_in_every_account(platform: Sandbox, puller: Puller) -> None:
    """One cursor at the very end of a range; an id is found wherever it is."""
    puller.connect = ("all",)
    source = puller.open()
    pages = list(source.between(CUSTOMERS, datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(9, UTC), None))
    assert [page.cursor is not None for page in pages] == [False, False, False, True]
    assert len(brought(iter(pages))) == 3
    (bob,) = source.read(CUSTOMERS, ["cus_bob", "cus_none"])
    assert bob.key.account == f"{BOB}:test"


@pytest.mark.parametrize("refuses", ["acct_aaron", "acct_zoe"])
def test_a_range_is_complete_once_every_account_is_read(platform: Sandbox, puller: Puller, refuses: str) -> None:
    """One that refuses is named, and tried again when the range is gone on with; those that were read are not read again."""
    puller.connect = (ANN, refuses)
    span = datetime.fromtimestamp(0, UTC), datetime.fromtimestamp(9, UTC)
    pages: list[Page] = []
    with pytest.raises(Fatal, match="STRIPE_CONNECT"):
        pages.extend(puller.open().between(CUSTOMERS, *span, None))
    assert [page.cursor for page in pages] == [None, None]
    platform.state.connect(refuses).insert_many([{"id": "cus_9", "object": "customer", "created": 1, "name": "back"}])
    rest = list(puller.open().between(CUSTOMERS, *span, pages[-1].position))
    assert brought(iter(rest)) == {f"stripe/{refuses}:test/customer/cus_9": "back"}
    assert [page.cursor is not None for page in rest] == [False] * (len(rest) - 1) + [True]


def test_the_doctor_looks_at_each_connected_account(platform: Sandbox, puller: Puller) -> None:
    """One line each; an account that left is named, with what to do."""
    puller.connect = (ANN, BOB)
    platform.state.delete(ANN)
    found = {finding.subject: finding for finding in puller.open().diagnose(CONNECTOR.streams)}
    assert not found[ANN].ok
    assert ANN in found[ANN].message
    assert "STRIPE_CONNECT" in found[ANN].message
    assert found[BOB].ok


def test_a_key_that_may_not_list_connected_accounts_is_told_how(platform: Sandbox, puller: Puller) -> None:
    """All were asked for, so nothing is read until the key may see which they are."""
    puller.connect = ("all",)
    puller.key = "rk_test_blind"
    granted = {resource.permission for resource in RESOURCES.values()} | {ACCOUNT_PERMISSION}
    platform.state.add_key(puller.key, permissions=granted - {"rak_connected_account_read"})
    with pytest.raises(Fatal, match="Connected accounts to Read, or name the accounts in STRIPE_CONNECT") as refused:
        puller.open()
    assert refused.value.credentials
