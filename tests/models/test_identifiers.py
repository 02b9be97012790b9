"""Identifiers are compared in one form, whatever form a vendor keeps."""

import unicodedata

import pytest

from models.facts import MISPLACED, UNREADABLE, Identifier, Scope
from models.identifiers import NORMALISERS, normalise


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        ("email", " <Jane.Doe+Shop@Corp.Example> ", "jane.doe+shop@corp.example"),
        ("email", "mailto:jane@corp.example", "jane@corp.example"),
        ("email", "".join(chr(ord(letter) + 0xFEE0) for letter in "jane@corp") + ".example", "jane@corp.example"),  # full width
        ("email", "käthe@BÜCHER.example", "käthe@xn--bcher-kva.example"),
        ("email", unicodedata.normalize("NFD", "jane@bücher.example"), "jane@xn--bcher-kva.example"),  # u and its dots apart
        ("email", "jane@corp", None),
        ("email", "jane@a..example", None),
        ("domain", "https://www.Bücher.example/de?x=1", "xn--bcher-kva.example"),
        ("domain", "xn--bcher-kva.example.", "xn--bcher-kva.example"),
        ("domain", "[none]", None),
        ("phone", "+49 (0)89 / 123456", "+4989123456"),
        ("phone", "089 123456", None),
        ("stripe_customer", "https://dashboard.stripe.com/customers/cus_9s6XKzkNRiz8i3", "cus_9s6XKzkNRiz8i3"),
        ("stripe_customer", " own-name-17 ", "own-name-17"),
        ("salesforce_id", "0015000000Gv7qJ", "0015000000Gv7qJAAR"),
        ("salesforce_id", "0015000000Gv7qJAAR", "0015000000Gv7qJAAR"),
        ("hubspot_id", " 501 ", "501"),
        ("fbp", "fb.1.1596403881668.1116446470", "fb.1.1596403881668.1116446470"),
        ("fbp", "fb.1.1596403881668.1116446470.AQ", "fb.1.1596403881668.1116446470"),
        ("fbp", "GA1.2.3", None),
    ],
)  # fmt: skip
def test_a_value_has_one_comparable_form(kind, raw, value):
    """Case, width, markup, old forms and appendices make no difference; what makes no sense is none."""
    assert normalise(kind, raw) == value
    assert value is None or normalise(kind, value) == value


def test_case_tells_vendor_ids_apart():
    """Two Salesforce ids may differ by case alone."""
    assert normalise("salesforce_id", "0015000000gv7qJ") != normalise("salesforce_id", "0015000000Gv7qJ")


@pytest.mark.parametrize(
    ("kind", "raw", "read"),
    [
        ("phone", "Jane@Corp.example", [("email", "jane@corp.example"), (MISPLACED, "phone")]),
        ("email", "+1 415 555 0101", [("phone", "+14155550101"), (MISPLACED, "email")]),
        ("email", "ask at reception", [(UNREADABLE, "email")]),
        ("phone", "x", [(UNREADABLE, "phone")]),
        ("phone", " ", []),
        ("email", None, []),
    ],
)  # fmt: skip
def test_swapped_columns_are_read_for_what_they_are_and_marked(kind, raw, read):
    """A mark never holds the value, and is internal, so that it joins nobody."""
    found = Identifier.of(Scope.person, kind, raw)
    assert [(one.kind, one.value) for one in found] == read
    assert {one.scope for one in found if one.kind in (MISPLACED, UNREADABLE)} <= {Scope.internal}


@pytest.mark.parametrize("name", NORMALISERS)
def test_a_normaliser_reads_its_own_answer_as_it_is(name):
    """Rules may apply one to what ingest has normalised already."""
    for raw in ("Jane@Corp.example", "+14155550101", "https://x.example", "cus_1", "0015000000Gv7qJ", "fb.1.2.3"):
        once = NORMALISERS[name](raw)
        assert once is None or NORMALISERS[name](once) == once
