"""Learning weights from what became of customers: asked before every scoring, answered seldom."""

from models.store import transaction
from pipelines.understand.outlook.side_by_side import lessons
from pipelines.understand.weighing import learn, schedule
from pipelines.workspace import Workspace


def learn_weights(workspace: Workspace) -> dict[str, str]:
    """Append weights if enough more outcomes are known than at the last time; says which weights count now, in words."""
    with transaction(workspace.store) as session:
        known = lessons(workspace, session)
        learn(session, known, workspace.clock.now())
        session.flush()
        current = schedule(session)[-1]
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in current.by_component.items())
    return {"weights": f"{current.version}: {weights}", "outcomes_known": str(len(known))}
