"""The real purchases in the sandbox."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from models.clock import FrozenClock
from sandbox import cdnow
from sandbox.stripe.state import StripeState


@pytest.mark.slow
def test_every_purchase_becomes_a_charge(tmp_path: Path, clock: FrozenClock, shared_data: Path) -> None:
    """69,659 purchases of 23,570 customers, the 80 free ones included, each with its balance transaction."""
    state = StripeState(tmp_path, clock)
    assert cdnow.load(shared_data / "cdnow" / "CDNOW_master.txt", state) == 69_659
    counts = [state.count(kind) for kind in ("customer", "charge", "balance_transaction", "event")]
    assert counts == [23_570, 69_659, 69_659, 0]
    charge = state.get("ch_cdnow000003")
    assert (charge["amount"], charge["customer"]) == (7700, "cus_cdnow00002")
    assert charge["created"] == datetime(1997, 1, 12, 12, tzinfo=UTC).timestamp()
    state.close()


def test_a_line_that_is_no_purchase_is_refused(tmp_path: Path) -> None:
    """Half cents would be rounded silently, so the file is refused."""
    bad = tmp_path / "bad.txt"
    bad.write_text(" 00001 19970101  1   11.775\n")
    with pytest.raises(ValueError, match="whole cents"):
        cdnow.read(bad)
