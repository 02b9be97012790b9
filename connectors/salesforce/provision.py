"""Making our fields exist and be seen, through REST alone and in steps that can be repeated at any time.

The inventory asks the Tooling API and not describe, which hides a field from whoever lacks its permission. A new field is visible
to nobody until FieldPermissions say so. Source: Tooling API guide 63.0, CustomField.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from connectors.base import FieldSpec, ProvisionStep
from connectors.errors import Fatal
from connectors.salesforce.client import Org
from connectors.salesforce.fields import SUBJECTS, api_name, difference, metadata
from connectors.salesforce.refusals import GRANT, VENDOR
from connectors.salesforce.soql import quoted, select, starts_with
from connectors.salesforce.views import create_views

Row = dict[str, Any]

ROWS = 200  # records of one collections call
SIZED = frozenset({"text", "long_text"})


@dataclass(frozen=True)
class Wanted:
    """One field on one object."""

    object: str
    name: str
    spec: FieldSpec

    @property
    def full_name(self) -> str:
        """As permissions and metadata name it."""
        return f"{self.object}.{self.name}"


@dataclass(frozen=True)
class Role:
    """A permission set of ours, and what it lets its holders do with each field."""

    name: str
    label: str
    writes_all: bool

    def allows(self, spec: FieldSpec) -> tuple[bool, bool]:
        """Whether a field is read and edited."""
        read = self.writes_all or not spec.hidden
        return read, self.writes_all or (read and spec.reps_edit)


def provision(org: Org, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
    """The differences between what should be there and what is; unless it is a dry run, they are gone afterwards."""
    wanted = wanted_fields(org, specs)
    steps = list(_fields(org, wanted, dry_run=dry_run))
    refused = {step.target for step in steps if step.action == "refuse"}
    there = [field for field in wanted if field.full_name not in refused]
    writer, reader = roles(org)
    for role in (writer, reader):
        steps += _permissions(org, role, there, dry_run=dry_run)
    steps.append(_assignment(org, writer, dry_run=dry_run))
    if not dry_run:
        steps += _verified(org, there)
    objects = dict.fromkeys(field.object for field in there)
    return [*steps, *create_views(org, objects, specs, dry_run=dry_run)]


def wanted_fields(org: Org, specs: Sequence[FieldSpec]) -> list[Wanted]:
    """Every field on every object that carries it. ValueError if the prefix makes a name too long."""
    prefix = org.settings.field_prefix
    return [
        Wanted(name, api_name(spec, prefix), spec)
        for spec in specs
        for kind in sorted(spec.subjects)
        for name in SUBJECTS[kind]
    ]


def roles(org: Org) -> tuple[Role, Role]:
    """The permission sets of writer and reader."""
    prefix = org.settings.field_prefix
    writer = Role(f"{prefix}Writer", "CRM sidecar writer", writes_all=True)
    return writer, Role(f"{prefix}Reader", "CRM sidecar reader", writes_all=False)


def _fields(org: Org, wanted: Sequence[Wanted], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Create what is missing, widen what is too small, refuse what is something else."""
    ids = inventory(org)
    for field in wanted:
        found = ids.get(field.full_name)
        if found is None:
            if not dry_run:
                body = {"FullName": field.full_name, "Metadata": metadata(field.spec)}
                org.request("write", "POST", "tooling/sobjects/CustomField", about=field.full_name, body=body)
            yield ProvisionStep(field.full_name, "create", field.spec.kind)
            continue
        present = definition(org, found)
        changes, reason = difference(metadata(field.spec), present)
        if reason:
            yield ProvisionStep(field.full_name, "refuse", reason)
        elif changes:
            if not dry_run:  # Metadata is replaced as a whole
                body = {"FullName": field.full_name, "Metadata": present | changes}
                org.request("write", "PATCH", f"tooling/sobjects/CustomField/{found}", about=field.full_name, body=body)
            yield ProvisionStep(field.full_name, "change", ", ".join(sorted(changes)))
        else:
            yield ProvisionStep(field.full_name, "ok")


def inventory(org: Org) -> dict[str, str]:
    """Tooling ids of the custom fields with our prefix, by full name. FullName itself may only be asked for one row."""
    ours = starts_with("DeveloperName", org.settings.field_prefix)
    soql = select(["Id", "DeveloperName", "TableEnumOrId"], "CustomField", ours)
    answer = org.request("definition", "GET", "tooling/query/", about="CustomField", params={"q": soql})
    rows = answer["records"]
    while not answer["done"]:
        answer = org.request("definition", "GET", answer["nextRecordsUrl"], about="CustomField")
        rows += answer["records"]
    return {f"{row['TableEnumOrId']}.{row['DeveloperName']}__c": row["Id"] for row in rows}


def definition(org: Org, field_id: str) -> Row:
    """The whole Metadata of one field."""
    answer = org.request("definition", "GET", f"tooling/sobjects/CustomField/{field_id}", about="CustomField")
    present: Row = answer["Metadata"]
    return present


def _permissions(org: Org, role: Role, fields: Sequence[Wanted], *, dry_run: bool) -> list[ProvisionStep]:
    """The permission set and its rows for our fields; rows of other fields are not touched."""
    found = find(org, "PermissionSet", ["Id"], Name=role.name)
    step = ProvisionStep(f"PermissionSet {role.name}", "ok" if found else "create")
    if not found and dry_run:
        return [step, ProvisionStep(f"FieldPermissions {role.name}", "create", f"{len(fields)} fields")]
    set_id = found[0]["Id"] if found else _create_set(org, role)
    columns = ["Id", "Field", "PermissionsRead", "PermissionsEdit"]
    present = {row["Field"]: row for row in find(org, "FieldPermissions", columns, ParentId=set_id)}
    new, changed = _merge(role, set_id, fields, present)
    if not dry_run:
        _write(org, "POST", new)
        _write(org, "PATCH", changed)
    count = len(new) + len(changed)
    action: Literal["create", "change", "ok"] = "create" if new else "change" if changed else "ok"
    return [step, ProvisionStep(f"FieldPermissions {role.name}", action, f"{count} of {len(fields)} fields")]


def _merge(role: Role, set_id: str, fields: Sequence[Wanted], present: dict[str, Row]) -> tuple[list[Row], list[Row]]:
    """Rows to add and rows to mend, so that the role allows what it should on each of our fields."""
    new: list[Row] = []
    changed: list[Row] = []
    for field in fields:
        read, edit = role.allows(field.spec)
        allowed = {"PermissionsRead": read, "PermissionsEdit": edit}
        row = present.get(field.full_name)
        if row is None and read:
            new.append({"ParentId": set_id, "SobjectType": field.object, "Field": field.full_name, **allowed})
        elif row is not None and read and any(row[name] != value for name, value in allowed.items()):
            changed.append({"id": row["Id"], **allowed})
    return new, changed


def _assignment(org: Org, role: Role, *, dry_run: bool) -> ProvisionStep:
    """The writer's set, given to the user we are logged in as."""
    target = f"PermissionSetAssignment {role.name}"
    of_set = find(org, "PermissionSet", ["Id"], Name=role.name)
    if of_set:
        set_id = of_set[0]["Id"]
        if find(org, "PermissionSetAssignment", ["Id"], AssigneeId=org.user_id, PermissionSetId=set_id):
            return ProvisionStep(target, "ok")
        if not dry_run:
            _create(org, "PermissionSetAssignment", {"AssigneeId": org.user_id, "PermissionSetId": set_id})
    return ProvisionStep(target, "create", org.user_id)


def _verified(org: Org, fields: Sequence[Wanted]) -> Iterator[ProvisionStep]:
    """A refusal for every field that this user still cannot see or write, told by describe."""
    described = org.describe(sorted({field.object for field in fields}))
    for field in fields:
        columns = {column["name"]: column for column in described.get(field.object, {"fields": []})["fields"]}
        column = columns.get(field.name)
        if column is None or not column["updateable"]:
            trouble = "cannot be written" if column else "cannot be seen"
            yield ProvisionStep(
                field.full_name, "refuse", f"exists but {trouble} by this user; {GRANT} Read and Edit on {field.object}"
            )
        elif field.spec.kind in SIZED and column["length"] < field.spec.length:
            reason = (
                f"shows {column['length']} characters, {field.spec.length} are needed; run: sidecar provision apply"
            )
            yield ProvisionStep(field.full_name, "refuse", reason)


def find(org: Org, object_name: str, columns: Sequence[str], **equal: str) -> list[Row]:
    """All rows of an object whose columns have these values."""
    soql = select(columns, object_name, *(f"{name} = {quoted(value)}" for name, value in equal.items()))
    answer = org.query("definition", soql, about=object_name)
    rows: list[Row] = answer["records"]
    while not answer["done"]:
        answer = org.more("definition", answer["nextRecordsUrl"], about=object_name)
        rows += answer["records"]
    return rows


def _create_set(org: Org, role: Role) -> str:
    return _create(org, "PermissionSet", {"Name": role.name, "Label": role.label})


def _create(org: Org, object_name: str, values: Row) -> str:
    answer = org.request("write", "POST", f"sobjects/{object_name}/", about=object_name, body=values)
    return str(answer["id"])


def _write(org: Org, method: str, rows: Sequence[Row]) -> None:
    """Create or mend rows of FieldPermissions. Fatal if any is refused."""
    for start in range(0, len(rows), ROWS):
        records = [{"attributes": {"type": "FieldPermissions"}, **row} for row in rows[start : start + ROWS]]
        body = {"allOrNone": True, "records": records}
        for answer in org.request("write", method, "composite/sobjects", about="FieldPermissions", body=body):
            if not answer["success"]:
                code = answer["errors"][0]["statusCode"]
                message = f"field permissions were refused ({code}); {GRANT} 'Manage Profiles and Permission Sets'"
                raise Fatal(message, vendor=VENDOR)
