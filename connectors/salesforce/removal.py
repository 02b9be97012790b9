"""Taking away what provisioning made, and nothing else: list views, then fields with their values, then permission sets.

In this order a removal that was cut off can be run again: fields are seen, and their values can be exported, until they are gone.
Salesforce keeps a deleted field for 15 days, from which an administrator can bring it back. Source: help page "Manage Deleted Custom
Fields"; Tooling API guide 63.0, CustomField.
"""

from collections.abc import Iterator, Sequence
from itertools import chain

from connectors.base import FieldSpec, FieldValue, ProvisionStep
from connectors.errors import Fatal
from connectors.salesforce.client import Org
from connectors.salesforce.fields import TYPES, api_name
from connectors.salesforce.provision import ROWS, Role, Wanted, definition, find, inventory, roles, wanted_fields
from connectors.salesforce.refusals import VENDOR, InUse
from connectors.salesforce.soql import select
from connectors.salesforce.views import delete_views


def unprovision(org: Org, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
    """What is taken away, and what is not and why; a dry run takes nothing away."""
    wanted = wanted_fields(org, specs)
    objects = list(dict.fromkeys(field.object for field in wanted))
    steps = [*delete_views(org, objects, dry_run=dry_run), *_fields(org, wanted, objects, dry_run=dry_run)]
    kept = [step.target for step in steps if step.action == "refuse"]
    for role in roles(org):
        steps += _permission_set(org, role, kept, dry_run=dry_run)
    return steps


def holding(org: Org, object_name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
    """Every living record on which a field of ours has a value: id and values of the fields that this user sees."""
    described = org.describe([object_name]).get(object_name, {"fields": []})
    wanted = {api_name(spec, org.settings.field_prefix) for spec in specs}
    columns = {field["name"]: field for field in described["fields"] if field["name"] in wanted}
    conditions = [
        f"{name} = TRUE" if field["type"] == "boolean" else f"{name} != null"
        for name, field in columns.items()
        if field["filterable"]  # a long text is not, and never stands alone
    ]
    if not conditions:
        return
    soql = select(["Id", *columns], object_name, f"({' OR '.join(conditions)})", then="ORDER BY Id")
    answer = org.query("export", soql, about=object_name)
    while True:
        for row in answer["records"]:
            yield row["Id"], {name: row.get(name) for name in columns}
        if answer["done"]:
            return
        answer = org.more("export", answer["nextRecordsUrl"], about=object_name)


def _fields(org: Org, wanted: Sequence[Wanted], objects: Sequence[str], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Delete what is ours by name and type; a field of our prefix that is not in our list is the customer's."""
    ids = inventory(org)
    described = org.describe(objects)
    seen = {f"{name}.{field['name']}" for name, whole in described.items() for field in whole["fields"]}
    for field in wanted:
        if found := ids.pop(field.full_name, None):
            yield _deleted(org, field, found, seen, dry_run=dry_run)
    for full_name in sorted(ids):
        yield ProvisionStep(full_name, "ok", "has our prefix but is none of our fields; left as it is")


def _deleted(org: Org, field: Wanted, field_id: str, seen: set[str], *, dry_run: bool) -> ProvisionStep:
    kind = definition(org, field_id).get("type")
    if kind != TYPES[field.spec.kind]:
        return ProvisionStep(field.full_name, "ok", f"is {kind} and so none of our fields; left as it is")
    if field.full_name not in seen:
        reason = (
            "cannot be seen by this user, so its values cannot be exported; run: sidecar provision apply, then remove"
        )
        return ProvisionStep(field.full_name, "refuse", reason)
    try:
        if not dry_run:
            org.request("write", "DELETE", f"tooling/sobjects/CustomField/{field_id}", about=field.full_name)
    except InUse as error:
        return ProvisionStep(field.full_name, "refuse", str(error))
    return ProvisionStep(field.full_name, "delete", field.spec.kind)


def _permission_set(org: Org, role: Role, kept: Sequence[str], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """The set with all its assignments, unless a field that it opens is still there."""
    target = f"PermissionSet {role.name}"
    found = find(org, "PermissionSet", ["Id"], Name=role.name)
    if not found:
        return
    if kept:
        yield ProvisionStep(target, "refuse", f"{len(kept)} fields that it opens are still there; see above")
        return
    set_id = found[0]["Id"]
    assigned = [row["Id"] for row in find(org, "PermissionSetAssignment", ["Id"], PermissionSetId=set_id)]
    if not dry_run:
        for start in range(0, len(assigned), ROWS):
            _unassign(org, assigned[start : start + ROWS])
        org.request("write", "DELETE", f"sobjects/PermissionSet/{set_id}", about=target)
    yield ProvisionStep(target, "delete", f"assigned to {len(assigned)} users")


def _unassign(org: Org, ids: Sequence[str]) -> None:
    params = {"ids": ",".join(ids), "allOrNone": "true"}
    answers = org.request("write", "DELETE", "composite/sobjects", about="PermissionSetAssignment", params=params)
    refused = list(chain.from_iterable(answer["errors"] for answer in answers if not answer["success"]))
    if refused:
        message = f"a permission set could not be taken from its users ({refused[0]['statusCode']}); run it again"
        raise Fatal(message, vendor=VENDOR)
