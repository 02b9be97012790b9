"""A CRM that holds every record and none of our fields' values yet: what a plan is made against before anything was ever written."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from connectors.base import FieldSpec, FieldValue, Jobs, ProvisionStep, Quota, RowResult
from connectors.errors import Unsupported
from pipelines.write_back.fields import FIELDS


@dataclass
class Blank:
    """Answers at once. It takes no writes: nothing is delivered here."""

    vendor: str
    account: str
    subjects: Mapping[str, tuple[str, ...]]
    batch_size: int
    read_size: int
    currency: str | None = "eur"
    jobs: Jobs | None = None
    quota: Quota | None = None
    calls: Counter[str] = field(default_factory=Counter)

    def field_name(self, spec: FieldSpec) -> str:
        """Our own name."""
        return spec.name

    def writable(self, object_name: str) -> dict[str, int]:  # noqa: ARG002  # every object has all of them
        """Every field, as long as it is wanted."""
        return {spec.name: spec.length for spec in FIELDS}

    def fingerprint(self, object_name: str) -> str:
        """Fields never change here."""
        return object_name

    def read(self, object_name: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, dict[str, FieldValue]]:  # noqa: ARG002  # likewise
        """Every record is there and empty."""
        self.calls["read"] += 1
        return {one: dict.fromkeys(fields) for one in ids}

    def moved(self, object_name: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:  # noqa: ARG002  # likewise
        """Nothing was merged or converted."""
        return {}

    def holding(self, object_name: str, specs: Sequence[FieldSpec]) -> Iterator[tuple[str, dict[str, FieldValue]]]:
        """Unsupported: a plan asks for records by their ids."""
        raise Unsupported(f"{len(specs)} fields of {object_name} are not looked for here", vendor=self.vendor)

    def provision(self, specs: Sequence[FieldSpec], *, dry_run: bool) -> list[ProvisionStep]:
        """Unsupported."""
        raise Unsupported(f"{len(specs)} fields are not made here ({dry_run=})", vendor=self.vendor)

    unprovision = provision

    def update(self, object_name: str, rows: Sequence[tuple[str, dict[str, FieldValue]]]) -> list[RowResult]:
        """Unsupported."""
        raise Unsupported(f"{len(rows)} rows of {object_name} are not written here", vendor=self.vendor)
