"""Taking away what provisioning made, and nothing else: lists, then properties with their values, then the empty group.

An archived property loses its values; archiving what is not there changes nothing, so a removal can be run again. Source:
https://developers.hubspot.com/docs/api-reference/crm-properties-v3/guide; a property in use must be freed first:
https://knowledge.hubspot.com/properties/organize-and-export-properties.
"""

from collections.abc import Iterator, Sequence

from connectors.base import FieldSpec, FieldValue, ProvisionStep
from connectors.errors import Fatal
from connectors.hubspot.client import Json, Portal
from connectors.hubspot.fields import KINDS, SUBJECTS, definition, group_name
from connectors.hubspot.lists import delete_lists
from connectors.hubspot.refusals import Gone, Invalid
from connectors.hubspot.wire import received, types

USED = "something of the portal uses it (Settings > Properties > the property > Used in); take it out there and run it again"


def unprovision(portal: Portal, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
    """What is taken away, and what is not and why; a dry run takes nothing away."""
    steps = list(delete_lists(portal, KINDS, dry_run=dry_run))
    for subject, names in SUBJECTS.items():
        carried = [spec for spec in specs if subject in spec.subjects]
        for name in names:
            steps += _properties(portal, name, carried, dry_run=dry_run)
            steps += _group(portal, name, carried, dry_run=dry_run)
    return steps


def holding(portal: Portal, name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
    """Every living record on which a property of ours has a value: id and values."""
    kinds = types(portal.properties(KINDS[name]))
    ours = [own for spec in specs if (own := definition(spec, portal.settings.field_prefix)["name"]) in kinds]
    after: str | None = None
    while ours:
        page = portal.page("export", KINDS[name], ours, after)
        for row in page.rows:
            values = {own: received(row["properties"].get(own), kinds[own]) for own in ours}
            if any(value is not None and value is not False for value in values.values()):  # zero is a value
                yield str(row["id"]), values
        after = page.after
        if after is None:
            return


def _properties(portal: Portal, name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Archive what is ours by name and type; a property of our prefix that is not in our list is the customer's."""
    present = {str(one["name"]): one for one in portal.properties(KINDS[name])}
    for spec in specs:
        wanted = definition(spec, portal.settings.field_prefix)
        found = present.pop(wanted["name"], None)
        if found:
            yield _archived(portal, name, wanted, found, dry_run=dry_run)
    for other in sorted(filter(portal.settings.owns, present)):
        yield ProvisionStep(f"{name}.{other}", "ok", "has our prefix but is none of our properties; left as it is")


def _archived(portal: Portal, name: str, wanted: Json, found: Json, *, dry_run: bool) -> ProvisionStep:
    target = f"{name}.{wanted['name']}"
    if found.get("type") != wanted["type"]:
        return ProvisionStep(target, "ok", f"is {found.get('type')} and so none of our properties; left as it is")
    try:
        if not dry_run:
            portal.archive_property(KINDS[name], wanted["name"])
    except Gone:
        pass  # our first try arrived after all
    except Invalid as error:
        return ProvisionStep(target, "refuse", f"{error}; {USED}")
    return ProvisionStep(target, "delete", wanted["type"])


def _group(portal: Portal, name: str, specs: Sequence[FieldSpec], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """The group, unless properties are in it that are still there."""
    group = group_name(portal.settings.field_prefix)
    target = f"group {name}.{group}"
    if all(one.get("name") != group for one in portal.groups(KINDS[name])):
        return
    going = {definition(spec, portal.settings.field_prefix)["name"] for spec in specs} if dry_run else set()
    inside = [one["name"] for one in portal.properties(KINDS[name]) if one.get("groupName") == group]
    if left := sorted(set(inside) - going):
        yield ProvisionStep(
            target, "refuse", f"{', '.join(left)} are still in it; move them to another group and run it again"
        )
        return
    try:
        if not dry_run:
            portal.archive_group(KINDS[name], group)
    except Fatal as error:
        yield ProvisionStep(target, "refuse", str(error))
    else:
        yield ProvisionStep(target, "delete")
