"""What becomes of a day once it has landed: it is replaced as a whole, and only if it says something new."""

from datetime import timedelta
from pathlib import Path

import pytest

from connectors.meta_ads import CONNECTOR
from models.facts import Spend
from models.store import open_store
from pipelines.ingest.lake import Lake
from pipelines.ingest.pull import pull_stream
from pipelines.stitch.reconcile import AdBill, ad_bill
from sandbox.faults import Fault
from tests.connectors.meta_ads.conftest import BERLIN, PACIFIC, TODAY, Ground, Puller

DAY = timedelta(days=1)


@pytest.fixture
def landed(tmp_path: Path) -> Lake:
    return Lake.open(str(tmp_path / "lake"))


def test_a_corrected_day_replaces_all_of_its_rows(puller: Puller, ground: Ground, landed: Lake, tmp_path: Path) -> None:
    """Two accounts of one source land side by side; a correction is one new row; a row that vanished spends nothing more."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    ground.account(PACIFIC, "America/Los_Angeles", "USD", created="2026-10-30")
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-10-30")
    for ad in ("1", "2"):
        ground.ad(ad)
        ground.day(ad, TODAY - DAY, "10.00")
    ground.ad("3", PACIFIC)
    ground.day("3", TODAY - DAY, "5.00", PACIFIC, "USD")
    stream = CONNECTOR.streams_by_name["insights"]

    def pull() -> int:
        report = pull_stream(
            puller.open(), CONNECTOR, stream, lake=landed, store=store, staging=tmp_path / "staging", clock=puller.clock
        )
        return report.rows

    def spent() -> dict[tuple[str, str], int]:
        rows = landed.facts(Spend).to_pyarrow().to_pylist()
        return {(row["record"].split("/")[1], row["ad_id"]): row["amount_minor"] for row in rows}

    assert pull() == 4 + 4  # from the thirtieth to today, in each account
    assert spent() == {(BERLIN, "1"): 1000, (BERLIN, "2"): 1000, (PACIFIC, "3"): 500}
    puller.clock.advance(timedelta(hours=1))
    assert pull() == 0
    ground.day("1", TODAY - DAY, "12.50")
    puller.sandbox.state.remove_day(BERLIN, str(TODAY - DAY), "2")
    puller.clock.advance(timedelta(hours=1))
    assert pull() == 1
    assert spent() == {(BERLIN, "1"): 1250, (PACIFIC, "3"): 500}


def test_what_ads_cost_is_held_against_what_their_account_says(
    puller: Puller, ground: Ground, landed: Lake, tmp_path: Path
) -> None:
    """Equal to the cent with the ads that Meta forgot, off by what the ads have more, untold where it was refused; today is not over."""
    store = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    ground.account(BERLIN, "Europe/Berlin", "EUR", created="2026-10-30")
    for ad in ("1", "2"):
        ground.ad(ad)
        for back in range(3):
            ground.day(ad, TODAY - back * DAY, "10.10")
    puller.sandbox.state.conduct.forgotten = {"2"}

    def bill() -> AdBill:
        stream = CONNECTOR.streams_by_name["insights"]
        pull_stream(
            puller.open(), CONNECTOR, stream, lake=landed, store=store, staging=tmp_path / "staging", clock=puller.clock
        )
        return ad_bill(landed)

    assert ad_bill(landed) == AdBill(0, 0, 0, {})
    assert bill() == AdBill(days=3, untold=0, unknown=2, off={})
    yesterday = str(TODAY - DAY)
    told = {"data": [{"date_start": yesterday, "date_stop": yesterday, "spend": "10.00"}]}
    puller.sandbox.faults.add(Fault(path="/insights.*level=account", status=200, body=told))
    puller.clock.advance(timedelta(hours=1))
    assert bill() == AdBill(days=3, untold=0, unknown=1, off={(yesterday, "eur"): 10})
    puller.sandbox.faults.clear()
    puller.sandbox.faults.add(Fault(path="/insights.*level=account", status=400, body={"error": {"code": 200}}))
    puller.clock.advance(DAY)
    assert bill() == AdBill(days=0, untold=5, unknown=0, off={})
