"""Which properties of an object are read, and what a record's payload is made of.

A payload is the object's properties by name, less those that are empty and those that the sidecar wrote: a record looks the same before
a property exists and while it is empty. Beside them, in names that no property can have or that HubSpot reserves: `associations` as
API v4 gives them, and of a deal `stageLabel`, `stageMeaning` and `companyCurrency`, so that a record reads by itself, and
`propertiesWithHistory`. What the sidecar wrote never comes back, or it would feed on its own words; what reps answer in our own fields
does, while it is given.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.hubspot.settings import HubSpotSettings

REPS_EDIT = ("lock", "feedback", "feedback_belief", "correction")
"""Our fields that people fill in."""

RUNNING = ("hs_time_in_", "hs_v2_cumulative_time_in_", "hs_v2_latest_time_in_", "hs_time_to_")
"""How counters begin that run by themselves: seconds in a stage say nothing that its date of entry does not."""

SILENT = "false"
"""The answer that says nothing: a box that was unticked is a box that was never ticked."""


def readable(definitions: Sequence[Mapping[str, Any]], settings: HubSpotSettings) -> list[str]:
    """Names of the properties to read."""
    names = [str(one["name"]) for one in definitions if not one.get("archived")]
    answers = {f"{settings.field_prefix}{name}" for name in REPS_EDIT}
    return [name for name in names if not name.startswith(RUNNING) and (not settings.owns(name) or name in answers)]


def payload_of(properties: dict[str, Any], settings: HubSpotSettings) -> dict[str, Any]:
    """The properties less those that say nothing; they are the payload themselves, for a copy of each row costs as much as parsing it."""
    empty = [
        name
        for name, value in properties.items()
        if value is None or value == "" or (value == SILENT and settings.owns(name))
    ]
    for name in empty:
        del properties[name]
    return properties
