"""The objects behind the Setup menu: the org, its users, who may see and write which field, and custom fields in the Tooling API.

Source: Object Reference 63.0, User, Organization, PermissionSet, FieldPermissions, PermissionSetAssignment; Tooling API guide,
CustomField.
"""

from sandbox.salesforce.objects import BUSINESS
from sandbox.salesforce.schema import (
    IDENTITY,
    STAMPS,
    Field,
    SObject,
    address,
    email,
    fixed,
    flag,
    long_text,
    moment,
    phone,
    pick,
    ref,
    shown,
    text,
    whole,
)

USER = SObject(
    "User", "005",
    (*IDENTITY, text("Username", 80, required=True), text("LastName", 80, required=True), text("FirstName", 40),
     *shown(text("Name", 121)), text("CompanyName", 80), text("Division", 80), text("Department", 80), text("Title", 80),
     *address(""), email("Email", 128, required=True), phone("Phone"), phone("Fax"), phone("MobilePhone"), text("Alias", 8),
     flag("IsActive", default=True), pick("TimeZoneSidKey", "GMT", "Europe/London"), pick("LocaleSidKey", "en_US"),
     pick("LanguageLocaleKey", "en_US"), *shown(pick("UserType", "Standard", "Guest", "PowerPartner", "AutomatedProcess")),
     ref("ManagerId", "User"), *shown(moment("LastLoginDate")), *STAMPS),
    unique=(("Username",),),
)  # fmt: skip
ORGANIZATION = SObject(
    "Organization", "00D",
    (*IDENTITY, text("Name", 80), text("Division", 80), *address(""), phone("Phone"), pick("DefaultLocaleSidKey", "en_US"),
     pick("LanguageLocaleKey", "en_US"), pick("TimeZoneSidKey", "GMT"),
     *shown(pick("OrganizationType", "Enterprise Edition"), text("InstanceName", 5), flag("IsSandbox")), *STAMPS),
    replicateable=False, customizable=False,
)  # fmt: skip
PERMISSION_SET = SObject(
    "PermissionSet", "0PS",
    (*IDENTITY, text("Name", 80, required=True), text("Label", 80, required=True), text("Description"),
     *shown(flag("IsOwnedByProfile"), flag("IsCustom", default=True), text("NamespacePrefix", 15)), *STAMPS),
    unique=(("Name",),), replicateable=False, customizable=False,
)  # fmt: skip
FIELD_PERMISSIONS = SObject(
    "FieldPermissions", "01k",
    (*IDENTITY, fixed(ref("ParentId", "PermissionSet", required=True)), fixed(pick("SobjectType", required=True)),
     fixed(pick("Field", required=True)), flag("PermissionsRead"), flag("PermissionsEdit"),
     *shown(moment("SystemModstamp"))),
    unique=(("ParentId", "Field"),), replicateable=False, customizable=False,
)  # fmt: skip
PERMISSION_SET_ASSIGNMENT = SObject(
    "PermissionSetAssignment", "0Pa",
    (*IDENTITY, fixed(ref("PermissionSetId", "PermissionSet", required=True)), fixed(ref("AssigneeId", "User", required=True)),
     *shown(moment("SystemModstamp"))),
    unique=(("PermissionSetId", "AssigneeId"),), replicateable=False, customizable=False,
)  # fmt: skip
CUSTOM_FIELD = SObject(
    "CustomField", "00N",
    (*IDENTITY, text("DeveloperName", 80), text("TableEnumOrId", 255), text("NamespacePrefix", 15), pick("ManageableState"),
     whole("Length"), whole("Precision"), whole("Scale"), long_text("Description", 1000), long_text("InlineHelpText", 510),
     text("FullName", 255), Field("Metadata", "complexvalue"), *STAMPS),
    unique=(("TableEnumOrId", "DeveloperName"),), replicateable=False, customizable=False, tooling=True,
)  # fmt: skip

OBJECTS = {
    sobject.name: sobject
    for sobject in (
        *BUSINESS, USER, ORGANIZATION, PERMISSION_SET, FIELD_PERMISSIONS, PERMISSION_SET_ASSIGNMENT, CUSTOM_FIELD,
    )
}  # fmt: skip
"""Every object by its name."""
