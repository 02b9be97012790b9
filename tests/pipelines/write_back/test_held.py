"""Values as a CRM holds them: they fit by construction, and what is written compares equal to what is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.understand.cutting import fitting
from pipelines.write_back.fields import FIELDS, carried_by
from pipelines.write_back.held import as_held, as_json, content_hash, from_json

SPECS = {spec.name: spec for spec in FIELDS}
TEXTS = [spec for spec in FIELDS if spec.kind in ("text", "long_text")]
NUMBERS = [spec for spec in FIELDS if spec.kind in ("number", "percent", "money")]

texts = st.text(
    st.characters(codec="utf-16", exclude_categories=[])
    | st.sampled_from("\0\r\n .!\u200d\u0301\ud800\U0001f44d\U0001f3fd"),
    max_size=80,
)


def units(text):
    return len(text.encode("utf-16-le")) // 2


@given(st.sampled_from(TEXTS), texts, st.integers(1, 600))
def test_any_text_fits_and_is_stable(spec, text, times):
    """Whatever was said, it has the right length, nothing a CRM refuses, and is itself when held again."""
    held = as_held(spec, text * times)
    assert held is None or 0 < units(held) <= spec.length
    assert as_held(spec, held) == held
    assert "\0" not in (held or "")


@given(st.sampled_from(NUMBERS), st.floats(allow_nan=True, allow_infinity=True))
def test_any_number_fits_or_is_left_out(spec, number):
    """Rounded to the field's scale; what has too many digits is left out, never bent."""
    held = as_held(spec, number)
    if held is not None:
        assert abs(held) < 10 ** (spec.length - spec.scale)
        assert as_held(spec, held) == held
        assert as_held(spec, float(held)) == held  # a CRM gives 58.0 for 58
        assert abs(held - number) <= 0.5 / 10**spec.scale + 1e-6 * abs(number)


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("One. Two. Three.", 12, "One. Two."),
        ("Costs 3.5 million. More", 21, "Costs 3.5 million."),
        ("Costs 3.5 million and more", 12, "Costs 3.5…"),
        ("A headline\nthat goes on and on", 14, "A headline"),
        ("nosentencesnowords", 10, "nosentenc…"),
        ("ab \U0001f44d\U0001f3fd\U0001f44d\U0001f3fd", 8, "ab…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ('He said "No." Then he left', 16, 'He said "No."'),
    ],
)
def test_text_is_cut_where_a_reader_would(text, length, cut):
    """After a sentence, else after a word, never inside a character; an ellipsis says that words are missing."""
    assert fitting(text, length) == cut


def test_layout_of_a_long_text_stays():
    """Indented quotes stay indented; a one-line field has one line."""
    assert as_held(SPECS["summary"], '1  -  Dear.\r\n      "twice"  \n') == '1  -  Dear.\n      "twice"'
    assert as_held(SPECS["top_belief"], "one\n two\t three ") == "one two three"


@pytest.mark.parametrize(
    "written",
    ["2026-11-02T09:00:00Z", "2026-11-02T09:00:00.000+0000", "2026-11-02T10:00:00+01:00", "2026-11-02T09:00:00.4Z"],
)
def test_one_instant_has_one_spelling(written):
    """Salesforce answers in its own."""
    assert as_held(SPECS["updated_at"], written) == "2026-11-02T09:00:00Z"


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text()))
def test_the_ledger_gives_back_what_it_was_given(value):
    """A value survives being kept as JSON."""
    assert from_json(as_json(value)) == value


def test_the_fingerprint_follows_the_content():
    """Another value is another fingerprint; the order of fields is not."""
    assert content_hash({"a": 1, "b": None}) == content_hash({"b": None, "a": 1})
    assert content_hash({"a": 1, "b": None}) != content_hash({"a": 2, "b": None})


def test_the_fields_are_those_of_the_reference():
    """Nineteen on contacts and leads each, eighteen on accounts and on deals: seventy-four, all with label and help."""
    assert [len(carried_by(subject)) for subject in ("person", "account", "deal")] == [19, 18, 18]
    for spec in FIELDS:
        assert spec.label.startswith("Belief: ")
        assert len(spec.label) <= 40
        assert spec.help.endswith((".", "?"))
        assert len(spec.help) <= 510  # inline help of Salesforce
