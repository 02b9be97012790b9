"""Writing to the portal: values of our own properties, by record id, never a new record."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.base import FieldSpec, FieldValue, Jobs, ProvisionStep, Quota, RowResult
from connectors.errors import Fatal, RecordRejected, Unsupported
from connectors.hubspot.client import BATCH, Portal
from connectors.hubspot.fields import KINDS, SUBJECTS, api_name, length, writable
from connectors.hubspot.provision import provision
from connectors.hubspot.refusals import VENDOR, Invalid
from connectors.hubspot.removal import holding, unprovision
from connectors.hubspot.wire import received, sent, types
from models.keys import content_id

Json = dict[str, Any]
Row = tuple[str, dict[str, FieldValue]]

MERGED_IDS = "hs_merged_object_ids"
PASSING = frozenset({"RATE_LIMITS", "INTERNAL_ERROR", "LOCKED", "TIMEOUT"})
"""Categories of row errors that nobody needs to act upon."""
REFUSED = "VALIDATION_ERROR"
LEFT = frozenset({"OBJECT_NOT_FOUND", "MERGED"})
"""Categories of row errors of a record that takes no writes any more."""
DEFINES = ("type", "fieldType", "options", "modificationMetadata", "archived")
"""What a definition says that decides whether a property takes a value."""
MERGED = {
    "category": "MERGED",
    "errors": [{"code": "the id leads to another record since a merge, which took the values"}],
}


class HubSpotCrm:
    """A portal that can be enriched."""

    batch_size = BATCH
    read_size = BATCH
    jobs: Jobs | None = None  # HubSpot's imports take files of a person's making and answer no row
    subjects: Mapping[str, tuple[str, ...]] = SUBJECTS

    def __init__(self, portal: Portal) -> None:
        self._portal = portal
        self._prefix = portal.settings.field_prefix
        self._types: dict[str, dict[str, str]] = {}
        self.account = portal.id
        self.currency = portal.currency
        self.calls = portal.calls

    @property
    def quota(self) -> Quota | None:
        """The portal's calls of the day, as the newest answer told them; None under OAuth."""
        if self._portal.used is None:
            return None
        return Quota(
            *self._portal.used, left=self._portal.settings.left(*self._portal.used, self._portal.calls.total())
        )

    def field_name(self, spec: FieldSpec) -> str:
        """The name of the property, prefix included."""
        return api_name(spec, self._prefix)

    def provision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Make the properties exist, in a group of their own; refuses to convert one."""
        self._types.clear()
        return provision(self._portal, specs, dry_run=dry_run)

    def validate(self, specs: Sequence[FieldSpec]) -> list[ProvisionStep]:
        """HubSpot cannot be asked that, Unsupported, unless nothing is missing."""
        planned = provision(self._portal, specs, dry_run=True)
        if all(step.action == "ok" for step in planned):
            return planned
        message = f"a portal makes properties or does not; what it would say of these {len(specs)} beforehand is told by: sidecar provision plan"
        raise Unsupported(message, vendor=VENDOR)

    def unprovision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Delete lists, properties with their values, and the group; refuses what something still uses."""
        self._types.clear()
        return unprovision(self._portal, specs, dry_run=dry_run)

    def holding(self, object_name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
        """Every living record on which a property of ours has a value: id and values, by name."""
        return holding(self._portal, object_name, specs)

    def writable(self, object_name: str) -> dict[str, int]:
        """Our properties that may be written, with their length in characters (0 where none applies)."""
        ours = [one for one in self._defined(object_name) if self._portal.settings.owns(one["name"]) and writable(one)]
        return {one["name"]: length(one) for one in ours}

    def fingerprint(self, object_name: str) -> str:
        """Changes with type, options and access of any property of ours."""
        ours = [one for one in self._defined(object_name) if self._portal.settings.owns(one["name"])]
        return content_id(*sorted(repr([one["name"], *(one.get(part) for part in DEFINES)]) for one in ours))

    def moved(self, object_name: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The record that each was merged into: HubSpot answers for it when asked by the old id, which it tells among its merged ones."""
        found: dict[str, tuple[str, str]] = {}
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            for row in self._portal.read("read", KINDS[object_name], some, [MERGED_IDS]):
                became = str(row["id"])
                old = str(row["properties"].get(MERGED_IDS) or "").split(";")
                found |= {one: (object_name, became) for one in some if one in old and one != became}
        return found

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, FieldValue]]:
        """Present values by record id; archived records are absent, and so is an id that a merge has taken away."""
        if object_name not in self._types:
            self._defined(object_name)
        kinds, found = self._types[object_name], {}
        known = [name for name in fields if name in kinds]
        for start in range(0, len(ids), BATCH):
            some = ids[start : start + BATCH]
            for row in self._portal.read("read", KINDS[object_name], some, known):
                if str(row["id"]) in some:  # the id of a merged record answers with the one it became
                    values = row["properties"]
                    found[str(row["id"])] = {name: received(values.get(name), kinds.get(name, "")) for name in fields}
        return found

    def update(self, object_name: str, rows: Sequence[Row]) -> list[RowResult]:
        """Write one batch; a row's refusal touches no other row. ValueError for more rows than a batch holds."""
        if len(rows) > BATCH:
            raise ValueError(f"{len(rows)} rows in one batch; HubSpot takes {BATCH}")
        return self._written(object_name, rows) if rows else []

    def _written(self, object_name: str, rows: Sequence[Row]) -> list[RowResult]:
        """Results in the order of the rows. One bad value refuses a whole batch, which is halved until the row is found."""
        inputs = [
            {"id": one, "objectWriteTraceId": one, "properties": {name: sent(value) for name, value in values.items()}}
            for one, values in rows
        ]
        try:
            answer = self._portal.update(KINDS[object_name], inputs)
        except (Invalid, RecordRejected) as error:
            if len(rows) == 1:
                return [RowResult(rows[0][0], ok=False, code=REFUSED, message=str(error))]
        else:
            return _results(object_name, rows, answer, self._led_away)
        half = len(rows) // 2
        return [*self._written(object_name, rows[:half]), *self._written(object_name, rows[half:])]

    def _led_away(self, object_name: str, one: str) -> bool:
        """Whether the id leads to another record, for it was merged after it was read."""
        return any(str(row["id"]) != one for row in self._portal.read("read", KINDS[object_name], [one], []))

    def _defined(self, object_name: str) -> list[Json]:
        definitions = self._portal.properties(KINDS[object_name])
        self._types[object_name] = types(definitions)
        return definitions


def _results(
    object_name: str, rows: Sequence[Row], answer: Json, led_away: Callable[[str, str], bool]
) -> list[RowResult]:
    """Fatal where a row was neither written nor refused: HubSpot has answered 200 to batches that it did not read.

    The write of an id that was merged meanwhile is answered under the id of the record that took it.
    """
    done = {str(row.get("id")) for row in answer.get("results") or []}
    refused = {one: error for error in answer.get("errors") or [] for one in _about(error)}
    lost = [one for one, _ in rows if one not in done and one not in refused]
    refused |= {one: MERGED for one in lost if led_away(object_name, one)}
    if not refused.keys() >= set(lost):
        message = f"{object_name}: {len(rows) - len(lost)} answers to {len(rows)} written rows"
        raise Fatal(message, vendor=VENDOR)
    return [RowResult(one, ok=True) if one in done else _refused(one, refused[one]) for one, _ in rows]


def _about(error: Json) -> list[str]:
    """The rows that an error is about: by the trace id that we gave each, which is its record's, and by id."""
    context = error.get("context") or {}
    return [str(one) for name in ("objectWriteTraceId", "ids", "id") for one in context.get(name) or []]


def _refused(one: str, error: Json) -> RowResult:
    code = str(error.get("category") or "UNKNOWN")
    message = "; ".join(_detail(detail) for detail in error.get("errors") or []) or "refused"
    return RowResult(one, ok=False, code=code, message=message, retry=code in PASSING, gone=code in LEFT)


def _detail(detail: Json) -> str:
    """Such as "INVALID_OPTION (blf_trend)"; the vendor's own words may quote a value."""
    names = ", ".join((detail.get("context") or {}).get("propertyName") or [])
    return f"{detail.get('code', 'refused')}{f' ({names})' if names else ''}"
