"""What must be true of the review queue after every look."""

import dagster as dg
from sqlmodel import col, select

from models.identity import Suggestion
from models.store import transaction
from pipelines.stitch.suggest.assets import KEY
from pipelines.stitch.suggest.queue import ACCEPTED, ITSELF
from pipelines.stitch.suggest.settings import SuggestSettings
from pipelines.workspace import Workspace


def checks() -> list[dg.AssetChecksDefinition]:
    """The check of this room."""
    return [nothing_joined_by_itself]


@dg.asset_check(
    asset=KEY,
    blocking=True,
    description="Every accepted suggestion was accepted by a human, or is as likely as the settings ask for.",
)
def nothing_joined_by_itself(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Joining people on likeness alone is for humans, unless somebody said otherwise."""
    allowed = SuggestSettings().join_from
    with transaction(workspace.store) as session:
        by_itself = session.exec(
            select(Suggestion.probability).where(
                col(Suggestion.status) == ACCEPTED, col(Suggestion.decided_by) == ITSELF
            )
        ).all()
    against = [probability for probability in by_itself if allowed is None or probability < allowed]
    return dg.AssetCheckResult(
        passed=not against,
        metadata={"joined_without_a_human": len(by_itself), "not_allowed": len(against)},
    )
