"""Writing records. Sources: REST guide 63.0, "sObject Rows" and "sObject Collections"; SOAP guide, "StatusCode"."""

from datetime import timedelta

import pytest
from simple_salesforce.exceptions import SalesforceError, SalesforceMalformedRequest, SalesforceResourceNotFound

from sandbox.salesforce.ids import make_id
from sandbox.salesforce.state import INTEGRATION_USER, REP

ANN, BOB, LEAD = make_id("003", 1), make_id("003", 2), make_id("00Q", 1)


@pytest.fixture(autouse=True)
def people(state, clock):
    rows = [{"Id": ANN, "LastName": "Ann"}, {"Id": BOB, "LastName": "Bob"}]
    state.insert_many("Contact", rows)
    state.insert_many("Lead", [{"Id": LEAD, "LastName": "Lee", "Company": "C"}])
    clock.advance(timedelta(hours=1))


def patch(sf, *records, all_or_none=False):
    body = {"allOrNone": all_or_none, "records": [{"attributes": {"type": "Contact"}, **record} for record in records]}
    return sf.restful("composite/sobjects", method="PATCH", json=body)


def code(result) -> str:
    assert result["success"] is False
    return result["errors"][0]["statusCode"]


def test_rows_are_changed_and_answered_in_order(sf, state):
    """Each row has its id and success; the record carries the user and the instant of the change."""
    results = patch(sf, {"id": BOB, "Title": "CFO"}, {"id": ANN[:15], "Title": "  CTO "})
    assert results == [{"id": BOB, "success": True, "errors": []}, {"id": ANN, "success": True, "errors": []}]
    ann = state.get("Contact", ANN)
    assert (ann["Title"], ann["LastModifiedById"]) == ("CTO", INTEGRATION_USER)
    assert ann["SystemModstamp"] == ann["LastModifiedDate"] == "2026-11-02T10:00:00.000+0000"
    assert ann["CreatedDate"] == "2026-11-02T09:00:00.000+0000"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"id": ANN, "Shoe__c": "x"}, "INVALID_FIELD"),
        ({"id": ANN, "Name": "x"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),  # worked out from first and last name
        ({"id": ANN, "SystemModstamp": "2026-01-01T00:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"id": ANN, "Title": "x" * 129}, "STRING_TOO_LONG"),
        ({"id": ANN, "Email": "nobody"}, "INVALID_EMAIL_ADDRESS"),
        ({"id": ANN, "LastName": ""}, "REQUIRED_FIELD_MISSING"),
        ({"id": ANN, "DoNotCall": None}, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ({"id": ANN, "AccountId": "nonsense"}, "MALFORMED_ID"),
        ({"id": LEAD, "Title": "x"}, "MALFORMED_ID"),
        ({"id": "nonsense", "Title": "x"}, "MALFORMED_ID"),
        ({"Title": "x"}, "MISSING_ARGUMENT"),
        ({"id": make_id("003", 99), "Title": "x"}, "INVALID_CROSS_REFERENCE_KEY"),
    ],
)
def test_one_bad_row_fails_alone(sf, state, record, expected):
    """The refusal names the code of the row; the other row is written."""
    bad, good = patch(sf, record, {"id": BOB, "Title": "CFO"})
    assert code(bad) == expected
    assert good["success"]
    assert state.get("Contact", BOB)["Title"] == "CFO"
    assert state.get("Contact", ANN)["SystemModstamp"] == "2026-11-02T09:00:00.000+0000"


def test_all_or_none_undoes_the_good_rows(sf, state):
    """With allOrNone a good row answers ALL_OR_NONE_OPERATION_ROLLED_BACK and nothing is written."""
    results = patch(sf, {"id": BOB, "Title": "CFO"}, {"id": ANN, "Shoe__c": 1}, all_or_none=True)
    assert [code(result) for result in results] == ["ALL_OR_NONE_OPERATION_ROLLED_BACK", "INVALID_FIELD"]
    assert state.get("Contact", BOB)["Title"] is None


def test_deleted_merged_and_converted_records_take_no_writes(sf, state):
    """ENTITY_IS_DELETED for the bin and the loser of a merge; CANNOT_UPDATE_CONVERTED_LEAD for a lead that became a contact."""
    state.merge("Contact", winner=ANN, loser=BOB)
    (binned,) = patch(sf, {"id": BOB, "Title": "x"})
    assert code(binned) == "ENTITY_IS_DELETED"
    state.update_as_user("Lead", LEAD, {"IsConverted": True, "ConvertedContactId": ANN, "ConvertedDate": "2026-11-01"})
    (converted,) = patch(sf, {"attributes": {"type": "Lead"}, "id": LEAD, "Title": "x"})
    assert code(converted) == "CANNOT_UPDATE_CONVERTED_LEAD"


def test_a_row_can_be_locked_or_refused_by_a_rule(sf, state):
    """The switch fails as many writes of a record as it says, then lets them through."""
    state.refuse(ANN, "UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
    state.refuse(BOB, "FIELD_CUSTOM_VALIDATION_EXCEPTION", "no titles, please", times=0)
    write = ({"id": ANN, "Title": "x"}, {"id": BOB, "Title": "x"})
    assert [code(result) for result in patch(sf, *write)] == ["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION"]
    again, never = patch(sf, *write)
    assert again["success"]
    assert code(never) == "FIELD_CUSTOM_VALIDATION_EXCEPTION"


def test_more_than_200_rows_are_refused_whole(sf, state):
    """A collections call takes 200 records."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        patch(sf, *({"id": ANN, "Title": "x"} for _ in range(201)))
    assert refused.value.content[0]["errorCode"] == "EXCEEDED_ID_LIMIT"
    assert state.get("Contact", ANN)["Title"] is None
    assert len(patch(sf, *({"id": ANN, "Title": "x"} for _ in range(200)))) == 200


@pytest.mark.parametrize("value", ["12", True, {"a": 1}])
def test_json_of_the_wrong_type_fails_the_whole_call(sf, state, value):
    """A number cannot be read from a string: JSON_PARSER_ERROR, and no row is written."""
    account = make_id("001", 1)
    state.insert_many("Account", [{"Id": account, "Name": "Acme"}])
    row = {"attributes": {"type": "Account"}, "id": account, "NumberOfEmployees": value}
    with pytest.raises(SalesforceMalformedRequest) as refused:
        patch(sf, {"id": ANN, "Title": "x"}, row)
    assert refused.value.content[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert state.get("Contact", ANN)["Title"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"records": [{"Id": ANN}]}, {"records": {}}, {"records": [], "allornone": True}, [],
        {"records": [{"attributes": {}, "id": ANN}]},
        {"records": [{"attributes": {"type": ("Contact", "Lead")[n % 2]}, "id": ANN} for n in range(11)]},
    ],
)  # fmt: skip
def test_a_malformed_collection_is_refused(sf, body):
    """Every record needs its type; there are at most ten runs of one type; unknown keys are errors."""
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite/sobjects", method="PATCH", json=body)


def test_numbers_are_kept_with_the_decimals_of_their_field(sf, state):
    """AnnualRevenue has none: half is rounded up; what has too many digits is NUMBER_OUTSIDE_VALID_RANGE."""
    account = make_id("001", 1)
    state.insert_many("Account", [{"Id": account, "Name": "Acme"}])
    sf.Account.update(account, {"AnnualRevenue": 2.5})
    assert state.get("Account", account)["AnnualRevenue"] == 3.0
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Account.update(account, {"AnnualRevenue": 1e18})
    assert refused.value.content[0]["errorCode"] == "NUMBER_OUTSIDE_VALID_RANGE"


def test_records_are_read_back_by_id_in_order_with_null_for_the_missing(sf, state):
    """Collections retrieval, by POST and by GET; a record in the bin is null."""
    state.update_as_user("Contact", ANN, {"Title": "CTO"})
    state.delete("Contact", BOB)
    ids = [BOB, make_id("003", 99), ANN]
    for rows in (
        sf.restful("composite/sobjects/Contact", method="POST", json={"ids": ids, "fields": ["title"]}),
        sf.restful("composite/sobjects/Contact", params={"ids": ",".join(ids), "fields": "title"}),
    ):
        assert rows[:2] == [None, None]
        assert (rows[2]["Id"], rows[2]["Title"]) == (ANN, "CTO")
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite/sobjects/Contact", method="POST", json={"ids": ids, "fields": ["Shoe__c"]})
    with pytest.raises(SalesforceMalformedRequest):
        sf.restful("composite/sobjects/Contact", method="POST", json={"ids": [ANN] * 2001, "fields": ["Id"]})


def test_a_record_is_made_read_changed_and_deleted(sf, state, sandbox):
    """POST 201, GET 200, PATCH and DELETE 204; afterwards ENTITY_IS_DELETED ("sObject Rows")."""
    made = sf.Task.create({"Subject": "Call", "WhoId": ANN, "Status": "Completed"})
    assert made["success"]
    task = sf.Task.get(made["id"])
    assert (task["IsClosed"], task["CreatedById"], task["Priority"]) == (True, INTEGRATION_USER, "Normal")
    assert sf.Task.update(made["id"], {"Subject": "Called"}) == 204
    assert sf.restful(f"sobjects/Task/{made['id']}", params={"fields": "Subject"})["Subject"] == "Called"
    assert sf.Task.delete(made["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound) as gone:
        sf.Task.get(made["id"])
    assert gone.value.content[0]["errorCode"] == "ENTITY_IS_DELETED"
    assert [entry.status for entry in sandbox.log.matching("sobjects/Task")] == [201, 200, 204, 200, 204, 404]


def test_a_new_record_needs_its_required_fields(sf):
    """REQUIRED_FIELD_MISSING names them; an Id cannot be chosen."""
    with pytest.raises(SalesforceMalformedRequest) as refused:
        sf.Contact.create({"FirstName": "Ann"})
    assert refused.value.content == [
        {
            "message": "Required fields are missing: [LastName]",
            "errorCode": "REQUIRED_FIELD_MISSING",
            "fields": ["LastName"],
        }
    ]
    body = {"records": [{"attributes": {"type": "Contact"}, "id": ANN, "LastName": "x"}]}
    (result,) = sf.restful("composite/sobjects", method="POST", json=body)
    assert code(result) == "INVALID_FIELD_FOR_INSERT_UPDATE"


@pytest.mark.parametrize("record_id", ["nonsense", make_id("003", 99), LEAD])
def test_what_is_not_there_is_404(sf, record_id):
    """NOT_FOUND in the list of errors, for reading, changing and deleting."""
    for call in (sf.Contact.get, sf.Contact.delete, lambda each: sf.Contact.update(each, {"Title": "x"})):
        with pytest.raises(SalesforceResourceNotFound) as missing:
            call(record_id)
        assert missing.value.content[0]["errorCode"] == "NOT_FOUND"


def test_the_organization_cannot_be_made_twice(sf):
    """Setup has one, and the API cannot add another."""
    with pytest.raises(SalesforceError) as refused:
        sf.Organization.create({"Name": "Other"})
    assert refused.value.content[0]["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"


def test_a_rep_in_the_crm_leaves_their_name(state):
    """What a person does beside the API moves the stamps and is signed by them."""
    state.update_as_user("Contact", ANN, {"Title": "Chief"})
    ann = state.get("Contact", ANN)
    assert (ann["LastModifiedById"], ann["SystemModstamp"]) == (REP, "2026-11-02T10:00:00.000+0000")
    with pytest.raises(ValueError, match="no field Shoe"):
        state.update_as_user("Contact", ANN, {"Shoe": 44})
