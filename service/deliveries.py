"""How the latest write-back to each CRM ended, as the ledger has it: a key that may read may still not write."""

from collections.abc import Iterator

from sqlmodel import Session, col, func, select

from connectors.base import Connector, Finding
from models import IntendedWrite, WritePlan
from models.store import transaction
from pipelines.workspace import Workspace
from pipelines.write_back.opening import crms

OPEN = ("planned", "sent")


def last_deliveries(workspace: Workspace) -> Iterator[Finding]:
    """One finding for each CRM that was ever planned for."""
    with transaction(workspace.store) as session:
        for connector in crms():
            newest = (
                select(WritePlan).where(WritePlan.crm == connector.name).order_by(col(WritePlan.id).desc()).limit(1)
            )
            if plan := session.exec(newest).first():
                yield _ended(session, connector, plan)


def _ended(session: Session, connector: Connector, plan: WritePlan) -> Finding:
    subject, when = f"write-back to {connector.label}", f"{plan.created_at:%Y-%m-%d %H:%M} UTC"
    again = f"Run: sidecar run write_back_{connector.name}; it says why, and goes on from there."
    if plan.stopped:
        return Finding(subject, ok=False, message=f"the plan of {when} was not delivered: {plan.stopped}", remedy=again)
    counts = dict(
        session.exec(
            select(IntendedWrite.state, func.count())
            .where(IntendedWrite.plan_id == plan.id)
            .group_by(IntendedWrite.state)
        ).all()
    )
    left, refused = sum(counts.get(state, 0) for state in OPEN), counts.get("failed", 0)
    if plan.needs_approval and not (plan.approved_at or plan.applied_at):
        message, remedy = (
            f"the plan of {when} waits for approval: {left} fields",
            f"Say yes with: sidecar plan approve {plan.id}",
        )
        return Finding(subject, ok=False, message=message, remedy=remedy)
    if plan.applied_at is None and left:
        message = f"the plan of {when} was not delivered to its end: {left} fields are left"
        return Finding(subject, ok=False, message=message, remedy=again)
    if refused:
        message = f"of the plan of {when} {refused} fields were refused"
        remedy = (
            f"The reasons are told by: sidecar writes {plan.id}; once they are mended: sidecar writes retry {plan.id}"
        )
        return Finding(subject, ok=False, message=message, remedy=remedy)
    return Finding(
        subject, ok=True, message=f"the plan of {when} was delivered: {counts.get('ok', 0)} fields are as planned"
    )
