"""One address, several people: names have their say where they contradict each other."""

import pytest

from models.facts import Scope
from pipelines.stitch.names import may_be_one
from pipelines.stitch.stitch import stitch
from tests.pipelines.stitch.conftest import person


def test_a_family_behind_one_address_stays_several_people(bench):
    """Each is joined to their own records; a record without a name could be anybody's and joins nobody."""
    home = "family@corp.example"
    bench.hand.write(
        {
            "jane": person("Jane Doe", email=home), "again": person("DOE, Jane", email=home),
            "john": person("John Doe", email=home), "nameless": person(None, email=home),
        }
    )  # fmt: skip
    report = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert bench.clusters() == {frozenset(names.split()) for names in ("jane again", "john", "nameless")}
    assert report.values == {"used": 1, "contradicted": 1}


def test_an_address_joins_whoever_may_be_one(bench):
    """A new family name, an initial or no name at all contradict nothing."""
    bench.hand.write(
        {
            "before": person("Jane Doe", email="jane@corp.example"), "after": person("Jane Roe", email="jane@corp.example"),
            "short": person("J. Doe", email="jane@corp.example"), "nameless": person(None, email="jane@corp.example"),
        }
    )  # fmt: skip
    report = stitch(bench.lake, bench.store, bench.clock, Scope.person)
    assert bench.clusters() == {frozenset(["before", "after", "short", "nameless"])}
    assert report.values == {"used": 1}


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Jane Doe", "Roe, Jane"), ("Doe", "Jane Doe"), ("Bob Doe", "Robert Doe"), ("Bill Doe", "Will Doe"), ("Jon Doe", "John Doe"),
        ("J. Doe", "Jane Roe"), ("Jürgen Doe", "Juergen Doe"), ("Dr. Jane Doe", "Jane Mary Doe"),
    ],
)  # fmt: skip
def test_marriage_nickname_and_slip_contradict_nothing(left, right):
    """The family name alone decides nothing, and one given name may stand for another."""
    assert may_be_one(left, right)
    assert may_be_one(right, left)


@pytest.mark.parametrize(
    ("left", "right"), [("Jane Doe", "John Doe"), ("Doe, Jane", "Doe, John"), ("Ann Doe", "Bob Roe")]
)
def test_other_given_names_contradict_each_other(left, right):
    """Two given names, neither of which can stand for the other, are two people."""
    assert not may_be_one(left, right)
