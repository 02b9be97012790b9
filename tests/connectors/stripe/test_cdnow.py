"""The real purchases of CDNOW, through the sandbox and back."""

from collections import Counter
from pathlib import Path

import pytest

from connectors.stripe import CONNECTOR
from models.facts import Payment
from sandbox import cdnow
from tests.connectors.stripe.conftest import Puller


@pytest.mark.slow
def test_every_purchase_comes_back_to_the_cent_and_the_customer(puller: Puller, shared_data: Path) -> None:
    """69,659 payments of 23,570 customers equal the file as a multiset of customer, day and cents."""
    path = shared_data / "cdnow" / "CDNOW_master.txt"
    cdnow.load(path, puller.sandbox.state)
    bought = Counter((cdnow.customer_id(one.customer), one.at, one.cents) for one in cdnow.read(path))
    paid: Counter[tuple[str, object, int]] = Counter()
    charges = CONNECTOR.streams_by_name["charges"]
    for page in puller.open().pages(charges, None, None):
        for record in page.records:
            for fact in charges.translate(record):
                assert isinstance(fact, Payment)
                paid[str(fact.payer).rsplit("/", 1)[1], fact.occurred_at, fact.amount_minor] += 1
    assert paid == bought
    assert paid.total() == 69_659
    assert puller.pull("customers")[0] == len({customer for customer, _, _ in paid}) == 23_570
