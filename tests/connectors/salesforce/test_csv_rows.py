"""A Bulk result's texts become what REST would have shown, or are refused by name and never by value."""

import pytest

from connectors.salesforce.csv_rows import OtherColumns, parse

KINDS = {"Id": "id", "Gone": "boolean", "Seen": "datetime", "Size": "int", "Parent.Name": "string"}
HEAD = b'"Gone","Id","Parent.Name","Seen","Size"\n'


def test_every_type_is_read_and_an_empty_cell_is_null():
    body = (
        HEAD
        + b'"true","1","Zo\xc3\xab","2026-11-02T10:00:00.000Z","7"\n"","2","","",""\n"false","3","Z","2026-11-02","0"\n'
    )
    assert parse(body, KINDS) == [
        {"Id": "1", "Gone": True, "Seen": "2026-11-02T10:00:00.000+0000", "Size": 7, "Parent": {"Name": "Zoë"}},
        {"Id": "2", "Gone": None, "Seen": None, "Size": None, "Parent": {"Name": None}},
        {"Id": "3", "Gone": False, "Seen": "2026-11-02", "Size": 0, "Parent": {"Name": "Z"}},
    ]


def test_a_column_of_empty_cells_is_a_column_of_nulls():
    assert parse(b'"Id","Gone"\n"1",""\n"2",""\n', {"Id": "id", "Gone": "boolean"}) == [
        {"Id": "1", "Gone": None},
        {"Id": "2", "Gone": None},
    ]


@pytest.mark.parametrize(
    ("column", "cell"), [("Gone", "1"), ("Gone", "True"), ("Gone", "secret"), ("Size", "1e3"), ("Size", "secret")]
)
def test_a_value_that_is_not_of_its_type_is_refused_by_its_column_and_not_shown(column, cell):
    kinds = {"Id": "id", column: KINDS[column]}
    with pytest.raises(ValueError, match=f"^{column} holds a value that is no {KINDS[column]}$"):
        parse(f'"Id","{column}"\n"1","{cell}"\n'.encode(), kinds)


def test_other_columns_than_those_asked_for_are_told_apart_from_a_broken_page():
    with pytest.raises(OtherColumns):
        parse(b'"Id","Gone"\n"1","true"\n', {"Id": "id", "Seen": "datetime"})
