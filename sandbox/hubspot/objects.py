"""The kinds of objects of the portal: names, cursor, scopes, and how they may be associated."""

from dataclasses import dataclass

from hubspot.crm import AssociationType

from sandbox.hubspot.errors import HubSpotRefusal


@dataclass(frozen=True)
class ObjectType:
    """One kind of CRM object. Source: https://developers.hubspot.com/docs/api-reference/search/guide (ids and default properties)."""

    path: str
    label: str
    """Singular; names the object in associations and error messages."""
    type_id: str
    defaults: tuple[str, ...]
    """Properties of an answer when none are asked for, beside the stamps."""
    read: tuple[str, ...]
    write: tuple[str, ...]
    """Scopes of which one is needed."""
    schema: str | None = None
    """Middle of the scopes of its property definitions; None where those of the object itself count."""
    created: str = "hs_createdate"
    modified: str = "hs_lastmodifieddate"

    @property
    def stamps(self) -> tuple[str, ...]:
        """Properties that every answer has."""
        return (self.created, self.modified, "hs_object_id")

    def property_scopes(self, way: str) -> tuple[str, ...]:
        """Scopes of which one is needed to `read` or `write` its property definitions."""
        if self.schema:
            return (f"crm.schemas.{self.schema}.{way}",)
        return self.read if way == "read" else self.write


def _crm(path: str, label: str, type_id: str, defaults: str, **more: str) -> ObjectType:
    scope = f"crm.objects.{path}"
    read, write = (f"{scope}.read",), (f"{scope}.write",)
    return ObjectType(path, label, type_id, tuple(defaults.split()), read, write, path, "createdate", **more)


def _engagement(path: str, label: str, type_id: str, *also: str) -> ObjectType:
    # engagements have no scopes of their own but for the text of e-mails
    read, write = also or ("crm.objects.contacts.read",), ("crm.objects.contacts.write",)
    return ObjectType(path, label, type_id, (), read, write)


OBJECTS = (
    _crm("contacts", "contact", "0-1", "email firstname lastname", modified="lastmodifieddate"),
    _crm("companies", "company", "0-2", "domain name"),
    _crm("deals", "deal", "0-3", "amount closedate dealname dealstage pipeline"),
    ObjectType(
        "tickets", "ticket", "0-5",
        ("content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_category", "hs_ticket_priority", "subject"),
        ("tickets",), ("tickets",), created="createdate",
    ),
    _engagement("notes", "note", "0-46"),
    _engagement("meetings", "meeting", "0-47"),
    _engagement("calls", "call", "0-48"),
    _engagement("emails", "email", "0-49", "sales-email-read"),
    _engagement("tasks", "task", "0-27"),
    _engagement("communications", "communication", "0-18"),
)  # fmt: skip
BY_NAME = {name: each for each in OBJECTS for name in (each.path, each.label, each.type_id)}
"""HubSpot takes the plural, the singular and the type id alike."""


def object_type(name: str) -> ObjectType:
    """The kind of that name. Errors: 400 as HubSpot gives it for a name it cannot place."""
    found = BY_NAME.get(name.lower())
    if found is None:
        raise HubSpotRefusal(400, f"Unable to infer object type from: {name}")
    return found


# the SDK's list lacks these. Source: https://developers.hubspot.com/docs/api-reference/associations/guide (type id tables)
UNLISTED = {
    "COMMUNICATION_TO_CONTACT": 81, "CONTACT_TO_COMMUNICATION": 82, "TICKET_TO_COMMUNICATION": 83,
    "COMMUNICATION_TO_TICKET": 84, "COMMUNICATION_TO_DEAL": 85, "DEAL_TO_COMMUNICATION": 86,
    "COMMUNICATION_TO_COMPANY": 87, "COMPANY_TO_COMMUNICATION": 88,
}  # fmt: skip
ASSOCIATION_TYPES: dict[str, int] = UNLISTED | {
    name: number for name, number in vars(AssociationType).items() if isinstance(number, int)
}
"""Type ids by `CALL_TO_CONTACT` and the like."""


def association_type(source: ObjectType, target: ObjectType) -> int:
    """The unlabelled association from one kind to another. Errors: 400 where HubSpot has none."""
    found = ASSOCIATION_TYPES.get(f"{source.label}_TO_{target.label}".upper())
    if found is None:
        raise HubSpotRefusal(400, f"No association types exist between {source.label} and {target.label}")
    return found


def primary_type(source: ObjectType, target: ObjectType) -> int | None:
    """The type that marks the one main company of a record, listed beside the unlabelled one."""
    return ASSOCIATION_TYPES.get(f"PRIMARY_{source.label}_TO_{target.label}".upper())
