"""Whether two names can be one person's or one company's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.stitch.names import agreeing, same_company, same_person


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Jane Doe", "DOE, Jane"),
        ("Jürgen Müller", "Juergen Mueller"),
        ("Jürgen Müller", "Jurgen Muller"),
        ("Łukasz Nowak", "Lukasz Nowak"),
        ("Dr. Zoë O'Connor", "Zoe OConnor"),
        ("J. Smith", "Jane Smith"),
        ("María García", "Maria Garcia Márquez"),
        ("田中 美咲", "美咲 田中"),
        ("Hans Weiß", "Hans Weiss"),
    ],
)
def test_spellings_of_one_name_agree(left, right):
    """Order, case, accents, umlauts spelled out, titles, initials and a second family name are no difference."""
    assert same_person(left, right)
    assert same_person(right, left)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Jane Doe", "John Doe"),
        ("Doe", "Jane Doe"),
        ("", ""),
        ("Dr.", "Mr."),
        ("Jane Doe", "Jane Roe"),
        ("J. Doe", "K. Doe"),
    ],
)
def test_different_people_do_not_agree(left, right):
    """A family name alone, or no name at all, says nothing."""
    assert not same_person(left, right)


def test_companies_agree_but_for_legal_form_and_spacing():
    """A subsidiary and its group are two companies."""
    assert same_company("Bright Water GmbH", "Brightwater")
    assert same_company("Aldergate Foods", "Aldergate Foods Ltd")
    assert not same_company("Aldergate Foods", "Aldergate Foods Group")
    assert not same_company("Ltd", "Inc")


def test_an_initial_that_fits_two_people_joins_neither():
    """J. Smith behind a shared number may be Jane or John, so nobody is merged."""
    groups = agreeing({"Jane Smith", "John Smith", "J. Smith"}, same_person)
    assert len(set(groups.values())) == 3


@given(st.permutations(["Jane Smith", "J Smith", "John Roe", "Roe John", "Jane Ann Smith", "Smith"]))
def test_groups_do_not_depend_on_the_order_of_names(names):
    """The same names always fall into the same groups."""
    assert agreeing(names, same_person) == agreeing(sorted(names), same_person)
