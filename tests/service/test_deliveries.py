"""How the latest write-back to each CRM ended: what doctor says of a key that reads and may not write."""

from datetime import UTC, datetime

import pytest

from models import IntendedWrite, WritePlan
from models.store import transaction
from service.deliveries import last_deliveries

THEN = datetime(2026, 5, 9, 12, tzinfo=UTC)


def planned(office, *states: str, stopped: str | None = None, applied: bool = True) -> None:
    """A plan for HubSpot whose rows came to these states."""
    with transaction(office.models.workspace.store) as session:
        session.add(
            WritePlan(
                id="plan-2", crm="hubspot", account="1", created_at=THEN, stopped=stopped, counts={},
                applied_at=THEN if applied else None,
            )
        )  # fmt: skip
        session.add(
            WritePlan(id="plan-1", crm="hubspot", account="1", created_at=THEN, stopped="an old one", counts={})
        )
        session.flush()
        for number, state in enumerate(states):
            session.add(
                IntendedWrite(
                    id=f"row-{number}", plan_id="plan-2", record=f"hubspot/1/contact/{number}", entity_id="e",
                    field="blf_top_belief", old_value=None, new_value='"x"', value_hash="h", state=state, reason="changed",
                )
            )  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "differs", "ok", "told"),
    [
        (("ok", "ok", "conflict"), {}, True, "2 fields are as planned"),
        (("ok", "failed"), {}, False, "1 fields were refused"),
        (("ok", "planned", "sent"), {"applied": False}, False, "2 fields are left"),
        ((), {"stopped": "most records would change", "applied": False}, False, "most records would change"),
    ],
)
def test_the_newest_plan_of_a_crm_tells_how_it_ended(office, rows, differs, ok, told):
    """Delivered, refused in part, broken off or stopped: each is said, with what to do."""
    planned(office, *rows, **differs)
    (finding,) = last_deliveries(office.models.workspace)
    assert (finding.subject, finding.ok) == ("write-back to HubSpot", ok)
    assert told in finding.message
    assert bool(finding.remedy) is not ok


def test_before_the_first_plan_there_is_nothing_to_say(office):
    """A CRM that was never planned for is not at fault."""
    assert list(last_deliveries(office.models.workspace)) == []
