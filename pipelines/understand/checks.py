"""What must be true of everything that is understood, read from the store after every run."""

from collections.abc import Iterator

import dagster as dg
from sqlmodel import Session, col, func, or_, select

from models import Alignment, Belief, Evidence, Extraction, Level, Observation, Review, Scope
from models.store import transaction
from pipelines.stitch.derived import read
from pipelines.understand import assets
from pipelines.understand.people import chunks
from pipelines.understand.reviews import backlog
from pipelines.understand.weekly import FEWEST, TABLE
from pipelines.workspace import Workspace

FAILED_SHARE = 0.02
"""More than one text in fifty that cannot be read points at the extractor, not at the texts."""
PORTION = 1_000
CONTESTED_SHARE = 0.15
"""More than one belief in seven that is disputed points at misread polarity, or at names of aspects that should not be one."""
FEW = 20
"""Beliefs below which a share says nothing."""
BACKLOG_SHARE = 0.5
"""Once anybody reviews, more than half of what is doubtful waiting means that nobody keeps up."""


def checks() -> list[dg.AssetChecksDefinition]:
    """The checks of this room."""
    return [
        say_something, quotes_are_found, deeds_are_counted, few_failures, cite_evidence, no_surer_than_parents, reviews_keep_up, few_contested,
        leanings_are_of_many, within_bounds, accounts_within_bounds,
    ]  # fmt: skip


@dg.asset_check(asset=assets.observations, description="Every observation that counts has words and a lawful basis.")
def say_something(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No observation counts without words."""
    silent = or_(col(Observation.text) == "", col(Observation.lawful_basis) == "")
    with transaction(workspace.store) as session:
        where = (col(Observation.withdrawn_at).is_(None), silent)
        rows = session.exec(select(func.count()).select_from(Observation).where(*where)).one()
    return _result(rows, "observations_without_words")


@dg.asset_check(
    asset=assets.extractions,
    description="Every quote stands, word for word, in the text it is cited from; else nothing is believed on it.",
    blocking=True,
)
def quotes_are_found(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No quote is invented: one that is stops the run before beliefs are made of it."""
    quotes = invented = 0
    with transaction(workspace.store) as session:
        for text, quote, start, end in _quotes(session):
            quotes += 1
            invented += text[start:end] != quote
    found = 1 - invented / quotes if quotes else 1.0
    return dg.AssetCheckResult(
        passed=invented == 0,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"quotes": quotes, "quotes_not_found": invented, "quote_found_rate": found},
    )


@dg.asset_check(
    asset=assets.behaviour,
    blocking=True,
    description="Every behavioural row states its rule, its numbers and its records.",
)
def deeds_are_counted(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No deed is claimed without being counted."""
    where = (Evidence.level == Level.behavioural.value, col(Evidence.withdrawn_at).is_(None))
    with transaction(workspace.store) as session:
        bases = session.exec(select(Evidence.basis).where(*where)).all()
    return _result(
        sum(not (basis and basis["rule"] and basis["numbers"] and basis["records"]) for basis in bases),
        "findings_without_basis",
    )


@dg.asset_check(asset=assets.extractions, description="Few texts could not be read; each is kept as a failure.")
def few_failures(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Failures are rare."""
    with transaction(workspace.store) as session:
        by_status = dict(session.exec(select(Extraction.status, func.count()).group_by(Extraction.status)).all())
    failed, all_ = by_status.get("failed", 0), sum(by_status.values())
    return dg.AssetCheckResult(
        passed=failed <= all_ * FAILED_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"failed": failed, "texts": all_, "failure_rate": failed / all_ if all_ else 0.0},
    )


@dg.asset_check(
    asset=assets.beliefs, description="Every belief cites evidence that counts; none stands without a quote."
)
def cite_evidence(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No evidence, no belief."""
    with transaction(workspace.store) as session:
        counting = set(session.exec(select(Evidence.id).where(col(Evidence.withdrawn_at).is_(None))).all())
        cited = session.exec(select(Belief.evidence_ids)).all()
    return _result(sum(not ids or not counting.issuperset(ids) for ids in cited), "beliefs_without_evidence")


@dg.asset_check(
    asset=assets.beliefs, description="What is deduced has parents that hold, and is never surer than any of them."
)
def no_surer_than_parents(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No conclusion is surer than what it was drawn from."""
    with transaction(workspace.store) as session:
        drawn = session.exec(select(Belief).where(Belief.level == Level.deduced.value)).all()
        named = sorted({parent for belief in drawn for parent in belief.parents})
        raw: dict[str, float] = {}
        for some in chunks(named):
            raw |= dict(session.exec(select(Belief.id, Belief.raw).where(col(Belief.id).in_(some))).all())
        wrong = sum(any(raw.get(parent, 0.0) < belief.raw for parent in belief.parents) for belief in drawn)
    return _result(wrong, "surer_than_parents")


@dg.asset_check(
    asset=assets.beliefs, description="Of what is doubtful, not too much waits for a verdict where verdicts are given."
)
def reviews_keep_up(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """The queue of reviews is worked off."""
    with transaction(workspace.store) as session:
        waiting, given = backlog(session), session.exec(select(func.count()).select_from(Review)).one()
    keeping_up = not given or waiting <= BACKLOG_SHARE * (waiting + given)
    return dg.AssetCheckResult(
        passed=keeping_up,
        severity=dg.AssetCheckSeverity.WARN,
        description=None if keeping_up else f"{waiting} beliefs wait for a verdict; sidecar review lists them",
        metadata={"review_backlog": waiting, "reviews": given},
    )


@dg.asset_check(asset=assets.beliefs, description="Few beliefs are disputed.")
def few_contested(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Disputes are the exception."""
    holds = col(Belief.valid_to).is_(None)
    with transaction(workspace.store) as session:
        held = session.exec(select(func.count()).select_from(Belief).where(holds)).one()
        disputed = session.exec(select(func.count()).select_from(Belief).where(holds, col(Belief.contested))).one()
    return dg.AssetCheckResult(
        passed=held < FEW or disputed <= held * CONTESTED_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"contested": disputed, "beliefs": held},
    )


@dg.asset_check(
    asset=assets.drift,
    description="Leanings lie between 0 and 1, and none is of so few that somebody could be picked out.",
)
def leanings_are_of_many(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """No line is about nearly nobody."""
    weeks = read(workspace.lake, TABLE)
    wrong = weeks.filter((weeks.persons < FEWEST) | (weeks.leaning < 0) | (weeks.leaning > 1))
    return _result(int(wrong.count().to_pyarrow().as_py()), "lines_out_of_bounds")


@dg.asset_check(asset=assets.alignment, description="Scores lie between 0 and 1, inside their own interval.")
def within_bounds(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Persons' scores are scores."""
    return _result(_out_of_bounds(workspace, Scope.person), "scores_out_of_bounds")


@dg.asset_check(
    asset=assets.account_alignment,
    name="within_bounds",
    description="Scores lie between 0 and 1, inside their own interval.",
)
def accounts_within_bounds(workspace: dg.ResourceParam[Workspace]) -> dg.AssetCheckResult:
    """Accounts' scores are scores."""
    return _result(_out_of_bounds(workspace, Scope.account), "scores_out_of_bounds")


def _out_of_bounds(workspace: Workspace, scope: Scope) -> int:
    overall, low, high = col(Alignment.overall), col(Alignment.low), col(Alignment.high)
    wrong = or_(low < 0, low > overall, overall > high, high > 1)
    with transaction(workspace.store) as session:
        where = (Alignment.scope == scope.value, wrong)
        return session.exec(select(func.count()).select_from(Alignment).where(*where)).one()


def _quotes(session: Session) -> Iterator[tuple[str, str, int, int]]:
    statement = (
        select(Observation.text, Evidence.quote, Evidence.start, Evidence.end)
        .join(Observation, col(Observation.id) == col(Evidence.observation_id))
        .where(col(Evidence.withdrawn_at).is_(None))
    )
    yield from session.exec(statement.execution_options(yield_per=PORTION))


def _result(wrong: int, name: str) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=wrong == 0, severity=dg.AssetCheckSeverity.ERROR, metadata={name: wrong})
