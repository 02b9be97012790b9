"""A real org of the non-profit world, loaded and pulled back exactly."""

import sqlite3
from collections import Counter

import pytest

from sandbox import npsp
from tests.connectors.salesforce.conftest import ids, pull, records

EXPECTED = {
    "accounts": 1223, "contacts": 1024, "opportunities": 1517, "campaign_members": 1699, "opportunity_contact_roles": 3499,
}  # fmt: skip


@pytest.fixture
def script(shared_data):
    return shared_data / "npsp" / "1k.sql"


@pytest.fixture
def loaded(practice, script):
    npsp.load(script, practice.sandbox.state)
    return practice


def test_a_real_org_comes_back_exactly(loaded):
    """As many of each as its source holds, none twice."""
    source = loaded.source()
    found = {name: ids(pull(source, name)) for name in EXPECTED}
    assert {name: len(rows) for name, rows in found.items()} == EXPECTED
    assert {name: len(set(rows)) for name, rows in found.items()} == EXPECTED


def test_its_deals_come_back_to_the_cent(loaded, script):
    """Name, stage and amount of every deal as the data set has them."""
    with sqlite3.connect(":memory:") as source:
        source.executescript(script.read_text("utf-8"))
        rows = source.execute("SELECT name, stage_name, amount, close_date FROM Opportunity").fetchall()
    source.close()
    planted = Counter((name, stage, float(amount) if amount else None, day) for name, stage, amount, day in rows)
    payloads = [record.payload for record in records(pull(loaded.source(), "opportunities"))]
    assert Counter((one["Name"], one["StageName"], one["Amount"], one["CloseDate"]) for one in payloads) == planted
