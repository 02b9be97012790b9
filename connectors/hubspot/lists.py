"""The list "drifting this week" of each kind of object: an active list (now called segment), which HubSpot keeps up to date.

Saved views of an index page have no public API; a list is shown beside them and can be opened as one. A list that is there is left
as it is, for people may have made it their own. Source: https://developers.hubspot.com/docs/api-reference/legacy/crm/lists/list-filters
and the SDK's `hubspot.crm.lists` (PublicRollingDateRangePropertyOperation, PublicEnumerationPropertyOperation).
"""

from collections.abc import Iterable, Iterator, Sequence

from connectors.base import FieldSpec, ProvisionStep
from connectors.errors import Fatal, RecordRejected
from connectors.hubspot.client import Json, Portal
from connectors.hubspot.fields import KINDS

TYPES = {"contact": "0-1", "company": "0-2", "deal": "0-3"}
"""Object type ids: https://developers.hubspot.com/docs/api-reference/search/guide."""
APART, DAYS = "Diverging", 7
SCOPES = "crm.lists.read and crm.lists.write"


def create_lists(portal: Portal, specs: Sequence[FieldSpec], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Make the lists that are missing; one that HubSpot refuses stops nothing else."""
    values = {spec.name: spec.values for spec in specs}
    if APART not in values.get("trend", ()) or "updated_at" not in values:
        return
    for name in KINDS:
        target = f"list {list_name(name)}"
        try:
            there = portal.list_id(TYPES[name], list_name(name))
            if not there and not dry_run:
                portal.create_list(_definition(portal.settings.field_prefix, name))
        except (Fatal, RecordRejected) as error:
            yield ProvisionStep(
                target, "refuse", f"{error}; lists need {SCOPES}, or make it by hand as docs/crm-layouts.md shows"
            )
        else:
            yield ProvisionStep(target, "ok" if there else "create")


def delete_lists(portal: Portal, names: Iterable[str], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Take the lists away, which filter by our properties."""
    for name in names:
        target = f"list {list_name(name)}"
        try:
            found = portal.list_id(TYPES[name], list_name(name))
            if found and not dry_run:
                portal.delete_list(found)
        except (Fatal, RecordRejected) as error:
            yield ProvisionStep(target, "refuse", f"{error}; lists need {SCOPES}")
        else:
            if found:
                yield ProvisionStep(target, "delete")


def list_name(name: str) -> str:
    """What people call it: names of lists are one for all kinds of objects."""
    return f"Beliefs: {KINDS[name]} drifting this week"


def _definition(prefix: str, name: str) -> Json:
    known = {"includeObjectsWithNoValueSet": False}
    apart = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": [APART], **known}
    lately = {
        "operationType": "ROLLING_DATE_RANGE", "operator": "IS_LESS_THAN_X_DAYS_AGO", "numberOfDays": DAYS,
        "requiresTimeZoneConversion": True, **known,
    }  # fmt: skip
    filters = [
        {"filterType": "PROPERTY", "property": f"{prefix}{own}", "operation": operation}
        for own, operation in (("trend", apart), ("updated_at", lately))
    ]
    both = {"filterBranchType": "AND", "filterBranches": [], "filters": filters}
    return {
        "name": list_name(name),
        "objectTypeId": TYPES[name],
        "processingType": "DYNAMIC",
        "filterBranch": {"filterBranchType": "OR", "filterBranches": [both], "filters": []},
    }
