"""The joins of this room are one text for both engines."""

import ibis
import pytest
from ibis.backends.sql.compilers.pyspark import PySparkCompiler

from pipelines.stitch.arrivals import arrivals, first_and_last
from pipelines.stitch.sessions import of_persons, sessions
from pipelines.stitch.spend import spend
from tests.pipelines.stitch.conftest import Bench


def expressions(bench: Bench) -> dict[str, ibis.Table]:
    persons = ibis.table({"record": "string", "person_id": "string"}, name="members")
    came = arrivals(bench.lake, persons)
    visited = sessions(bench.lake, persons, came)
    first, last, number = first_and_last(came)
    return {
        "arrivals": came, "first": first, "last": last, "number": number, "spend": spend(bench.lake, persons),
        "sessions": visited, "of_persons": of_persons(visited),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["arrivals", "first", "last", "number", "spend", "sessions", "of_persons"])
def test_every_expression_can_be_said_to_spark(bench, name):
    """An operation that only one engine has raises here, long before one machine is outgrown."""
    assert PySparkCompiler().to_sqlglot(expressions(bench)[name]).sql("spark").startswith(("SELECT", "WITH"))
