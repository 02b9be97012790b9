"""Making our properties exist, in steps that can be repeated at any time.

A property group holds them together on the record; whoever may edit contacts sees and edits every property, so what reps must not
edit is theirs to leave alone, and the write-back keeps what they change.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from connectors.base import FieldSpec, ProvisionStep
from connectors.hubspot.client import Portal
from connectors.hubspot.fields import GROUP_LABEL, KINDS, SUBJECTS, definition, difference, group_name, writable
from connectors.hubspot.lists import create_lists
from connectors.hubspot.refusals import Exists

Json = dict[str, Any]


def provision(portal: Portal, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
    """The differences between what should be there and what is; unless it is a dry run, they are gone afterwards."""
    steps: list[ProvisionStep] = []
    for subject, names in SUBJECTS.items():
        carried = [spec for spec in specs if subject in spec.subjects]
        for name in names if carried else ():
            steps.append(_group(portal, KINDS[name], name, dry_run=dry_run))
            steps += _properties(portal, KINDS[name], name, carried, dry_run=dry_run)
    return [*steps, *create_lists(portal, specs, dry_run=dry_run)]


def _group(portal: Portal, kind: str, name: str, *, dry_run: bool) -> ProvisionStep:
    group = group_name(portal.settings.field_prefix)
    target = f"group {name}.{group}"
    if any(one.get("name") == group for one in portal.groups(kind)):
        return ProvisionStep(target, "ok")
    if not dry_run:
        with suppress(Exists):  # somebody was faster, or our first try arrived after all
            portal.create_group(kind, group, GROUP_LABEL)
    return ProvisionStep(target, "create")


def _properties(
    portal: Portal, kind: str, name: str, specs: Sequence[FieldSpec], *, dry_run: bool
) -> Iterator[ProvisionStep]:
    """Create what is missing, mend what differs, refuse what is something else."""
    present = {str(one["name"]): one for one in portal.properties(kind)}
    for spec in specs:
        wanted = definition(spec, portal.settings.field_prefix)
        step = _step(f"{name}.{wanted['name']}", spec, wanted, present.get(wanted["name"]))
        if step.action == "create" and not dry_run:
            with suppress(Exists):
                portal.create_property(kind, wanted)
        elif step.action == "change" and not dry_run:
            portal.change_property(kind, wanted["name"], difference(wanted, present[wanted["name"]])[0])
        yield step


def _step(target: str, spec: FieldSpec, wanted: Json, found: Mapping[str, Any] | None) -> ProvisionStep:
    if found is None:
        return ProvisionStep(target, "create", spec.kind)
    changes, reason = difference(wanted, found)
    if not reason and not writable(found):
        reason = "exists but its value is read-only; rename or delete it"
    if reason:
        return ProvisionStep(target, "refuse", reason)
    return ProvisionStep(target, "change" if changes else "ok", ", ".join(sorted(changes)))
