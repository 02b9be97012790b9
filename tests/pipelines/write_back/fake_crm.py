"""A CRM in memory that keeps the port's promises the way Salesforce does, and can be broken at any line."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from connectors.base import FieldSpec, FieldValue, Jobs, ProvisionStep, Quota, RowResult

NUMBERS = ("number", "percent", "money")


class Killed(BaseException):
    """The process died here; nothing catches it, as nothing catches SIGKILL."""


@dataclass(eq=False)
class Death:
    """Kills the process at its so-many-th step: before a commit, before a call, after a call."""

    at: int
    steps: int = 0
    came: bool = False

    def __call__(self, *_: object) -> None:
        self.steps += 1
        if self.steps == self.at:
            raise Killed


@dataclass
class FakeCrm:
    """Contacts, leads, accounts and opportunities with our fields on them, once provisioned."""

    account: str = "00D000000000001"
    currency: str | None = None
    batch_size: int = 200
    read_size: int = 2000
    jobs: Jobs | None = None
    quota: Quota | None = None
    records: dict[str, dict[str, dict[str, FieldValue]]] = field(default_factory=dict)
    """Values by object and record id; what is not listed does not exist."""
    fields: dict[str, dict[str, FieldSpec]] = field(default_factory=dict)
    closed: set[str] = field(default_factory=set)
    """Fields that our user may not edit, as Object.Field."""
    successors: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Object and id of the record that a record was merged into or converted to, by its id."""
    refusals: dict[str, list[str]] = field(default_factory=dict)
    """Codes that the next writes of a record get; the last one stays."""
    step: Callable[[str], None] = lambda where: None
    """Hears of every point at which a process could die around a call."""
    calls: Counter[str] = field(default_factory=Counter)
    history: list[tuple[str, str, FieldValue]] = field(default_factory=list)
    """Every value that was ever accepted: record id, field, value."""
    subjects: ClassVar[dict[str, tuple[str, ...]]] = {
        "person": ("Contact", "Lead"),
        "account": ("Account",),
        "deal": ("Opportunity",),
    }

    def field_name(self, spec: FieldSpec) -> str:
        return f"BLF_{spec.name.title()}__c"

    def provision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        self.calls["provision"] += 1
        steps = []
        for spec in specs:
            for object_name in (name for subject in sorted(spec.subjects) for name in self.subjects[subject]):
                there = self.fields.setdefault(object_name, {})
                name = self.field_name(spec)
                steps.append(ProvisionStep(f"{object_name}.{name}", "ok" if name in there else "create"))
                if not dry_run:
                    there.setdefault(name, spec)
        return steps

    def writable(self, object_name: str) -> dict[str, int]:
        self.calls["definition"] += 1
        there = self.fields.get(object_name, {}).items()
        return {
            name: spec.length if spec.kind in ("text", "long_text") else 0
            for name, spec in there
            if f"{object_name}.{name}" not in self.closed
        }

    def fingerprint(self, object_name: str) -> str:
        self.calls["definition"] += 1
        closed = sorted(name for name in self.closed if name.startswith(f"{object_name}."))
        return repr((sorted(self.fields.get(object_name, {}).items()), closed))

    def moved(self, object_name: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        self.calls[f"moved {object_name}"] += 1
        return {one: self.successors[one] for one in ids if one in self.successors}

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, FieldValue]]:
        self.calls[f"read {object_name}"] += 1
        there = self.records.get(object_name, {})
        return {
            one: {name: self._shown(object_name, name, there[one]) for name in fields} for one in ids if one in there
        }

    def update(self, object_name: str, rows: Sequence[tuple[str, dict[str, FieldValue]]]) -> list[RowResult]:
        assert len(rows) <= self.batch_size
        self.calls[f"write {object_name}"] += 1
        self.step("about to send")
        results = [self._update(object_name, record_id, values) for record_id, values in rows]
        self.step("taken, not answered")
        return results

    def edit(self, object_name: str, record_id: str, **values: FieldValue) -> None:
        """A human types into fields of ours, by our names."""
        self.records[object_name][record_id] |= {f"BLF_{name.title()}__c": value for name, value in values.items()}

    def value(self, object_name: str, record_id: str, name: str) -> FieldValue:
        """What one field holds, by our name."""
        return self.records[object_name][record_id].get(f"BLF_{name.title()}__c")

    def _shown(self, object_name: str, name: str, values: dict[str, FieldValue]) -> FieldValue:
        value = values.get(name)
        spec = self.fields[object_name][name]
        if spec.kind == "checkbox":
            return bool(value)
        if value is not None and spec.kind == "datetime":  # Salesforce answers with its own spelling of the instant
            return str(value).replace("Z", ".000+0000")
        return float(value) if value is not None and spec.kind in NUMBERS else value

    def _update(self, object_name: str, record_id: str, values: dict[str, FieldValue]) -> RowResult:
        if record_id not in self.records.get(object_name, {}):
            return RowResult(record_id, ok=False, code="ENTITY_IS_DELETED", message="entity is deleted", gone=True)
        if codes := self.refusals.get(record_id):
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            if code:
                return RowResult(record_id, ok=False, code=code, message="no", retry=code == "UNABLE_TO_LOCK_ROW")
        for name, value in values.items():
            if refusal := self._refused(object_name, name, value):
                return RowResult(record_id, ok=False, code=refusal, message=name)
        self.records[object_name][record_id] |= values
        self.history += [(record_id, name, value) for name, value in values.items()]
        return RowResult(record_id, ok=True)

    def _refused(self, object_name: str, name: str, value: FieldValue) -> str | None:
        spec = self.fields.get(object_name, {}).get(name)
        if spec is None or f"{object_name}.{name}" in self.closed:
            return "INVALID_FIELD_FOR_INSERT_UPDATE"
        if value is None:
            return None
        if spec.kind == "picklist" and value not in spec.values:
            return "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
        if isinstance(value, str) and "\0" in value:
            return "INVALID_FIELD"
        if spec.kind in ("text", "long_text") and len(str(value).encode("utf-16-le")) // 2 > spec.length:
            return "STRING_TOO_LONG"
        if spec.kind in NUMBERS and abs(float(value)) >= 10 ** (spec.length - spec.scale):
            return "NUMBER_OUTSIDE_VALID_RANGE"
        return None
