"""What the sandbox answers is what the vendor's own SDK declares: every key is known to its models, nothing they require is absent.

The checks of the models ship switched off; here they are on, and deeper: keys inside of keys are compared too, and values of properties
must be text, which the models would let pass.
"""

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import orjson
import pytest
import requests
from hubspot.crm import associations, contacts, deals, objects, owners, pipelines, properties
from hubspot.crm.associations import v4

from sandbox.hubspot import ACCESS_TOKEN
from sandbox.hubspot.catalogue import owner
from tests.conftest import Sandbox
from tests.sandbox.hubspot.conftest import plant
from tests.sandbox.hubspot.test_catalogue import MADE

CONTACTS = "/crm/v3/objects/contacts"
PAST = {"inputs": [{"id": "1"}, {"id": "7777"}], "properties": ["email"], "propertiesWithHistory": ["email"]}
STRANGE = {"toObjectId"}
"""The guide shows this id as a number, the model declares a text."""

ANSWERS = [
    (contacts, "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging", "GET", f"{CONTACTS}?limit=1&associations=companies", None),
    (contacts, "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging", "GET", f"{CONTACTS}?archived=True", None),
    (contacts, "SimplePublicObjectWithAssociations", "GET", f"{CONTACTS}/1?propertiesWithHistory=email", None),
    (contacts, "CollectionResponseWithTotalSimplePublicObjectForwardPaging", "POST", f"{CONTACTS}/search", {"limit": 1}),
    (contacts, "BatchResponseSimplePublicObjectWithErrors", "POST", f"{CONTACTS}/batch/read", PAST),
    (contacts, "BatchResponseSimplePublicUpsertObject", "POST", f"{CONTACTS}/batch/upsert",
        {"inputs": [{"id": "new@x.example", "idProperty": "email", "properties": {}}]}),
    (objects, "BatchResponseSimplePublicObject", "POST", "/crm/v3/objects/companies/batch/update",
        {"inputs": [{"id": "900", "properties": {"name": "B"}}]}),
    (deals, "SimplePublicObject", "POST", "/crm/v3/objects/0-3", {"properties": {"dealstage": "closedwon"}}),
    (v4, "BatchResponsePublicAssociationMultiWithLabelWithErrors", "POST", "/crm/v4/associations/companies/contacts/batch/read",
        {"inputs": [{"id": "900"}, {"id": "901"}]}),
    (properties, "CollectionResponsePropertyNoPaging", "GET", "/crm/v3/properties/deals", None),
    (properties, "CollectionResponsePropertyGroupNoPaging", "GET", "/crm/v3/properties/deals/groups", None),
    (pipelines, "CollectionResponsePipelineNoPaging", "GET", "/crm/v3/pipelines/tickets", None),
    (pipelines, "PipelineStage", "PATCH", "/crm/v3/pipelines/deals/default/stages/contractsent", {"label": "A"}),
    (owners, "CollectionResponsePublicOwnerForwardPaging", "GET", "/crm/v3/owners/?limit=1", None),
    (contacts, "Error", "GET", f"{CONTACTS}/7777", None),
    (contacts, "Error", "GET", f"{CONTACTS}?limit=101", None),
    (contacts, "Error", "POST", f"{CONTACTS}/search", {"limit": 201}),
    (associations, "Error", "POST", "/crm/v4/associations/calls/calls/batch/read", {"inputs": [{"id": "1"}]}),
]  # fmt: skip


def problems(package: ModuleType, declared: str, given: Any, path: str) -> list[str]:
    """Where an answer says what the model does not know."""
    container = re.fullmatch(r"(list|dict)[\[(](?:str, )?(.+)[\])]", declared)
    if given is None:
        return []
    if container:
        entries = given.items() if isinstance(given, dict) else enumerate(given)
        return [one for place, value in entries for one in problems(package, container[2], value, f"{path}[{place}]")]
    if declared == "str":
        return [] if isinstance(given, str) or path.rpartition(".")[2] in STRANGE else [f"{path} is no text"]
    model = getattr(package, declared, None)
    if model is None or declared == "datetime":
        return []
    attributes = {wire: name for name, wire in model.attribute_map.items()}
    unknown = [f"{path}.{key} is not known" for key in given if key not in attributes]
    inside = [
        one
        for key, value in given.items()
        if key in attributes
        for one in problems(package, model.openapi_types[attributes[key]], value, f"{path}.{key}")
    ]
    return unknown + inside


@pytest.fixture
def portal(hubspot_sandbox: Sandbox) -> Sandbox:
    """A little of everything, with a page to follow and something in the bin."""
    plant(hubspot_sandbox, "contacts", 103, email="p{n}@x.example")
    ties = {"contacts": [str(n) for n in range(1, 102)]}
    hubspot_sandbox.state.insert_many("companies", [{"id": "900", "properties": {"name": "A"}, "associations": ties}])
    hubspot_sandbox.state.archive("contacts", "103")
    people = [owner(str(n), f"p{n}@acme.example", "Rosa", "Keane", MADE) for n in (71, 72)]
    hubspot_sandbox.state.insert_many("owners", people)
    return hubspot_sandbox


@pytest.fixture
def send(portal: Sandbox) -> Callable[..., Any]:
    """A bare request; gives the decoded answer."""

    def ask(method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {ACCESS_TOKEN}"}
        return requests.request(method, f"{portal.url}{path}", json=body, headers=headers, timeout=5).json()

    return ask


@pytest.mark.parametrize(("package", "model", "method", "path", "body"), ANSWERS)
def test_an_answer_is_what_the_sdk_declares(
    send: Callable[..., Any], package: ModuleType, model: str, method: str, path: str, body: Any
) -> None:
    """SDK: the model named in the table; all of its checks pass, and it knows every key of the answer, however deep."""
    answer = send(method, path, body)
    configuration = package.Configuration()
    configuration.client_side_validation = True
    whole = type("Body", (), {"data": orjson.dumps(answer).decode()})
    assert package.ApiClient(configuration=configuration).deserialize(whole, model) is not None
    known_extras = {f"{model}.{key}" for key in ("status",) if model == "Error"}
    assert [one for one in problems(package, model, answer, model) if one.split(" ")[0] not in known_extras] == []
