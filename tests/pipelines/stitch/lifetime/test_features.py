"""What goes with growth and with leaving, among the like."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

from models.facts import Engagement
from pipelines.stitch.lifetime.derive import features
from pipelines.stitch.lifetime.features import LESS, MORE, TOO_FEW, UNCLEAR, mantel_haenszel
from pipelines.workspace import Workspace
from tests.pipelines.stitch.conftest import Bench
from tests.pipelines.stitch.lifetime.till import derive, every, noon, paid, signed

BEFORE, AFTER = date(2026, 7, 1), date(2026, 10, 1)
"""Days in the windows on either side of the cut, which is the 4th of August."""


def did(bench: Bench, payer: str, action: str, *days: date) -> list[Engagement]:
    key = bench.hand.key(payer)
    return [Engagement(subject=key, kind="product", action=action, occurred_at=noon(day)) for day in days]


def table(workspace: Workspace) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["outcome"], row["feature"]): row for row in features(workspace).to_pylist()}


def test_what_goes_with_staying_is_found(bench, workspace):
    """Eighty payers use reports and one in ten leaves, eighty do not and six in ten leave: reports go with less leaving."""
    facts = {}
    for number in range(160):
        name, user = f"p{number}", number < 80
        stays = number % 10 > 0 if user else number % 10 > 5
        facts[name] = [
            *paid(bench, name, BEFORE, *([AFTER] if stays else [])),
            *did(bench, name, "login", BEFORE),
            *(did(bench, name, "report_opened", BEFORE) if user else []),
        ]
    derive(bench, facts)
    found = table(workspace)
    row = found["left", "report_opened"]
    assert (row["did"], row["did_and"], row["rest"], row["rest_and"], row["verdict"]) == (80, 8, 80, 48, LESS)
    assert row["ratio"] == pytest.approx(8 / 48)
    assert row["low"] < row["ratio"] < row["high"] < 1
    assert found["left", "login"]["verdict"] == TOO_FEW
    assert found["grew", "report_opened"]["verdict"] == TOO_FEW


def test_a_bill_that_falls_due_is_no_growth(bench, workspace):
    """Yearly and monthly plans of one price have not grown, whichever windows their bills fall into; whoever pays half as much again has."""
    facts = {}
    for number in range(60):
        name, start = f"y{number}", date(2025, 9, 1) + timedelta(days=number)
        facts[name] = [signed(bench, name, start), *paid(bench, name, start, start.replace(year=2026), amount=12_000)]
    for number in range(30):
        name, bills = f"m{number}", every(30, "2026-04-10", 7)
        facts[name] = [signed(bench, name, bills[0]), *paid(bench, name, *bills[2:])]
    for number in range(30):
        name, start = f"g{number}", date(2025, 9, 1) + timedelta(days=number)
        facts[name] = [
            signed(bench, name, start),
            *paid(bench, name, start, amount=12_000),
            *paid(bench, name, start.replace(year=2026), amount=18_000),
        ]
    for number, name in enumerate(facts):
        facts[name] += did(bench, name, "export" if number % 2 else "import", BEFORE)
    derive(bench, facts)
    row = table(workspace)["grew", "export"]
    assert (row["did"], row["rest"], row["did_and"], row["rest_and"]) == (60, 60, 15, 15)


def test_growth_under_contract_is_told_by_bills_on_either_side(bench, workspace):
    """Who had no bill since is not told of; who ended has not grown, nor has who grew before the cut."""
    bills = {
        "waiting": [signed(bench, "waiting", "2026-03-01"), *paid(bench, "waiting", "2026-03-01")],
        "ended": [signed(bench, "ended", "2026-03-01", "2026-09-01"), *paid(bench, "ended", "2026-03-01")],
        "early": [
            signed(bench, "early", "2026-03-01"), *paid(bench, "early", "2026-03-01", "2026-04-01"),
            *paid(bench, "early", "2026-07-01", AFTER, amount=2_000),
        ],
    }  # fmt: skip
    derive(bench, {name: [*told, *did(bench, name, "export", BEFORE)] for name, told in bills.items()})
    grew, left = (table(workspace)[outcome, "export"] for outcome in ("grew", "left"))
    assert (grew["did"], grew["did_and"], left["did"], left["did_and"]) == (2, 0, 3, 1)


def test_use_after_the_cut_counts_for_nothing(bench, workspace):
    """Who stayed had the time to try exports: that is no sign of anything, and not told."""
    facts = {}
    for number in range(100):
        name, stays = f"p{number}", number % 2 == 0
        later = did(bench, name, "export", AFTER) if stays else []
        facts[name] = [*paid(bench, name, BEFORE, *([AFTER] if stays else [])), *later]
    derive(bench, facts)
    assert table(workspace) == {}


def test_few_payers_are_too_few(bench, workspace):
    """Counts of three payers are shown, no ratio is."""
    derive(bench, {n: [*paid(bench, n, BEFORE), *did(bench, n, "login", BEFORE)] for n in "abc"})
    row = table(workspace)["left", "login"]
    assert (row["did"], row["did_and"], row["ratio"], row["chance"], row["verdict"]) == (3, 3, None, None, TOO_FEW)


def test_an_empty_lake_has_no_features(bench, workspace):
    """Before anything was done there is nothing to compare."""
    assert table(workspace) == {}


def test_tenure_is_held_apart():
    """Old payers use a feature more and leave less; among payers of one age it goes with nothing, whatever the plain shares say."""
    stratum = np.repeat([0, 1], 200)
    did = np.r_[np.arange(200) < 40, np.arange(200) < 160]
    left = np.r_[np.tile([True, False], 100), np.tile([True] + [False] * 9, 20)]
    lift = mantel_haenszel(did, left, stratum)
    plain = left[did].mean() / left[~did].mean()
    assert plain < 0.5
    assert lift is not None
    assert lift.ratio == pytest.approx(1, abs=0.01)
    assert lift.chance > 0.9


def test_strata_agree_with_a_published_example():
    """One stratum is the plain risk ratio with Katz's interval: 189/11034 against 104/11037 heart attacks is 1.82, 1.43 to 2.31.

    Source: Physicians' Health Study, as in Agresti, Categorical Data Analysis (2002), section 3.1 and table 2.3.
    """
    did = np.repeat([True, False], [11034, 11037])
    came = np.r_[np.arange(11034) < 189, np.arange(11037) < 104]
    lift = mantel_haenszel(did, came, np.zeros(len(did), np.int64))
    assert lift is not None
    assert (lift.ratio, lift.low, lift.high) == pytest.approx((1.82, 1.43, 2.31), abs=0.005)
    assert lift.chance < 1e-5


def test_many_looks_find_little_by_chance(bench, workspace):
    """Of thirty features that have nothing to do with leaving, none or hardly one is called out."""
    rng = np.random.default_rng(12)
    facts = {}
    for number in range(200):
        name = f"p{number}"
        used = [f"f{one:02}" for one in range(30) if rng.random() < 0.5]
        facts[name] = [
            *paid(bench, name, BEFORE, *([AFTER] if rng.random() < 0.5 else [])),
            *(event for one in used for event in did(bench, name, one, BEFORE + timedelta(days=1))),
        ]
    derive(bench, facts)
    verdicts = [row["verdict"] for (outcome, _), row in table(workspace).items() if outcome == "left"]
    assert len(verdicts) == 30
    assert verdicts.count(MORE) + verdicts.count(LESS) <= 1
    assert verdicts.count(UNCLEAR) >= 29
