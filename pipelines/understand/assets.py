"""The understand room in the asset graph: what was said, how it was read, what is believed, and how aligned everybody is."""

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import dagster as dg
from sqlalchemy import Engine
from sqlmodel import SQLModel, col, func, select

from models import Alignment, Belief, Drift, Evidence, Level, Observation, Scope
from models.store import transaction
from pipelines.due import LEFT
from pipelines.stitch.assets import table_schema
from pipelines.stitch.derived import read
from pipelines.stitch.lens.pictures import bars, markdown
from pipelines.understand.accounts import score_accounts
from pipelines.understand.behaviour.collect import notice
from pipelines.understand.buckets import ALL_BUCKETS, bucket_name
from pipelines.understand.choice import chosen_extractor, collected
from pipelines.understand.extraction import Extracted, extract
from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.learning import learn_weights
from pipelines.understand.observations import collect_observations
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.rows import Written
from pipelines.understand.scoring import score_alignment
from pipelines.understand.slots import seed
from pipelines.understand.survey import drift_picture, survey
from pipelines.understand.weekly import TABLE as WEEKS_TABLE
from pipelines.understand.weekly import follow_weeks
from pipelines.workspace import Workspace

warnings.filterwarnings(
    "ignore", message=".*backfill_policy", category=dg.BetaWarning
)  # known, and not the operator's concern

GROUP = "understand"
OWNERS = ["team:revenue-data"]
BUCKETS = dg.StaticPartitionsDefinition([bucket_name(bucket) for bucket in ALL_BUCKETS])
ONE_RUN = dg.BackfillPolicy.single_run()
"""One run takes all buckets: SQLite serves one run at a time, and buckets that are not due cost nothing."""


def assets() -> list[dg.AssetsDefinition]:
    """The assets of this room, in flow order."""
    return [observations, behaviour, extractions, beliefs, drift, alignment, account_alignment]


def columns(model: type[SQLModel]) -> dg.TableSchema:
    """A table of the store as Dagster shows it."""
    table = model.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    return dg.TableSchema(
        [
            dg.TableColumn(
                column.name, str(column.type).lower(), description=model.model_fields[column.name].description
            )
            for column in table.columns
        ]
    )


@dg.asset(
    key=[GROUP, "observations"],
    group_name=GROUP,
    deps=[["stitch", "persons"], ["stitch", "journeys"]],
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Observation)},
)
def observations(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """What customers said, cleaned of what they did not.

    One row per text of a call note, e-mail, ticket, transcript, form or chat. Quoted replies, signatures and hidden markup are
    cut; every row carries lawful basis, purposes, region and retention. This is the only place where text lives; a record that
    is gone at the vendor withdraws its observation, and with it everything that was concluded from it.
    """
    seeded = seed(workspace.store)
    done = collect_observations(workspace.lake, workspace.store, workspace.clock)
    found = {"seen": done.seen, "added": done.added, "changed": done.changed, "withdrawn": done.withdrawn}
    more = {"without_words": done.empty, "person_refused": done.refused, "slots_added": seeded}
    return _result(count(workspace.store, Observation, col(Observation.withdrawn_at).is_(None)), {**found, **more})


@dg.asset(
    key=[GROUP, "behaviour"],
    group_name=GROUP,
    deps=[observations],
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Evidence)},
)
def behaviour(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """What people do, as evidence: who never wrote a word is known by use, answers, purchases and contracts.

    Small stated rules (hours, channels, rhythm, discounts, use that fell or grew) look at each person's own deeds, in windows that end
    with a deed and never with today, so that time alone finds nothing. A row holds the numbers it rests on and no words. Coupons on a
    single bill, and discounts of contracts that ended, leave no fact and are not seen.
    """
    done = notice(workspace.lake, workspace.store, workspace.clock)
    live = (Evidence.level == Level.behavioural.value, col(Evidence.withdrawn_at).is_(None))
    numbers = {"persons": done.persons, "findings": done.findings, "added": done.added}
    by_rule = _by_rule(workspace.store)
    picture = bars([(name, number) for name, number in by_rule.items()], ",.0f")
    shown = {"by_rule": dg.MetadataValue.md(markdown(picture, "findings that count, by rule"))} if by_rule else {}
    result = {**numbers, "withdrawn": done.withdrawn, "restored": done.restored}
    return _result(count(workspace.store, Evidence, *live), result, shown)


@dg.asset(
    key=[GROUP, "extractions"],
    group_name=GROUP,
    deps=[observations],
    partitions_def=BUCKETS,
    backfill_policy=ONE_RUN,
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Evidence)},
)
def extractions(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """Verbatim quotes that say what somebody believes, each found again in its text.

    Every text is read once per extractor; unless `SIDECAR_LLM` names a model that is the **embedded** one (`extractor` below says which). What could
    not be read is a recorded failure and changes no belief; what could not be asked about (vendor away, budget used up) is
    `waiting` and is read by the next run; so is what a provider has not answered yet of `sidecar extract --batch`, which every run collects.
    Rows are evidence: quote, offsets, speaker, slot, polarity, strength.
    """
    try:
        answered = collected(workspace.store, workspace.clock, workspace.lake)
        with chosen_extractor(workspace.store, workspace.clock, workspace.lake) as reader:
            done = extract(workspace.lake, workspace.store, reader, workspace.clock, _buckets(context))
    except ExtractorUnusable as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    done.add(answered)
    if left := done.waiting.total():
        context.instance.add_run_tags(context.run.run_id, {LEFT: f"{left} texts"})
    rows = count(workspace.store, Evidence, col(Evidence.withdrawn_at).is_(None))
    words = {"extractor": reader.model, "instructions": reader.prompt, **_why_waiting(done)}
    return _result(rows, _counts(done), words)


@dg.asset(
    key=[GROUP, "beliefs"],
    group_name=GROUP,
    deps=[extractions, behaviour],
    partitions_def=BUCKETS,
    backfill_policy=ONE_RUN,
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Belief)},
)
def beliefs(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """What each person believes, how sure we are, and on which words.

    Replayed from the evidence by a **switching filter**; a pure function, so the same evidence gives the same beliefs in any
    order. A belief is held by one holder on one slot; a side that lost keeps its row with an end. Confidence is as of the last
    evidence; `calibration` says whether reviews have shown what it is worth on your data, and the diagram how well.
    """
    done = replay_beliefs(workspace.store, workspace.clock, _buckets(context))
    numbers = {"buckets_due": done.buckets, "persons": done.persons, "turns_changed": done.drifts.total}
    state = survey(workspace.store)
    counts = {**numbers, **_written(done.beliefs), **state.counts}
    return _result(count(workspace.store, Belief), counts, {**state.words, **state.shares, **_drawn(state.pictures)})


@dg.asset(
    key=[GROUP, "drift"],
    group_name=GROUP,
    deps=[beliefs],
    kinds={"parquet", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": table_schema(WEEKS_TABLE)},
)
def drift(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """How each segment's view of us moves, week by week and slot by slot.

    One row per week, segment and slot with at least five persons: how far they are for us, as of each one's last evidence, so that
    silence moves nothing; and how many beliefs turned against what had been held (a **CUSUM** on contrary evidence).
    """
    done = follow_weeks(workspace.lake, workspace.store, workspace.clock)
    rows = read(workspace.lake, WEEKS_TABLE).to_pyarrow().to_pylist()
    turned = count(workspace.store, Drift)
    told = count(workspace.store, Drift, col(Drift.announced))
    return _result(
        len(rows),
        {"recomputed": int(done.due), "turns": turned, "turns_announced": told},
        _drawn({"leanings": drift_picture(rows)}),
    )


@dg.asset(
    key=[GROUP, "alignment"],
    group_name=GROUP,
    deps=[beliefs],
    partitions_def=BUCKETS,
    backfill_policy=ONE_RUN,
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Alignment)},
)
def alignment(context: dg.AssetExecutionContext, workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """How well each person and our offer agree, and where it is going.

    Five components: goals that use of the product or a closed ticket serves (`goal_fit`), what they say of us (`stance`), intents
    that came true (`expectation`), how well the self-model foretells (`understanding`), and what they pay and use against their own
    habit (`engagement_value`). Those without observations are left out and lower the `coverage`. Sampled only when something was
    said, found, paid or delivered: looking never moves it. Weights are equal until 50 outcomes are known; learned ones count for
    scores from then on, never for those of before.
    """
    learned = learn_weights(workspace)
    done = score_alignment(workspace.lake, workspace.store, workspace.clock, _buckets(context))
    numbers = {"buckets_due": done.buckets, "persons": done.entities, **_written(done.scores)}
    return _result(
        count(workspace.store, Alignment, Alignment.scope == Scope.person.value),
        numbers,
        {"calibration": "uncalibrated", **learned},
    )


@dg.asset(
    key=[GROUP, "account_alignment"],
    group_name=GROUP,
    deps=[alignment],
    kinds={"sql", "python"},
    owners=OWNERS,
    metadata={"dagster/column_schema": columns(Alignment)},
)
def account_alignment(workspace: dg.ResourceParam[Workspace]) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    """How well each account and our offer agree, from its people and its payments.

    What each member last showed, weighed by how much was observed, joined with what the account itself pays.
    """
    done = score_accounts(workspace.lake, workspace.store, workspace.clock)
    numbers = {"accounts": done.entities, **_written(done.scores)}
    return _result(
        count(workspace.store, Alignment, Alignment.scope == Scope.account.value),
        numbers,
        {"calibration": "uncalibrated"},
    )


def count(store: Engine, model: type[SQLModel], *where: object) -> int:
    """Rows of a table."""
    with transaction(store) as session:
        return session.exec(select(func.count()).select_from(model).where(*where)).one()  # type: ignore[arg-type]


def _by_rule(store: Engine) -> dict[str, int]:
    """Findings that count, by rule, the most first."""
    live = (Evidence.level == Level.behavioural.value, col(Evidence.withdrawn_at).is_(None))
    with transaction(store) as session:
        bases = session.exec(select(Evidence.basis).where(*live)).all()
    return dict(Counter(basis["rule"] for basis in bases if basis).most_common())


def _counts(done: Extracted) -> dict[str, int]:
    return {
        "read": done.read,
        "cache_hits": done.cached,
        "failed": done.failed,
        "waiting": done.waiting.total(),
        "quotes_found": done.claims,
        "quarantined_sentences": done.quarantined,
        "tokens_in": done.tokens_in,
        "tokens_out": done.tokens_out,
        "cost_microusd": done.cost_microusd,
        "texts_of_unknown_cost": done.unpriced,
    }


def _why_waiting(done: Extracted) -> dict[str, str]:
    return (
        {"why_waiting": "; ".join(f"{number}: {why}" for why, number in done.waiting.most_common())}
        if done.waiting
        else {}
    )


def _drawn(pictures: Mapping[str, str | None]) -> dict[str, dg.MarkdownMetadataValue]:
    return {name: dg.MetadataValue.md(drawn) for name, drawn in pictures.items() if drawn}


def _buckets(context: dg.AssetExecutionContext) -> list[int]:
    return [int(key) for key in context.partition_keys]


def _written(rows: Written) -> dict[str, int]:
    return {"rows_added": rows.added, "rows_changed": rows.changed, "rows_removed": rows.removed}


def _result(rows: int, numbers: Mapping[str, int], words: Mapping[str, Any] | None = None) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads it
    shown = {name: dg.MetadataValue.int(number) for name, number in {"dagster/row_count": rows, **numbers}.items()}
    return dg.MaterializeResult(metadata={**shown, **(words or {})})
