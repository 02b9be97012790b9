"""For any payments and touches, every minor unit is credited once by every model."""

from collections import Counter, defaultdict
from datetime import timedelta

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.stitch.attribution.build import split_money
from pipelines.stitch.attribution.credit import credit
from pipelines.stitch.attribution.learnt import worth
from pipelines.stitch.attribution.paths import paths, purchases
from pipelines.stitch.attribution.rules import MODELS, weights
from pipelines.stitch.derived import RECEIPTS
from tests.pipelines.stitch.attribution.test_rules import TOUCHED
from tests.pipelines.stitch.conftest import T0

DAYS = st.integers(0, 200)
MOVEMENTS = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from(["charge", "charge", "refund", "dispute", "tax"]), st.integers(0, 2**50), DAYS,
        st.sampled_from(["eur", "jpy"]), st.integers(0, 4),
    ),
    max_size=20,
)  # fmt: skip
CAME = st.lists(
    st.tuples(st.sampled_from("abc"), DAYS, st.sampled_from(["paid_social", "organic_search", "direct_traffic"])),
    max_size=20,
)


@settings(max_examples=4)
@given(movements=MOVEMENTS, came=CAME)
def test_every_minor_unit_is_credited_once_by_every_model(movements, came):
    """Parts of a purchase are its net money, those of a customer all they paid; weights add up to 1, and who had no touch has no row."""
    receipts = [
        {"record": str(number), "kind": kind, "person_id": who, "occurred_at": T0 + timedelta(days=day), "currency": currency,
         "amount": amount if kind == "charge" else -amount, "value": None if currency == "jpy" else amount, "purchase": f"{who}{order}"}
        for number, (who, kind, amount, day, currency, order) in enumerate(movements)
    ]  # fmt: skip
    touches = [
        {"customer_id": who, "person_id": who, "channel": channel, "touched_at": T0 + timedelta(days=day), "nth": nth}
        for nth, (who, day, channel) in enumerate(came)
    ]
    bought = purchases(ibis.memtable(pa.Table.from_pylist(receipts, RECEIPTS.schema)))
    touched = ibis.memtable(pa.Table.from_pylist(touches, TOUCHED))
    weighed = weights(paths(bought, touched, timedelta(days=90)), ibis.memtable(worth(bought, touched)))
    by_purchase: Counter[tuple[str, str]] = Counter()
    by_customer: Counter[tuple[str, str]] = Counter()
    for row in receipts:
        by_purchase[row["purchase"], row["currency"]] += row["amount"]
        by_customer[row["person_id"], row["currency"]] += row["amount"]
    amounts: dict[tuple[str, str, str, str], int] = defaultdict(int)
    parts: dict[tuple[str, str, str, str], float] = defaultdict(float)
    for row in credit(split_money(bought), weighed).to_pyarrow().to_pylist():
        place = (row["basis"], row["model"], row["conversion"], row["currency"])
        amounts[place] += row["amount"]
        parts[place] += row["weight"]
        assert row["weight"] > 0
        assert (row["value"] is None) == (row["currency"] == "jpy")
    assert parts == pytest.approx(dict.fromkeys(parts, 1.0))
    assert {place[1] for place in parts} in (set(), set(MODELS))
    for (basis, _, conversion, currency), amount in amounts.items():
        expected = by_purchase[conversion, currency] if basis == "purchase" else by_customer[conversion[0], currency]
        assert amount == expected
    walked = {place[2] for place in parts if place[0] == "purchase"}
    assert walked == {row["purchase"] for row in receipts if reached(row["purchase"], movements, came)}


def reached(purchase: str, movements, came) -> bool:
    """Whether the customer was touched in the 90 days before the purchase, which was when it was first paid, or else first moved."""
    own = [(kind, amount, day) for who, kind, amount, day, _, order in movements if f"{who}{order}" == purchase]
    paid = [day for kind, amount, day in own if kind == "charge" and amount] or [day for *_, day in own]
    return any(who == purchase[0] and 0 <= min(paid) - day <= 90 for who, day, _ in came)
