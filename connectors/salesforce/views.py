"""The list view "Drifting this week" of each object, through the User Interface API, which is REST.

A view that is there is left as it is, for people may have made it their own. Source: User Interface API developer guide 63.0,
"Create a List View for an Object" and "Delete List View Metadata"; relative dates as in the Metadata API's ListView.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from connectors.base import FieldSpec, ProvisionStep
from connectors.errors import Fatal
from connectors.salesforce.client import Org
from connectors.salesforce.fields import api_name
from connectors.salesforce.refusals import GRANT, FieldsChanged

LABEL = "Drifting this week"
FILTERS = (("trend", "Diverging"), ("updated_at", "LAST_N_DAYS:7"))
"""What our fields must equal: content that went apart, and changed lately."""
COLUMNS = ("alignment_band", "alignment_score", "top_belief", "trend", "updated_at")


def create_views(
    org: Org, objects: Iterable[str], specs: Sequence[FieldSpec], *, dry_run: bool
) -> Iterator[ProvisionStep]:
    """Make the views that are missing; one that Salesforce refuses stops nothing else."""
    names = {spec.name: api_name(spec, org.settings.field_prefix) for spec in specs}
    if not names.keys() >= {*COLUMNS, *dict(FILTERS)}:
        return
    for name in objects:
        target = f"ListView {name}.{view_name(org)}"
        if _there(org, name):
            yield ProvisionStep(target, "ok")
            continue
        try:
            if not dry_run:
                org.request("write", "POST", f"ui-api/list-info/{name}", about=target, body=_definition(org, names))
        except Fatal as error:
            remedy = f"{GRANT} 'Manage Public List Views', or make the view by hand as docs/crm-layouts.md shows"
            yield ProvisionStep(target, "refuse", f"{error}; {remedy}")
        else:
            yield ProvisionStep(target, "create", LABEL)


def delete_views(org: Org, objects: Iterable[str], *, dry_run: bool) -> Iterator[ProvisionStep]:
    """Take the views away, which filter by our fields."""
    for name in objects:
        if _there(org, name):
            if not dry_run:
                org.request("write", "DELETE", f"ui-api/list-info/{name}/{view_name(org)}", about=name)
            yield ProvisionStep(f"ListView {name}.{view_name(org)}", "delete")


def view_name(org: Org) -> str:
    """The API name of the view, the same on every object."""
    return f"{org.settings.field_prefix}Drifting_This_Week"


def _there(org: Org, name: str) -> bool:
    try:
        org.request("definition", "GET", f"ui-api/list-info/{name}/{view_name(org)}", about=name)
    except FieldsChanged:
        return False
    return True


def _definition(org: Org, names: dict[str, str]) -> dict[str, Any]:
    return {
        "listViewApiName": view_name(org),
        "label": LABEL,
        "visibility": "Public",
        "displayColumns": ["Name", *(names[column] for column in COLUMNS)],
        "filteredByInfo": [
            {"fieldApiName": names[field], "operandLabels": [value], "operator": "Equals"} for field, value in FILTERS
        ],
    }
