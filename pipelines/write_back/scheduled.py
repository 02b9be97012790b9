"""What one run does for one CRM: deliver the plan that was approved, wait for approval of one, or make a plan and deliver it.

Before anything else, fields that show people who are to be forgotten are emptied.
"""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from connectors.base import Crm
from models.clock import Clock
from models.writes import WritePlan
from pipelines.ingest.lake import Lake
from pipelines.write_back.deliver import apply
from pipelines.write_back.erasure import close, forget
from pipelines.write_back.history import sweep
from pipelines.write_back.ledger import Ledger
from pipelines.write_back.limits import Limits
from pipelines.write_back.outcome import Delivery
from pipelines.write_back.plan import plan
from pipelines.write_back.refusals import Refused


@dataclass(frozen=True)
class Round:
    """What a run has done; no delivery where the plan waits for approval."""

    planned: WritePlan
    delivered: Delivery | None


def write_back(crm: Crm, vendor: str, *, lake: Lake, store: Engine, clock: Clock, limits: Limits) -> Round:
    """Bring the CRM up to date, as far as its people let us.

    While a plan waits for approval no other is made, so that whoever looks at it looks at what will be written; a plan that nobody has
    approved within a day gives way to a new one.
    Errors: Refused if a breaker has stopped the plan, and those of `plan` and `apply`.
    """
    forget(crm, vendor, store=store, clock=clock, limits=limits)
    planned = Ledger.of(store, vendor, crm).waiting(clock.now())
    if planned is None:
        planned = plan(crm, vendor, lake=lake, store=store, clock=clock, limits=limits)
    if planned.stopped:
        raise Refused(f"nothing was written: {planned.stopped}")
    if planned.needs_approval and not planned.approved_at:
        return Round(planned, None)
    delivered = apply(crm, vendor, planned.id, store=store, clock=clock, limits=limits)
    close(store, clock)
    sweep(store, vendor, clock.now() - timedelta(days=limits.keep_days))
    return Round(planned, delivered)
