"""SOQL and paging over the real SDK. Sources: SOQL and SOSL Reference 63.0; REST guide, "Query" and "QueryAll"."""

from datetime import timedelta

import pytest
from simple_salesforce.exceptions import SalesforceMalformedRequest

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.queries import places_sql
from sandbox.salesforce.soql import parse
from sandbox.salesforce.sql import compile_query
from sandbox.salesforce.state import INTEGRATION_USER

ACME, BIN = make_id("001", 1), make_id("001", 2)
PEOPLE = [make_id("003", number) for number in range(1, 6)]


@pytest.fixture(autouse=True)
def people(state):
    """Five contacts, two of them at an account, with all that makes comparing hard."""
    state.insert_many("Account", [{"Id": ACME, "Name": "Acme", "BillingCity": "Cork", "BillingCountry": "Ireland"}])
    rows = [
        {"LastName": "Ångström", "FirstName": "Åsa", "Email": "asa@x.example", "AccountId": ACME, "DoNotCall": True},
        {
            "LastName": "O'Neil",
            "FirstName": "Ann",
            "Email": "Ann@X.example",
            "AccountId": ACME,
            "Birthdate": "1980-05-06",
        },
        {"LastName": "Under_score", "Title": "100% owner"},
        {"LastName": "Underscore", "Title": "back\\slash"},
        {"LastName": "Zed", "Description": "long words"},
    ]
    state.insert_many(
        "Contact",
        [
            {"Id": record, "CreatedDate": f"2026-10-0{day}T12:00:00Z", **row}
            for day, (record, row) in enumerate(zip(PEOPLE, rows, strict=True), 1)
        ],
    )


def found(sf, where: str) -> list[int]:
    """Numbers of the contacts that a condition finds, in order."""
    return [PEOPLE.index(row["Id"]) + 1 for row in sf.query(f"SELECT Id FROM Contact WHERE {where}")["records"]]  # noqa: S608


def refused(sf, soql: str) -> str:
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.query(soql)
    return error.value.content[0]["errorCode"]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("LastName = 'o\\'neil'", [2]),  # text compares without case ("Comparison Operators")
        ("Email IN ('ann@x.example', 'ASA@x.example')", [1, 2]),
        ("Title != 'x'", [1, 2, 3, 4, 5]),  # a null is different from any value
        ("Title NOT IN ('100% owner')", [1, 2, 4, 5]),
        ("Title = null", [1, 2, 5]),
        ("Title <> null", [3, 4]),
        ("NOT Title LIKE '100%'", [1, 2, 4, 5]),
        ("LastName LIKE 'under_score'", [3]),  # an underscore stands for any one character
        ("LastName LIKE 'under%'", [3, 4]),
        ("LastName LIKE 'under\\_%'", [3]),  # escaped it stands for itself ("Quoted String Escape Sequences")
        ("Title LIKE '%\\\\slash'", [4]),
        ("Title LIKE '100\\%%'", [3]),
        ("DoNotCall = true", [1]),
        ("Birthdate >= 1980-05-06", [2]),
        ("CreatedDate > 2026-10-03T12:00:00Z", [4, 5]),
        ("CreatedDate >= 2026-10-03T14:00:00.000+02:00 AND CreatedDate < 2026-10-05T00:00:00Z", [3, 4]),
        (
            "(CreatedDate > 2026-10-02T12:00:00Z OR (CreatedDate = 2026-10-02T12:00:00Z AND Id > '0035g0000000002AAA'))",
            [3, 4, 5],
        ),
        ("Id = '0035g0000000003'", [3]),  # the short form of an id is the same id
        ("Account.BillingCity = 'cork'", [1, 2]),
        ("AccountId = null AND (LastName = 'Zed' OR Title LIKE 'back%')", [4, 5]),
        ("Title IN (null, '100% owner')", [1, 2, 3, 5]),
    ],
)
def test_conditions_find_what_the_reference_says(sf, where, numbers):
    """Each condition finds exactly these people."""
    assert found(sf, f"{where} ORDER BY Id") == numbers


@pytest.mark.parametrize(
    ("order", "numbers"),
    [
        ("Title", [1, 2, 5, 3, 4]),  # nulls first is the default ("ORDER BY")
        ("Title DESC NULLS LAST, Id DESC", [4, 3, 5, 2, 1]),
        ("Title DESC, Id", [1, 2, 5, 4, 3]),
        ("CreatedDate DESC LIMIT 2", [5, 4]),
        ("CreatedDate LIMIT 2 OFFSET 1", [2, 3]),
        ("Account.Name DESC NULLS LAST, LastName LIMIT 1", [2]),
    ],
)
def test_rows_come_in_the_order_asked(sf, order, numbers):
    """Several keys, both directions, nulls first or last."""
    assert found(sf, f"LastName != null ORDER BY {order}") == numbers


def test_parent_fields_come_as_nested_records(sf):
    """A record without a parent has null there; field names come back in their own spelling."""
    rows = sf.query("SELECT name, Account.Name, Account.billingaddress FROM Contact ORDER BY Id")["records"]
    assert rows[1]["Name"] == "Ann O'Neil"
    assert rows[1]["attributes"] == {"type": "Contact", "url": f"/services/data/v63.0/sobjects/Contact/{PEOPLE[1]}"}
    assert rows[1]["Account"]["attributes"]["type"] == "Account"
    assert rows[1]["Account"]["Name"] == "Acme"
    assert rows[1]["Account"]["BillingAddress"]["city"] == "Cork"
    assert rows[4]["Account"] is None


def test_values_have_rests_own_form(sf, state):
    """Instants end in +0000, days have no time, amounts are numbers, checkboxes never null (Object Reference, "Field Types")."""
    state.insert_many(
        "Opportunity", [{"Name": "Deal", "StageName": "Closed Won", "CloseDate": "2026-01-31", "Amount": 811.5}]
    )
    (deal,) = sf.query("SELECT Amount, CloseDate, IsWon, SystemModstamp, NextStep FROM Opportunity")["records"]
    deal.pop("attributes")
    assert deal == {
        "Amount": 811.5, "CloseDate": "2026-01-31", "IsWon": True, "SystemModstamp": "2026-11-02T09:00:00.000+0000",
        "NextStep": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FROM Contact WHERE LastName = 'a' AND Title = 'b' OR Title = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "MALFORMED_QUERY"),
        ("SELECT COUNT(Id) FROM Contact", "MALFORMED_QUERY"),
        ("SELECT LastName FROM Contact GROUP BY LastName", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Contact LIMIT 200", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE CreatedDate = TODAY", "MALFORMED_QUERY"),
        ("SELECT * FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'open", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE LastName = 'a\\d'", "MALFORMED_QUERY"),
        ("SELECT Id, id FROM Contact", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE CreatedDate > null", "MALFORMED_QUERY"),
        ("SELECT Id FROM Contact WHERE CreatedDate > 2026-13-01T00:00:00Z", "MALFORMED_QUERY"),
        ("", "MALFORMED_QUERY"),
        ("SELECT Shoe FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Shoe = 1", "INVALID_FIELD"),
        ("SELECT Owner.Shoe FROM Contact", "INVALID_FIELD"),
        ("SELECT Shoe.Name FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE CreatedDate > '2026-10-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE LastName = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE DoNotCall = 'true'", "INVALID_FIELD"),
        ("SELECT Id FROM Contact WHERE Description = 'long words'", "INVALID_FIELD"),  # long text cannot be filtered
        ("SELECT Id FROM Contact WHERE DoNotCall LIKE 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Shoe", "INVALID_TYPE"),
        ("SELECT Id FROM CustomField", "INVALID_TYPE"),  # lives in the Tooling API
        ("SELECT Id FROM Contact WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Contact LIMIT 1 OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE"),
    ],
)
def test_what_cannot_be_asked_is_refused(sf, soql, code):
    """Never plain rows for a query that was not understood (REST guide, "Status Codes and Error Responses")."""
    assert refused(sf, soql) == code


def test_count_gives_a_number_and_no_rows(sf):
    """COUNT() alone answers in totalSize ("COUNT()")."""
    assert sf.query("SELECT COUNT() FROM Contact WHERE AccountId != null") == {
        "totalSize": 2,
        "done": True,
        "records": [],
    }


def test_a_long_result_comes_in_pages_of_2000(sf, state, sandbox):
    """The SDK follows nextRecordsUrl; no row is lost or doubled; the URL of further pages has no trailing slash."""
    state.insert_many("Lead", ({"Id": make_id("00Q", n), "LastName": f"L{n}", "Company": "C"} for n in range(1, 4502)))
    first = sf.query("SELECT Id FROM Lead")
    assert (first["totalSize"], first["done"], len(first["records"])) == (4501, False, 2000)
    assert len({row["Id"] for row in sf.query_all_iter("SELECT Id FROM Lead")}) == 4501
    assert all(not entry.path.endswith("/") for entry in sandbox.log.matching("query/01g"))


def test_the_page_size_can_be_asked_down_to_200(sf, state):
    """Sforce-Query-Options; values out of range are moved into it ("Query Options Header")."""
    state.insert_many("Lead", ({"LastName": f"L{n}", "Company": "C"} for n in range(450)))
    sizes = {
        asked: len(sf.query("SELECT Id FROM Lead", headers={"Sforce-Query-Options": f"batchSize={asked}"})["records"])
        for asked in (10, 300, 9000)
    }
    assert sizes == {10: 200, 300: 300, 9000: 450}


def test_the_rest_of_a_result_expires(sf, state, clock):
    """A locator that nobody used for 15 minutes is INVALID_QUERY_LOCATOR."""
    state.insert_many("Lead", ({"LastName": f"L{n}", "Company": "C"} for n in range(2500)))
    page = sf.query("SELECT Id FROM Lead")
    clock.advance(timedelta(minutes=15))
    with pytest.raises(SalesforceMalformedRequest) as error:
        sf.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert error.value.content[0]["errorCode"] == "INVALID_QUERY_LOCATOR"


def test_only_query_all_shows_the_bin_and_the_bin_is_emptied(sf, state, clock):
    """A deleted row is in queryAll for 15 days with IsDeleted, then nowhere."""
    state.delete("Contact", PEOPLE[0])
    assert found(sf, "LastName != null") == [2, 3, 4, 5]
    (row,) = sf.query("SELECT Id, IsDeleted, SystemModstamp FROM Contact WHERE IsDeleted = true", include_deleted=True)[
        "records"
    ]
    assert (row["Id"], row["SystemModstamp"]) == (PEOPLE[0], "2026-11-02T09:00:00.000+0000")
    clock.advance(timedelta(days=15))
    assert sf.query("SELECT COUNT() FROM Contact", include_deleted=True)["totalSize"] == 4


def test_a_page_out_of_many_rows_is_read_by_the_index(sf, state):
    """A window of stamps, entered behind the last row read, costs what it holds, not what the table holds."""
    days = (f"2026-10-{number % 28 + 1:02d}T00:00:00Z" for number in range(5_000))
    state.insert_many("Task", ({"Subject": "Call", "CreatedDate": day} for day in days))
    noon, last = "2026-10-05T00:00:00Z", make_id("00T", 1)
    where = f"(SystemModstamp > {noon} OR (SystemModstamp = {noon} AND Id > '{last}')) AND SystemModstamp < 2026-10-06T00:00:00Z"
    soql = f"SELECT Id FROM Task WHERE {where} ORDER BY SystemModstamp, Id LIMIT 2000"  # noqa: S608
    statement = compile_query(parse(soql), state.security.view(INTEGRATION_USER))
    (step,) = state.tables.run(f"EXPLAIN QUERY PLAN {places_sql(state, statement, binned=True)}", statement.parameters)
    assert "USING INDEX Task_stamp (SystemModstamp>? AND SystemModstamp<?)" in step[3]
    assert sf.query(soql)["totalSize"] == 179
