"""The org as the sandbox keeps it, and the people in it: what a loader, a rep or an administrator does beside the API.

Every save moves SystemModstamp by the clock, to the whole second, except where a loader brings stamps of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from models.clock import Clock
from sandbox.salesforce.derive import derived
from sandbox.salesforce.errors import RowRefusal
from sandbox.salesforce.ids import make_id
from sandbox.salesforce.list_views import ListViews
from sandbox.salesforce.schema import SObject
from sandbox.salesforce.security import DECIDES, Security
from sandbox.salesforce.tables import Row, Tables
from sandbox.salesforce.values import Column, from_column, to_column, wire

ORG_ID = make_id("00D", 1)
INTEGRATION_USER = make_id("005", 1)
REP = make_id("005", 3)
DAILY_CALLS = 100_000  # of an Enterprise org, before licences
BIN_PERIOD = timedelta(
    days=15
)  # a deleted record stays in the recycle bin (help, "View, Restore, and Manage the Recycle Bin")


@dataclass
class Usage:
    """API calls of the day."""

    limit: int = DAILY_CALLS
    used: int = 0


@dataclass
class Switches:
    """What a test or an operator may let happen."""

    instance_url: str | None = None
    """Where the next login sends its user; None for where the login was asked for."""
    page_rows: dict[str, int] = field(default_factory=dict)
    """Rows on a page of a query, for objects that have fewer than others (airbyte#9136)."""
    slow_above: int | None = None
    """Rows that a query may go through, but for a walk by Id, which is quick however long the table."""
    jobs_a_day: int = 10_000
    """Bulk query jobs in 24 h (app limits page, "Bulk API 2.0")."""
    batches_a_day: int = 15_000
    """Batches of 10,000 records in 24 h, shared by both Bulk APIs (app limits page, "Bulk API 2.0")."""
    job_stops_after: int | None = None
    """Records that an ingest job works off before it ends as Failed; None for all."""
    job_looks: int = 2
    """Looks until a Bulk job is complete; 0 for never."""
    job_failures: list[str] = field(default_factory=list)
    """What the next Bulk jobs fail with, one each."""
    referred: dict[str, str] = field(default_factory=dict)
    """Custom fields (`Contact.BLF_Key__c`) that something of the org refers to, such as a flow, with its name."""
    no_bulk: set[str] = field(default_factory=set)
    """Objects that the Bulk API does not take."""


@dataclass(frozen=True)
class RowFault:
    """A trouble that writes of one record meet; so many times, or always where `times` is 0."""

    record_id: str
    code: str
    message: str
    times: int


class SalesforceState:
    """One org, persistent in `salesforce.db` of the root folder."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.clock = clock
        self.tables = Tables(root / "salesforce.db")
        self.security = Security(self.tables)
        self.list_views = ListViews(self.tables)
        self.usage = Usage()
        self.switches = Switches()
        self._faults: list[RowFault] = []
        if not self.tables.run('SELECT 1 FROM "Organization"'):
            self._seed()

    def _seed(self) -> None:
        self.insert_many(
            "Organization",
            [{"Id": ORG_ID, "Name": "Acme", "OrganizationType": "Enterprise Edition", "IsSandbox": False}],
        )
        users = {INTEGRATION_USER: ("Sidecar", "Integration"), REP: ("Robin", "Rep")}
        self.insert_many(
            "User",
            [
                {"Id": user, "FirstName": first, "LastName": last, "Username": f"{first}@acme.example".lower(),
                 "Email": f"{first}@acme.example".lower(), "UserType": "Standard"}
                for user, (first, last) in users.items()
            ],
        )  # fmt: skip

    def now(self) -> str:
        """The present instant as REST writes it."""
        return wire(self.clock.now())

    def insert_many(self, name: str, rows: Iterable[Mapping[str, Any]]) -> int:
        """Load rows as they are, stamps included; what is missing gets its default. Gives their number.

        Errors: ValueError for a field that the object lacks; RowRefusal for a value that does not fit.
        """
        sobject = self.tables.objects[name]
        with self.tables.transaction():
            return self.tables.insert(name, (self.born(sobject, row, REP) for row in rows))

    def insert_late(self, name: str, row: Mapping[str, Any], visible_from: datetime) -> None:
        """A transaction that commits late: the row carries an earlier stamp than the instant from which it can be seen."""
        self.insert_many(name, [row])
        self.tables.update(name, row["Id"], {"_visible_from": wire(visible_from)})

    def born(self, sobject: SObject, given: Mapping[str, Any], by: str) -> Row:
        """A whole row from the values given, with defaults, stamps and what follows from them."""
        values = {key: value for key, value in given.items() if key != "IsDeleted" or sobject.get("IsDeleted")}
        unknown = [key for key in values if sobject.get(key) is None]
        if unknown:
            raise ValueError(f"{sobject.name} has no field {', '.join(unknown)}")
        row: Row = {}
        for each in sobject.fields:
            if each.type == "address":
                continue
            value = values.get(each.name)
            row[each.name] = to_column(each, each.default if value is None else value)
        row["Id"] = row["Id"] or self.tables.new_id(sobject)
        born = row.get("CreatedDate") or self.now()
        touched = row.get("LastModifiedDate") or born
        stamps: Row = {
            "CreatedDate": born, "LastModifiedDate": touched, "SystemModstamp": row.get("SystemModstamp") or touched,
            "CreatedById": row.get("CreatedById") or by, "LastModifiedById": row.get("LastModifiedById") or by,
            "OwnerId": row.get("OwnerId") or by,
        }  # fmt: skip
        row |= {key: value for key, value in stamps.items() if key in row}
        if sobject.name == "Case" and not row["CaseNumber"]:
            row["CaseNumber"] = f"{self.tables.next_number('CaseNumber', 1001):08d}"
        return row | derived(sobject.name, row)

    def save(self, name: str, record_id: str, changes: Row, by: str) -> None:
        """Change some columns of a record as this user, now."""
        row = self.tables.row(name, record_id)
        if row is None:
            raise KeyError(f"{name} {record_id}")
        if "StageName" in changes and "Probability" not in changes:
            changes = {**changes, "Probability": None}  # the stage brings its own
        stamps: Row = {"LastModifiedDate": self.now(), "LastModifiedById": by, "SystemModstamp": self.now()}
        changes = {**changes, **{key: value for key, value in stamps.items() if key in row}}
        changes |= derived(name, {**row, **changes})
        with self.tables.transaction():
            self.check({**row, **changes}, name)
            self.tables.update(name, record_id, changes)
        self._told(name)

    def store(self, name: str, row: Row) -> str:
        """Keep a new row; gives its id."""
        with self.tables.transaction():
            self.check(row, name)
            self.tables.insert(name, [row])
        self._told(name)
        return str(row["Id"])

    def check(self, row: Row, name: str) -> None:
        """RowRefusal for values that another record holds already, or that no administrator could set."""
        self.security.check(name, row)
        sobject = self.tables.objects[name]
        singles = tuple((each.name,) for each in sobject.fields if each.unique)
        for keys in (*sobject.unique, *singles):
            if any(row[key] is None for key in keys):
                continue
            where = " AND ".join(f'"{key}" = ?' for key in keys)
            sql = f'SELECT "Id" FROM "{name}" WHERE {where} AND "Id" <> ? AND "IsDeleted" = 0'  # noqa: S608  # names are the schema's
            other = self.tables.run(sql, [*(row[key] for key in keys), row["Id"]])
            if other:
                message = (
                    f"duplicate value found: {', '.join(keys)} duplicates value on record with id: {other[0][0][:15]}"
                )
                raise RowRefusal("DUPLICATE_VALUE", message, *keys)

    def _told(self, name: str) -> None:
        if name in DECIDES:
            self.tables.version += 1

    def get(self, name: str, record_id: str) -> dict[str, Any] | None:
        """A record with all its fields as JSON shows them, whoever may see them; None if it is gone for good."""
        row = self.tables.row(name, record_id)
        return self._shown(self.tables.objects[name], row) if row else None

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All records of an object that are not in the bin, by Id."""
        ids = self.tables.run(f'SELECT "Id" FROM "{name}" WHERE "IsDeleted" = 0 ORDER BY "Id"')  # noqa: S608
        return [found for (record_id,) in ids if (found := self.get(name, record_id))]

    def count(self, name: str) -> int:
        """Number of records that are not in the bin."""
        return int(self.tables.run(f'SELECT count(*) FROM "{name}" WHERE "IsDeleted" = 0')[0][0])  # noqa: S608

    def _shown(self, sobject: SObject, row: Row) -> dict[str, Any]:
        fields = (each for each in sobject.fields if each.type != "address")
        return {each.name: from_column(each, row[each.name]) for each in fields}

    def update_as_user(self, name: str, record_id: str, values: Mapping[str, Any], user: str = REP) -> None:
        """A person changes a record in the CRM, any field of it."""
        self.save(name, record_id, self._columns(name, values), user)

    def recalculate(self, name: str, record_id: str, values: Mapping[str, Any]) -> None:
        """What a formula, a roll-up or a parent shows has changed: the values are new, SystemModstamp is not (estuary#3134)."""
        self.tables.update(name, record_id, self._columns(name, values))

    def _columns(self, name: str, values: Mapping[str, Any]) -> dict[str, Column]:
        sobject = self.tables.objects[name]
        changes: dict[str, Column] = {}
        for key, value in values.items():
            found = sobject.get(key)
            if found is None:
                raise ValueError(f"{name} has no field {key}")
            changes[found.name] = to_column(found, value)
        return changes

    def delete(self, name: str, record_id: str, user: str = REP) -> None:
        """To the recycle bin, or away for good where the object has none."""
        if name == "PermissionSet":
            self._unassigned(record_id)
        if self.tables.objects[name].get("IsDeleted") is None:
            self.hard_delete(name, record_id)
            return
        self.save(name, record_id, {"IsDeleted": 1, "_deleted_at": self.now()}, user)

    def _unassigned(self, record_id: str) -> None:
        """RowRefusal while users hold the permission set; its field permissions go with it (help, "Delete Permission Sets")."""
        if self.tables.run('SELECT 1 FROM "PermissionSetAssignment" WHERE "PermissionSetId" = ?', [record_id]):
            raise RowRefusal("DELETE_FAILED", "You can't delete a permission set that is assigned to users")
        self.tables.run('DELETE FROM "FieldPermissions" WHERE "ParentId" = ?', [record_id])

    def hard_delete(self, name: str, record_id: str) -> None:
        """Away for good; only getDeleted tells."""
        self.tables.erase(name, record_id, self.now())
        self._told(name)

    def merge(self, name: str, winner: str, loser: str, user: str = REP) -> None:
        """One record survives; what pointed to the other points to it, and the other goes to the bin."""
        for sobject in self.tables.objects.values():
            for each in sobject.fields:
                if each.type == "reference" and name in each.refers and each.name != "MasterRecordId":
                    sql = f'SELECT "Id" FROM "{sobject.name}" WHERE "{each.name}" = ?'  # noqa: S608
                    for (child,) in self.tables.run(sql, [loser]):
                        self.save(sobject.name, child, {each.name: winner}, user)
        self.save(name, loser, {"MasterRecordId": winner, "IsDeleted": 1, "_deleted_at": self.now()}, user)

    def refuse(self, record_id: str, code: str, message: str = "refused by the sandbox", times: int = 1) -> None:
        """Let the next writes of a record fail, as a locked row (UNABLE_TO_LOCK_ROW) or a validation rule would."""
        self._faults.append(RowFault(record_id, code, message, times))

    def meet_fault(self, record_id: str) -> None:
        """RowRefusal if a write of this record is to fail."""
        for number, fault in enumerate(self._faults):
            if fault.record_id == record_id:
                if fault.times:
                    self._faults[number : number + 1] = [replace(fault, times=fault.times - 1)] * (fault.times > 1)
                raise RowRefusal(fault.code, fault.message)

    def seen(self, table: str, *, binned: bool) -> str:
        """The SQL condition for rows that a query may show: committed by now and, with `binned`, those in the bin too."""
        now = self.clock.now()
        committed = f'("{table}"."_visible_from" IS NULL OR "{table}"."_visible_from" <= \'{wire(now)}\')'
        kept = f'("{table}"."_deleted_at" IS NULL OR "{table}"."_deleted_at" > \'{wire(now - BIN_PERIOD)}\')'
        return f'{committed} AND {kept if binned else f"""coalesce("{table}"."IsDeleted", 0) = 0"""}'

    def close(self) -> None:
        """Let go of the database."""
        self.tables.close()
