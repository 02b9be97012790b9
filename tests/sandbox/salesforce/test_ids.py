"""Ids as the Object Reference describes them ("ID Field Type"); the examples are from Salesforce's own pages."""

from hypothesis import given
from hypothesis import strategies as st

from sandbox.salesforce.ids import full_id, make_id


def test_the_checksum_is_that_of_published_ids():
    """Ids printed in the REST guide's "sObject Collections" pages check."""
    assert full_id("001xx000003DGb2") == "001xx000003DGb2AAG"
    assert full_id("003xx000004TmiQAAS") == "003xx000004TmiQAAS"


def test_a_wrong_checksum_or_shape_is_no_id():
    """What is not 15 or 18 letters and digits with the right ending is refused."""
    assert [full_id(text) for text in ("003xx000004TmiQAAA", "003xx", "", "003xx000004Tm'Q", "é" * 15)] == [None] * 5


@given(st.integers(min_value=0, max_value=62**7 - 1), st.integers(min_value=0, max_value=62**7 - 1))
def test_numbers_give_ids_that_are_valid_and_distinct(one, other):
    """Every number has an id of its own, and the short form leads back to the long one."""
    first, second = make_id("003", one), make_id("003", other)
    assert len(first) == 18
    assert full_id(first) == full_id(first[:15]) == first
    assert (first == second) == (one == other)
