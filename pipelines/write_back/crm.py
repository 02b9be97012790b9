"""A CRM seen through our fields: names of ours to names of the CRM and back, values in the form it holds them."""

from collections.abc import Mapping, Sequence

from connectors.base import Crm, FieldValue, ProvisionStep
from pipelines.write_back.fields import ANSWERS, FIELDS, WRITTEN, carried_by
from pipelines.write_back.flight import side_by_side
from pipelines.write_back.held import as_held
from pipelines.write_back.refusals import FieldsNotReady

AT_ONCE = 1_000
"""Records that are read together; with long texts filled to the brim that is 40 MB."""
SIZED = ("text", "long_text")


class Fields:
    """Our fields of one CRM account."""

    def __init__(self, crm: Crm) -> None:
        self.crm = crm
        self.api = {spec.name: crm.field_name(spec) for spec in FIELDS}
        """The CRM's name of each field."""
        self.specs = {crm.field_name(spec): spec for spec in FIELDS}
        """The field behind each of the CRM's names."""
        self.subjects = {name: subject for subject, names in crm.subjects.items() for name in names}
        """What each kind of CRM object speaks of."""

    def named(self, by_api: Mapping[str, str]) -> dict[str, str]:
        """Something by the CRM's names, by ours; what is no longer a field of ours is left out."""
        return {self.specs[api].name: value for api, value in by_api.items() if api in self.specs}

    def read(self, object_name: str, ids: Sequence[str]) -> dict[str, dict[str, FieldValue]]:
        """What the fields we write, and those that reps fill in, hold now: by record id and our name; records that are gone are absent."""
        specs = carried_by(self.subjects[object_name], (*WRITTEN, *ANSWERS))
        names, size = [self.api[spec.name] for spec in specs], self.crm.read_size
        portions = [ids[start : start + size] for start in range(0, len(ids), size)]
        found: dict[str, dict[str, FieldValue]] = {}
        for answer in side_by_side(lambda some: self.crm.read(object_name, some, names), portions):
            for record_id, values in answer.result().items():
                found[record_id] = {spec.name: as_held(spec, values.get(self.api[spec.name])) for spec in specs}
        return found

    def held(self, current: Mapping[str, FieldValue] | None, api: str) -> FieldValue:
        """One value out of what was read of a record, by the CRM's name."""
        return current.get(self.specs[api].name) if current and api in self.specs else None

    def require(self, object_name: str) -> None:
        """Make sure that everything we write exists there, is long enough and is open to our user.

        Errors: FieldsNotReady, naming the fields and what to do.
        """
        if problems := self.problems(object_name):
            raise FieldsNotReady(
                f"{self.crm.account}: {'; '.join(problems)}. Nothing was written; run: sidecar provision apply, "
                "or let an administrator give this user edit access to the field"
            )

    def problems(self, object_name: str) -> list[str]:
        """What is wrong with the fields of one kind of object, one sentence each; those that are not there in one."""
        writable = self.crm.writable(object_name)
        specs = {self.api[spec.name]: spec for spec in carried_by(self.subjects[object_name], WRITTEN)}
        missing = [f"{object_name}.{name}" for name in specs if name not in writable]
        short = [
            f"{object_name}.{name} holds {length} characters, {spec.length} are needed"
            for name, spec in specs.items()
            if (length := writable.get(name)) is not None and spec.kind in SIZED and length < spec.length
        ]
        verb = "is" if len(missing) == 1 else "are"
        return [f"{', '.join(missing)} {verb} missing or may not be edited by this user", *short] if missing else short


def validate(crm: Crm) -> list[ProvisionStep]:
    """Ask the CRM whether it would take our fields. Errors: Unsupported where it cannot be asked."""
    return crm.validate(FIELDS)


def provision(crm: Crm, *, dry_run: bool = False) -> list[ProvisionStep]:
    """Make all our fields exist, be seen and be writable; a dry run only says what is missing. Safe to repeat."""
    return crm.provision(FIELDS, dry_run=dry_run)
