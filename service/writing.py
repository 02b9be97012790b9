"""Write-back for the doors: provision, plan, apply, and what the CRM shows of one person."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from sqlmodel import Session, col, func, select

from connectors.base import Connector, Crm, FieldValue, ProvisionStep, Quota
from connectors.errors import ConnectorError
from models import Belief, IntendedWrite, Membership, RecordKey, WritePlan
from models.store import transaction
from pipelines.ingest.sources import unusable_variables
from pipelines.workspace import Workspace
from pipelines.write_back import crm as fields
from pipelines.write_back import erasure, history, removal
from pipelines.write_back.deliver import apply as deliver
from pipelines.write_back.fields import PERSON, carried_by
from pipelines.write_back.held import from_json
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.opening import crm_of, crms
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.plan import plan as draw_up
from pipelines.write_back.refusals import Refused
from pipelines.write_back.rows import Row
from pipelines.write_back.undo import preview as look_back
from pipelines.write_back.undo import undo as take_back
from service.errors import LeftUndoneError, UsageError
from service.people import brought_by_ads

Shown = dict[str, dict[str, FieldValue]]
"""Values by written record key and API name of the field."""
LEFT = ("conflict", "suppressed", "superseded")
"""States of rows, right after planning, of fields that are left alone."""
T = TypeVar("T")


@dataclass(frozen=True)
class Asked(Generic[T]):
    """What came of asking every CRM that is set up: by vendor what was got, and why the others gave nothing."""

    got: dict[str, T]
    refused: tuple[str, ...]

    def insist(self) -> None:
        """LeftUndoneError, naming the reasons, unless every CRM gave something."""
        if self.refused:
            raise LeftUndoneError("; ".join(self.refused))


@dataclass(frozen=True)
class PlannedWrite:
    """One field that would change, and why."""

    record: str
    field: str
    old: FieldValue
    new: FieldValue
    reason: str


@dataclass(frozen=True)
class PlanReport:
    """A stored plan: what `sidecar apply` would deliver; without an id, what was only looked at."""

    id: str | None
    crm: str
    stopped: str | None
    counts: dict[str, int]
    writes: list[PlannedWrite]
    needs_approval: bool = False
    left_alone: dict[str, int] = field(default_factory=dict)
    """Fields that are not touched, by why."""
    quota: Quota | None = None
    """The CRM's calls of the day."""


def provision(workspace: Workspace, *, dry_run: bool) -> Asked[list[ProvisionStep]]:
    """Make the fields exist in every CRM that is set up; by vendor, one step per field and permission."""
    return _each(lambda connector: fields.provision(crm_of(workspace, connector), dry_run=dry_run))


def validate(workspace: Workspace) -> Asked[list[ProvisionStep]]:
    """Ask every CRM that is set up whether it would take the fields that are missing; nothing is made."""
    return _each(lambda connector: fields.validate(crm_of(workspace, connector)))


def removal_plan(workspace: Workspace) -> Asked[list[ProvisionStep]]:
    """What `remove` would take away, by vendor; nothing is written."""
    return _each(lambda connector: removal.removal_plan(crm_of(workspace, connector), connector.name))


def remove(workspace: Workspace, export: Path) -> Asked[list[ProvisionStep]]:
    """Export all values of our fields to a file that only its owner reads, then take fields and values away, by vendor."""
    export.touch(mode=0o600, exist_ok=False)
    return _each(
        lambda connector: removal.remove(crm_of(workspace, connector), connector.name, export, store=workspace.store)
    )


def forget(workspace: Workspace) -> Asked[None]:
    """Empty our fields, in every CRM that is set up, on records of people who are to be forgotten."""
    return _each(
        lambda connector: erasure.forget(
            crm_of(workspace, connector), connector.name, store=workspace.store, clock=workspace.clock, limits=Limits()
        )
    )


def plan(workspace: Workspace) -> Asked[PlanReport]:
    """Plan the write-back of every CRM that is set up; nothing is written to it."""
    return _each(lambda connector: _plan(workspace, connector))


def apply(workspace: Workspace, plan_id: str) -> Delivery:
    """Deliver a stored plan. UsageError if there is none of that id, or its CRM is not set up."""
    connector = _crm_of_plan(workspace, plan_id)
    return deliver(
        crm_of(workspace, connector),
        connector.name,
        plan_id,
        store=workspace.store,
        clock=workspace.clock,
        limits=Limits(),
    )


def approve(workspace: Workspace, plan_id: str, by: str) -> WritePlan:
    """Let a plan be applied that waits for it. Errors: those of `apply`; PlanRefused if it could not be applied anyhow."""
    connector = _crm_of_plan(workspace, plan_id)
    planned = stored(workspace, plan_id)
    ledger = Ledger(workspace.store, connector.name, planned.account)
    return ledger.approve(plan_id, workspace.clock.now(), by)


def look_at_undo(workspace: Workspace, plan_id: str) -> PlanReport:
    """What `undo` would put back; nothing is kept, and a plan that waits goes on waiting. Errors: those of `apply`."""
    connector = _crm_of_plan(workspace, plan_id)
    crm = crm_of(workspace, connector)
    found = look_back(crm, connector.name, plan_id, store=workspace.store, clock=workspace.clock, limits=Limits())
    rows = sorted(found.rows, key=lambda row: (row.record, row.field))
    left_alone = Counter(row.reason for row in rows if row.state in LEFT)
    return PlanReport(
        None, connector.name, None, dict(found.counts), [_planned(row) for row in rows if row.state == "planned"],
        left_alone=dict(left_alone), quota=crm.quota,
    )  # fmt: skip


def undo(workspace: Workspace, plan_id: str) -> Delivery:
    """Put back what records held before a plan, wherever they still hold what it wrote, as a plan of its own. Errors: those of `apply`."""
    connector = _crm_of_plan(workspace, plan_id)
    crm = crm_of(workspace, connector)
    planned = take_back(crm, connector.name, plan_id, store=workspace.store, clock=workspace.clock, limits=Limits())
    return apply(workspace, planned.id)


def _crm_of_plan(workspace: Workspace, plan_id: str) -> Connector:
    planned = stored(workspace, plan_id)
    connector = next((one for one in _ready_crms() if one.name == planned.crm), None)
    if connector is None:
        raise UsageError(f"The plan is for {planned.crm}, which is not set up; `sidecar doctor` says what is missing.")
    return connector


def stored(workspace: Workspace, plan_id: str) -> WritePlan:
    """A plan that was kept. UsageError if there is none of that id."""
    planned = history.plan(workspace.store, plan_id)
    if planned is None:
        raise UsageError(f"There is no plan {plan_id}; make one with: sidecar plan, or list them with: sidecar writes")
    return planned


def open_crm(workspace: Workspace, vendor: str) -> Crm:
    """The open CRM of that name. UsageError if it is none, or is not set up."""
    connector = next((one for one in _ready_crms() if one.name == vendor), None)
    if connector is None:
        raise UsageError(f"{vendor} is no CRM that is set up; `sidecar doctor` says what is missing.")
    return crm_of(workspace, connector)


def fields_of(workspace: Workspace, person_id: str) -> Shown:
    """What every CRM shows of the person right now, asked through its API: our visible fields of each of the person's records."""
    with transaction(workspace.store) as session:
        rows = session.exec(select(Membership.record).where(Membership.entity_id == person_id)).all()
    shown: Shown = {}
    for connector in _ready_crms():
        crm = crm_of(workspace, connector)
        ids: dict[str, list[str]] = {}
        for record in map(RecordKey.parse, rows):
            if record.vendor == connector.name and record.object in crm.subjects[PERSON]:
                ids.setdefault(record.object, []).append(record.id)
        for object_name, some in ids.items():
            shown |= _read(crm, connector, object_name, some)
    return shown


def most_telling_person(workspace: Workspace) -> str:
    """Who shows best what the product does: told of by most vendors, ads among them, then sure of most.

    Errors: UsageError if nobody believes anything.
    """
    brought = brought_by_ads(workspace.lake)
    with transaction(workspace.store) as session:
        vendors = _vendors_of_believers(session)
        own = select(Belief).where(col(Belief.holder).is_(None), col(Belief.valid_to).is_(None))
        certainty: dict[str, float] = defaultdict(float)
        for belief in session.exec(own):
            certainty[belief.person_id] += abs(2 * belief.confidence - 1) * min(belief.weight, 1)
    if not certainty:
        raise UsageError("Nobody's words have been read yet; run `sidecar run` first.")
    return max(
        certainty, key=lambda person: (len(vendors[person] | brought.get(person, set())), certainty[person], person)
    )


def _each(ask: Callable[[Connector], T]) -> Asked[T]:
    """Ask every CRM that is set up; one that refuses stops no other."""
    got, refused = dict[str, T](), list[str]()
    for connector in _ready_crms():
        try:
            got[connector.name] = ask(connector)
        except (ConnectorError, Refused) as error:
            refused.append(str(error))
    return Asked(got, tuple(refused))


def _plan(workspace: Workspace, connector: Connector) -> PlanReport:
    crm = crm_of(workspace, connector)
    planned = draw_up(
        crm,
        connector.name,
        lake=workspace.lake,
        store=workspace.store,
        clock=workspace.clock,
        limits=Limits(),
    )
    return _report(workspace, planned, crm)


def _report(workspace: Workspace, planned: WritePlan, crm: Crm) -> PlanReport:
    rows = select(IntendedWrite.reason, func.count()).where(
        IntendedWrite.plan_id == planned.id, col(IntendedWrite.state).in_(LEFT)
    )
    with transaction(workspace.store) as session:
        left_alone = dict(session.exec(rows.group_by(col(IntendedWrite.reason))).all())
    return PlanReport(
        planned.id, planned.crm, planned.stopped, planned.counts, _writes(workspace, planned), planned.needs_approval, left_alone,
        crm.quota,
    )  # fmt: skip


def _vendors_of_believers(session: Session) -> dict[str, set[str]]:
    vendors: dict[str, set[str]] = defaultdict(set)
    believers = select(Belief.person_id)
    for entity, record in session.exec(
        select(Membership.entity_id, Membership.record).where(col(Membership.entity_id).in_(believers))
    ):
        vendors[entity].add(RecordKey.parse(record).vendor)
    return vendors


def _ready_crms() -> list[Connector]:
    """The CRMs with credentials. UsageError, naming the variables, if there is none."""
    missing = [(connector, unusable_variables(connector)) for connector in crms()]
    ready = [connector for connector, variables in missing if not variables]
    if not ready:
        wanted = "; ".join(f"{connector.label}: {', '.join(variables)}" for connector, variables in missing)
        raise UsageError(f"No CRM is set up. Set {wanted}; .env.example says where to find them.")
    return ready


def _read(crm: Crm, connector: Connector, object_name: str, ids: list[str]) -> Shown:
    names = [crm.field_name(spec) for spec in carried_by(PERSON) if not spec.hidden]
    there = crm.read(object_name, ids, names)
    return {str(RecordKey(connector.name, crm.account, object_name, id_)): values for id_, values in there.items()}


def _writes(workspace: Workspace, planned: WritePlan) -> list[PlannedWrite]:
    query = select(IntendedWrite).where(IntendedWrite.plan_id == planned.id, IntendedWrite.state == "planned")
    with transaction(workspace.store) as session:
        rows = sorted(session.exec(query), key=lambda row: (row.record, row.field))
    return [_planned(row) for row in rows]


def _planned(row: IntendedWrite | Row) -> PlannedWrite:
    return PlannedWrite(row.record, row.field, from_json(row.old_value), from_json(row.new_value), row.reason)
