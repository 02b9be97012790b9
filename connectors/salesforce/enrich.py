"""Writing to the org: values of our own fields, by record id, never a new record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.base import FieldSpec, FieldValue, Jobs, ProvisionStep, Quota, RowResult
from connectors.errors import Fatal
from connectors.salesforce.client import Org
from connectors.salesforce.fields import SUBJECTS, api_name
from connectors.salesforce.ingest import IngestJobs
from connectors.salesforce.provision import provision
from connectors.salesforce.refusals import GRANT, PASSING, VENDOR, left_for_good
from connectors.salesforce.removal import holding, unprovision
from connectors.salesforce.soql import one_of, select
from connectors.salesforce.trial import validate
from models.keys import content_id

WRITE_BATCH = 200  # records of one collections call (REST API guide, "sObject Collections")
READ_BATCH = 2000  # ids of one collections retrieval
MOVED_BATCH = 200  # ids of one query
DEFINES = ("type", "length", "precision", "scale", "updateable", "restrictedPicklist", "picklistValues")
"""What describe says of a field that decides whether it takes a value."""
SUCCESSORS = {
    "Contact": ("MasterRecordId",), "Account": ("MasterRecordId",), "Lead": ("ConvertedContactId", "MasterRecordId"),
}  # fmt: skip
"""Fields that name the record which another became; an opportunity is neither merged nor converted."""


class SalesforceCrm:
    """An org that can be enriched."""

    batch_size = WRITE_BATCH
    read_size = READ_BATCH
    currency: str | None = None  # an org with several has one per record
    subjects: Mapping[str, tuple[str, ...]] = SUBJECTS

    def __init__(self, org: Org) -> None:
        self._org = org
        self._prefix = org.settings.field_prefix
        self.account = org.id
        self.calls = org.calls
        self.jobs: Jobs | None = IngestJobs(org)

    @property
    def quota(self) -> Quota | None:
        """The org's calls of the day, as the newest answer told them."""
        if self._org.used is None:
            return None
        return Quota(*self._org.used, left=self._org.settings.left(*self._org.used, self._org.calls.total()))

    def field_name(self, spec: FieldSpec) -> str:
        """The API name of the field, prefix included."""
        return api_name(spec, self._prefix)

    def provision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Make the fields exist, visible to reps and writable for this user; refuses to shrink or convert a field."""
        return provision(self._org, specs, dry_run=dry_run)

    def validate(self, specs: Sequence[FieldSpec]) -> list[ProvisionStep]:
        """Ask the org whether it would take the fields that are missing; nothing is made."""
        return validate(self._org, specs)

    def unprovision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Delete list views, fields with their values, and permission sets; refuses what something still refers to."""
        return unprovision(self._org, specs, dry_run=dry_run)

    def holding(self, object_name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
        """Every living record on which a field of ours has a value: id and values, by API name."""
        return holding(self._org, object_name, specs)

    def writable(self, object_name: str) -> dict[str, int]:
        """Our fields that this user may write, with their length in characters (0 where none applies)."""
        return {field["name"]: field["length"] for field in self._ours(object_name) if field["updateable"]}

    def fingerprint(self, object_name: str) -> str:
        """Changes with type, size, options and access of any field of ours."""
        return content_id(
            *(repr([field["name"], *(field.get(part) for part in DEFINES)]) for field in self._ours(object_name))
        )

    def _ours(self, object_name: str) -> list[dict[str, Any]]:
        """Our fields as describe shows them to this user, by name."""
        description = self._org.describe([object_name]).get(object_name)
        if description is None:
            raise Fatal(f"{object_name} is not visible; {GRANT} Read and Edit on {object_name}", vendor=VENDOR)
        ours = [field for field in description["fields"] if self._org.settings.owns(field["name"])]
        return sorted(ours, key=lambda field: str(field["name"]))

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, FieldValue]]:
        """Present values by record id; deleted and merged records and converted leads are absent, for they take no writes."""
        state = ["IsDeleted", "IsConverted"] if object_name == "Lead" else ["IsDeleted"]
        found: dict[str, dict[str, FieldValue]] = {}
        for start in range(0, len(ids), READ_BATCH):
            body = {"ids": list(ids[start : start + READ_BATCH]), "fields": ["Id", *state, *fields]}
            path = f"composite/sobjects/{object_name}"
            for row in self._org.request("read", "POST", path, about=object_name, body=body):
                if row and not any(row.get(name) for name in state):  # null stands for an id that is gone
                    found[row["Id"]] = {name: row.get(name) for name in fields}
        return found

    def moved(self, object_name: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """The contact that a lead was converted to, the record that another was merged into; the bin is looked into as well."""
        names, found = SUCCESSORS.get(object_name, ()), dict[str, tuple[str, str]]()
        for start in range(0, len(ids) if names else 0, MOVED_BATCH):
            soql = select(["Id", *names], object_name, one_of("Id", list(ids[start : start + MOVED_BATCH])))
            for row in self._org.query("read", soql, about=object_name, deleted=True)["records"]:
                if name := next((name for name in names if row.get(name)), None):
                    found[row["Id"]] = ("Contact" if name == "ConvertedContactId" else object_name, row[name])
        return found

    def update(self, object_name: str, rows: Sequence[tuple[str, dict[str, FieldValue]]]) -> list[RowResult]:
        """Write one batch; a row's refusal touches no other row. ValueError for more rows than a batch holds."""
        if len(rows) > WRITE_BATCH:
            raise ValueError(f"{len(rows)} rows in one batch; Salesforce takes {WRITE_BATCH}")
        if not rows:
            return []
        records = [{"attributes": {"type": object_name}, "id": record_id, **values} for record_id, values in rows]
        body = {"allOrNone": False, "records": records}
        answers = self._org.request("write", "PATCH", "composite/sobjects", about=object_name, body=body)
        if not isinstance(answers, list) or len(answers) != len(rows):
            count = len(answers) if isinstance(answers, list) else 0
            raise Fatal(f"{object_name}: {count} answers to {len(rows)} written rows", vendor=VENDOR)
        return [_result(record_id, answer) for (record_id, _), answer in zip(rows, answers, strict=True)]


def _result(record_id: str, answer: dict[str, Any]) -> RowResult:
    if answer["success"]:
        return RowResult(record_id, ok=True)
    first = (answer.get("errors") or [{}])[0]
    code = str(first.get("statusCode", "UNKNOWN"))
    fields = ", ".join(first.get("fields") or [])
    message = f"{first.get('message', '')}{f' ({fields})' if fields else ''}"
    return RowResult(record_id, ok=False, code=code, message=message, retry=code in PASSING, gone=left_for_good(code))
