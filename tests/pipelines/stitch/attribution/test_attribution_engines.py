"""The joins of this room are one text for both engines."""

from datetime import timedelta

import ibis
import pytest
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.config import Config

from pipelines.stitch.arrivals import ads
from pipelines.stitch.attribution import learnt
from pipelines.stitch.attribution.build import costs_by_channel, split_money
from pipelines.stitch.attribution.credit import credit
from pipelines.stitch.attribution.paths import paths, purchases, ways
from pipelines.stitch.attribution.rules import WORTH, weights
from pipelines.stitch.attribution.sums import cohorts, returns
from pipelines.stitch.attribution.tables import RETURNS
from pipelines.stitch.derived import RECEIPTS, SPEND
from pipelines.stitch.rates import Rates
from tests.pipelines.stitch.attribution.test_rules import TOUCHED
from tests.pipelines.stitch.conftest import Bench

NAMES = ("purchases", "paths", "weights", "credit", "returns", "cohorts", "ways", "journeys", "steps")


def expressions(bench: Bench) -> dict[str, ibis.Table]:
    receipts, spent = (ibis.table(one.schema, name=one.name) for one in (RECEIPTS, SPEND))
    touched, worth = ibis.table(TOUCHED, name="touched"), ibis.table(WORTH, name="worth")
    bought = purchases(receipts)
    money, walked = split_money(bought), paths(bought, touched, timedelta(days=90))
    weighed = weights(walked, worth)
    costs, credited = costs_by_channel(bench.lake, spent, Rates()), credit(money, weighed)
    nobodys = receipts.filter(receipts.scope == "unassigned")
    journeys = learnt.journeys(bought, touched)
    return {
        "purchases": bought, "paths": walked, "weights": weighed, "credit": credited, "ways": ways(bought, touched), "journeys": journeys,
        "returns": returns(credited, money, nobodys, weighed, costs, ads(bench.lake)), "steps": learnt.steps(journeys),
        "cohorts": cohorts(ibis.table(RETURNS.schema, name="returned")),
    }  # fmt: skip


class Options(Config):
    """What ibis sets when it connects to Spark, at its default; nothing is connected here."""

    treat_nan_as_null: bool = False


@pytest.mark.parametrize("name", NAMES)
def test_every_expression_can_be_said_to_spark(bench, name, monkeypatch):
    """An operation that only one engine has raises here, long before one machine is outgrown."""
    monkeypatch.setattr(ibis.options, "pyspark", Options())
    assert PySparkCompiler().to_sqlglot(expressions(bench)[name]).sql("spark").startswith(("SELECT", "WITH"))
