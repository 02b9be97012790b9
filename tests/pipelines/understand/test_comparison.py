"""Alignment beside the lead score: outcomes without overlap, scores of before, figures that mean what they say."""

import json
from datetime import UTC, datetime, timedelta
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from models import Alignment, Scope
from models.store import transaction
from pipelines.ingest.schemas import RAW
from pipelines.stitch.derived import JOURNEYS, RECEIPTS, put
from pipelines.stitch.membership import SNAPSHOT, SNAPSHOT_SCHEMA
from pipelines.understand.outlook.compare import ALIGNMENT, CHANCE, LEAD_SCORE, Judged, at_each, auc, judge, lift
from pipelines.understand.outlook.history import before, worth
from pipelines.understand.outlook.outcomes import cases, quarters
from pipelines.understand.outlook.settings import LeadScoreSettings
from pipelines.understand.outlook.side_by_side import compare
from pipelines.workspace import Workspace, WorkspaceSettings
from tests.pipelines.understand.conftest import key

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
JULY, APRIL = datetime(2026, 7, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)


def test_quarters_are_over():
    """The last is the one whose 90 days have passed; there are two years of them."""
    assert quarters(NOW)[-1] == JULY
    assert quarters(JULY + timedelta(days=90))[-1] == JULY
    assert quarters(JULY + timedelta(days=89))[-1] == APRIL
    assert len(quarters(NOW)) == 8


def test_outcomes_are_what_came_after():
    """One grew, one left, one contract was kept; nobody is asked who had nothing to lose."""
    day = timedelta(days=1)
    paid = {"grew": [(JULY - day, 100), (JULY + day, 130)], "left": [(JULY - day, 100)], "new": [(JULY + day, 5)]}
    found = {
        (case.buyer, case.kind): case.came for case in cases(paid, {"kept": [(APRIL, None)]}, NOW) if case.cut == JULY
    }
    assert found == {
        ("grew", "expansion"): True, ("grew", "churn"): False, ("left", "expansion"): False, ("left", "churn"): True,
        ("kept", "renewal"): True, ("kept", "churn"): False,
    }  # fmt: skip


def test_a_score_is_the_one_of_before():
    """What was set at or after the cut is not known then; what was emptied before is nothing."""
    series = [(APRIL, 5.0), (JULY, 9.0)]
    assert before(series, JULY) == 5.0
    assert before(series, APRIL) is None
    assert before([*series, (JULY + timedelta(1), None)], NOW) is None


@pytest.mark.parametrize(("said", "value"), [("7", 7.0), ('"7.5"', 7.5), ('"Hot"', 3.0), ("", None), ("nan?", None), (None, None), ("1e999", None)])  # fmt: skip
def test_what_a_field_is_worth(said, value):
    """Numbers are themselves, ratings have an order, anything else says nothing."""
    assert worth(said, LeadScoreSettings().words) == value


def test_figures_by_hand():
    """Two hits of four: the better half gives AUC 3/4; ties count half; the top fifth of five is the first."""

    def counted(score, came):
        told, came = at_each(np.array(score)), np.array(came, float)
        return told(came), told(1 - came)

    assert auc(*counted([4, 3, 2, 1], [1, 0, 1, 0])) == 0.75
    assert auc(*counted([0, 0, 0, 0], [1, 0, 1, 0])) == 0.5
    assert lift(*counted([5, 4, 3, 2, 1], [1, 0, 0, 0, 0])) == 5
    assert lift(*counted([0, 0, 0, 0, 0], [1, 0, 0, 0, 0])) == pytest.approx(1)


def customers(number):
    random = Random(1)  # repeatable chance, not secrets
    for one in range(number):
        score = random.random()
        yield Judged(f"b{one}", random.random() < score, score, random.random())


def test_what_tells_beats_what_does_not():
    """A score that tells has its whole interval above chance, and a smaller error; noise has not. In whatever order they come."""
    found = {one.predictor: one for one in judge(list(customers(300)), against=False)}
    ours, theirs, chance = (found[name] for name in (ALIGNMENT, LEAD_SCORE, CHANCE))
    assert ours.auc.low > 0.7 > theirs.auc.high > 0.5 > theirs.auc.low
    assert ours.brier.value < chance.brier.value <= theirs.brier.value + 0.01
    assert (chance.auc.value, chance.lift.value) == (0.5, pytest.approx(1))
    assert judge(list(customers(300))[::-1], against=False) == judge(list(customers(300)), against=False)


def test_against_turns_a_score_around():
    """High alignment speaks against churn."""
    turned = [Judged(one.buyer, not one.came, one.alignment, one.lead_score) for one in customers(300)]
    assert judge(turned, against=True)[0].auc.value == pytest.approx(
        judge(list(customers(300)), against=False)[0].auc.value
    )


def test_too_few_outcomes_are_insufficient():
    """Nineteen that came tell nothing, and that is what is said."""
    some = [Judged(f"b{one}", one < 19, 0.5, 0.5) for one in range(100)]
    assert all(
        one.standing.startswith("insufficient: 19 of 100") and one.auc is None for one in judge(some, against=False)
    )
    assert judge([], against=True)[0].standing.startswith("insufficient")


def test_from_lake_and_store(world, tmp_path):
    """Sixty buyers: the field's version of before the cut is read, the later one is not; a segment leaves the others out."""
    lake, cut = world.lake, quarters(world.clock.now())[-1]
    people = [f"p{number:02d}" for number in range(60)]
    records = {person: key("Contact", person) for person in people}
    stays = {person: number % 2 == 0 for number, person in enumerate(people)}
    raw = [
        {
            "vendor": "salesforce", "account": "org", "object": "Contact", "id": person, "record": record, "record_hash": number,
            "updated_at": at, "pulled_at": at, "batch": 0, "deleted": False, "payload_hash": number, "payload": json.dumps({"Rating": rating}),
        }
        for number, (person, record) in enumerate(records.items())
        for at, rating in ((cut - timedelta(days=9), "Hot" if stays[person] else "Cold"), (cut + timedelta(days=9), "Cold" if stays[person] else "Hot"))
    ]  # fmt: skip
    table = pa.Table.from_pylist(raw, schema=RAW)
    lake.append_raw("salesforce", "contacts", table.to_reader(), len(raw))
    lake.replace(SNAPSHOT, pa.Table.from_pylist([{"record": record, "scope": "person", "entity_id": person} for person, record in records.items()], schema=SNAPSHOT_SCHEMA))  # fmt: skip
    put(lake, JOURNEYS, pa.Table.from_pylist([{"person_id": person} for person in people], schema=JOURNEYS.schema))
    moved = [(person, day) for person in people for day in (-5, 5) if day < 0 or stays[person]]
    put(lake, RECEIPTS, pa.Table.from_pylist([
        {"record": f"{person}{day}", "kind": "charge", "scope": "person", "entity_id": person, "person_id": person, "occurred_at": cut + timedelta(days=day), "currency": "eur", "amount": 100, "value": 100, "purchase": f"{person}{day}"}
        for person, day in moved
    ], schema=RECEIPTS.schema))  # fmt: skip
    with transaction(world.store) as session:
        session.add_all(
            Alignment(
                scope=Scope.person.value, entity_id=person, as_of=cut + timedelta(days=day), bucket=0, overall=value, low=0, high=1,
                trend="steady", components={}, coverage=0.2, weights_version="equal-1", evidence_ids=[],
            )
            for person in people for day, value in ((-3, 0.5), (3, 0.9))
        )  # fmt: skip
    workspace = Workspace(WorkspaceSettings(home=tmp_path))
    workspace.__dict__.update(lake=lake, store=world.store, clock=world.clock)
    found = compare(workspace)
    ours, theirs, _ = found.verdicts["churn"]
    assert (ours.cases, ours.events) == (60, 30)
    assert (ours.auc.value, theirs.auc.value) == (0.5, 1.0)
    assert found.table().num_rows == 9
    assert found.verdicts["renewal"][0].standing.startswith("insufficient")
    nobody = compare(workspace, LeadScoreSettings(segment="country=de"))
    assert nobody.verdicts["churn"][0].cases == 0
    custom = compare(workspace, LeadScoreSettings(fields={"salesforce": "Score__c"}))
    assert custom.unknown["churn"] == 60
