"""Who sees what: every object as one user sees it, and what a field permission may say.

Standard fields are readable and editable unless a test hides them. A custom field is seen by nobody until FieldPermissions of a
permission set that is assigned to the user say so. Source: Object Reference 63.0, FieldPermissions.
"""

from collections.abc import Mapping
from dataclasses import replace

from sandbox.salesforce.errors import RowRefusal
from sandbox.salesforce.schema import Field, SObject
from sandbox.salesforce.tables import Row, Tables

GRANTS = """
SELECT f."Field", max(f."PermissionsRead"), max(f."PermissionsEdit") FROM "FieldPermissions" f
JOIN "PermissionSetAssignment" a ON a."PermissionSetId" = f."ParentId" WHERE a."AssigneeId" = ? GROUP BY f."Field"
"""
SETUP = frozenset({"FieldPermissions", "PermissionSetAssignment", "PermissionSet", "Organization", "User"})
"""Objects behind the Setup menu, which only administrators write."""
DECIDES = frozenset({"FieldPermissions", "PermissionSetAssignment", "PermissionSet"})
"""Objects whose rows decide what users see."""
PRIVACY = frozenset({"Individual", "Contact.IndividualId", "Lead.IndividualId"})
"""What is there only where Data Protection and Privacy is enabled in Setup, which no new org has (Object Reference 63.0, Individual)."""


class Security:
    """The views of all users; `hide` and `show_all` stand for an administrator who changes a profile."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._hidden = set(PRIVACY)
        self._views: dict[tuple[str, int], Mapping[str, SObject]] = {}

    def hide(self, name: str) -> None:
        """Take an object (`Case`) or a standard field (`Contact.Email`) away from every API user."""
        self._hidden.add(name)
        self._views.clear()

    def show_all(self) -> None:
        """Give back everything that was hidden."""
        self._hidden = set(PRIVACY)
        self._views.clear()

    def protect_data(self) -> None:
        """Enable Data Protection and Privacy: people's data privacy records can be seen, and which record is whose."""
        self._hidden -= PRIVACY
        self._views.clear()

    def view(self, user: str) -> Mapping[str, SObject]:
        """Objects that the user sees through REST, each with the fields that the user sees and may write."""
        key = (user, self._tables.version)
        if key not in self._views:
            grants = {name.lower(): (read, edit) for name, read, edit in self._tables.run(GRANTS, [user])}
            self._views = {key: {each.name: self._seen(each, grants) for each in self._shown()}}
        return self._views[key]

    def tooling(self) -> Mapping[str, SObject]:
        """Objects of the Tooling API; the integration user of the sandbox may customise the org."""
        return {name: sobject for name, sobject in self._tables.objects.items() if sobject.tooling}

    def _shown(self) -> list[SObject]:
        objects = self._tables.objects.values()
        return [each for each in objects if not each.tooling and each.name not in self._hidden]

    def _seen(self, sobject: SObject, grants: Mapping[str, tuple[int, int]]) -> SObject:
        fields: list[Field] = []
        for field in sobject.fields:
            name = f"{sobject.name}.{field.name}"
            read, edit = grants.get(name.lower(), (0, 0))
            if field.custom and read:
                fields.append(field if edit else replace(field, createable=False, updateable=False))
            elif not field.custom and name not in self._hidden:
                fields.append(field)
        return replace(sobject, fields=tuple(fields))

    def check(self, name: str, row: Row) -> None:
        """RowRefusal for a field permission that makes no sense; other rows pass."""
        if name != "FieldPermissions":
            return
        owner, _, field_name = str(row["Field"]).partition(".")
        sobject = self._tables.objects.get(str(row["SobjectType"]))
        if sobject is None or owner != sobject.name or sobject.get(field_name) is None:
            message = f"Field Name: bad value for restricted picklist field: {row['Field']}"
            raise RowRefusal("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, "Field")
        field = sobject.get(field_name)
        if field and field.required:
            raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", "You cannot deploy to a required field", "Field")
        if row["PermissionsEdit"] and not row["PermissionsRead"]:
            message = "Field permissions with edit access must have read access"
            raise RowRefusal("FIELD_INTEGRITY_EXCEPTION", message, "PermissionsRead")
