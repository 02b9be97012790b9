"""Records made of columns are those that are made one by one."""

from datetime import UTC, datetime

from models.keys import RecordKey
from models.records import Record, records_of

AT = datetime(2026, 11, 2, 10, tzinfo=UTC)


def test_records_of_columns_are_the_records_that_are_made_one_by_one():
    ids, payloads = ["1", "2", "3"], [{"a": 1}, {}, {"ü": None}]
    made = records_of("toy", "acme", "person", iter(ids), [AT] * 3, payloads, [False, True, False])
    by_one = [
        Record(RecordKey("toy", "acme", "person", one), AT, payload, gone)
        for one, payload, gone in zip(ids, payloads, [False, True, False], strict=True)
    ]
    assert made == by_one
    assert {(type(record), type(record.key)) for record in made} == {(Record, RecordKey)}


def test_a_record_of_columns_that_say_nothing_of_it_is_not_deleted():
    assert [record.deleted for record in records_of("toy", "acme", "person", ["1"], [AT], [{}])] == [False]


def test_no_rows_are_no_records():
    assert records_of("toy", "acme", "person", [], [], []) == []
