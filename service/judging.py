"""`sidecar why | split | merge | unjudge | judgements | quarantine`: why two are one, and what humans decide about it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session

from models.facts import Scope
from models.identity import IdentityEvent, Judgement, RefusedTie
from models.store import transaction
from pipelines.jobs import AlreadyRunning
from pipelines.stitch import judging
from pipelines.stitch.entities import UnknownEntity
from pipelines.stitch.explain import Why, events_between, refused_between, why
from pipelines.stitch.judging import BadJudgement, Effect, Named
from pipelines.stitch.quarantine import quarantined
from pipelines.stitch.rulebook import BadRule, Decision, deciding
from pipelines.workspace import Workspace
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.jobs import run_jobs
from service.options import By, Json, Reason
from service.plain import PlainGroup
from service.terminal import console

app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)
Which = Annotated[str, typer.Argument(help="Record key (vendor/account/object/id), or id of a person or account.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Now = Annotated[bool, typer.Option("--now", help="Stitch and understand at once; else the next run of each job does.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take back what was decided on these two.")]
SHOWN = 20
"""Lines of a list at a terminal; --json has all."""
NOTHING_MOVES = "No record would move now; the decision holds against whatever comes."
NOTHING_BACK = "No record would move now; from then on the rules alone decide again."
CAUSES = {
    "too_large": "too many records hung together",
    "too_many_values": "more values than one person has",
    "one_ever": "two values of a kind of which one has one",
    "told_apart": "a human told them apart",
}


@dataclass(frozen=True)
class Explanation:
    """What `sidecar why` knows of two."""

    left: Named
    right: Named
    why: Why
    refused: list[RefusedTie]
    events: list[IdentityEvent]
    judgements: list[Judgement]

    def plain(self) -> dict[str, Any]:
        """For machines."""
        return {
            "together": self.why.together,
            "left": asdict(self.left),
            "right": asdict(self.right),
            "edges": [{**asdict(step), "words": str(step)} for step in self.why.steps],
            **{name: [row.model_dump() for row in getattr(self, name)] for name in ("refused", "events", "judgements")},
        }


@app.command("why")
def explain(a: Which, b: Which, *, json: Json = False) -> None:
    """Say why two records, persons or accounts are one, edge by edge, or what keeps them apart."""
    with opened() as workspace, transaction(workspace.store) as session:
        found = _explained(session, a, b)
    if json:
        terminal.print_json(found.plain())
    else:
        _show(found)


@app.command()
def merge(
    a: Which, b: Which, why: Reason, by: By = None, *, undo: Undo = False, dry_run: DryRun = False, yes: Yes = False,
    now: Now = False, json: Json = False,
) -> None:  # fmt: skip
    """Decide that two are one, whatever the rules say; shows what would change, and asks."""
    how = _How(dry_run=dry_run, yes=yes, now=now, json=json)
    with opened() as workspace:
        _decide(workspace, (a, b), deciding_by(workspace, by, why), how, same=None if undo else True)


@app.command()
def split(
    a: Which, b: Which, why: Reason, by: By = None, *, undo: Undo = False, dry_run: DryRun = False, yes: Yes = False,
    now: Now = False, json: Json = False,
) -> None:  # fmt: skip
    """Decide that two are never one, whatever they share; shows what would change, and asks."""
    how = _How(dry_run=dry_run, yes=yes, now=now, json=json)
    with opened() as workspace:
        _decide(workspace, (a, b), deciding_by(workspace, by, why), how, same=None if undo else False)


@app.command()
def unjudge(
    a: Which, b: Which, why: Reason, by: By = None, *, dry_run: DryRun = False, yes: Yes = False, now: Now = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Take back what was decided between two; the rules alone decide again."""
    how = _How(dry_run=dry_run, yes=yes, now=now, json=json)
    with opened() as workspace:
        _decide(workspace, (a, b), deciding_by(workspace, by, why), how, same=None)


@app.command()
def judgements(
    *,
    every: Annotated[bool, typer.Option("--all", help="Also those that were taken back.")] = False,
    json: Json = False,
) -> None:
    """List what humans decided about records, the oldest first."""
    with opened() as workspace, transaction(workspace.store) as session:
        rows = judging.judgements_of(session, all_of_them=every)
    if json:
        terminal.print_json([row.model_dump() for row in rows])
        return
    if not rows:
        terminal.say("Nothing was decided by hand; the rules alone say who is who.")
    for row in rows:
        terminal.say(_words(row))


@app.command()
def quarantine(*, json: Json = False) -> None:
    """List ties that the guards refused, for you to decide: `sidecar merge` where two are one after all."""
    with opened() as workspace, transaction(workspace.store) as session:
        rows = quarantined(session)
    if json:
        terminal.print_json([row.model_dump() for row in rows])
    else:
        _show_quarantine(rows)


def deciding_by(workspace: Workspace, by: str | None, reason: str) -> Decision:
    """Who decides, why and when. UsageError without a reason."""
    try:
        return deciding(by, reason, workspace.clock.now())
    except BadRule as error:
        raise UsageError(str(error)) from error


@dataclass(frozen=True)
class _How:
    dry_run: bool
    yes: bool
    now: bool
    json: bool


def _decide(workspace: Workspace, asked: tuple[str, str], decision: Decision, how: _How, *, same: bool | None) -> None:
    """Show what a decision would change and make it, or with `same` None take back what stands."""
    with transaction(workspace.store) as session:
        left, right = _named(session, asked[0]), _named(session, asked[1])
        act = partial(_act, left=left, right=right, decision=decision, same=same)
        with _refusals(), session.begin_nested() as tried:  # whether it can be decided at all, before any work
            act(session)
            tried.rollback()
    effect = judging.preview(workspace.lake, workspace.store, workspace.clock, left.scope, act)
    if not how.json:
        _show_effect(effect, left.scope, NOTHING_BACK if same is None else NOTHING_MOVES)
    if not how.dry_run:
        if not how.yes:
            terminal.confirm("Decide so?")
        with _refusals(), transaction(workspace.store) as session:  # somebody may have decided since
            act(session)
    followed = how.now and not how.dry_run and _followed(workspace)
    if how.json:
        done = {"decided": not how.dry_run, "stitched": followed}
        terminal.print_json(
            {**asdict(effect), "entities": sorted(effect.entities), "minted": sorted(effect.minted), **done}
        )
    elif not how.dry_run:
        said = "Decided. It holds" if same is not None else "Taken back. The rules decide"
        terminal.say("Done." if followed else f"{said} from the next stitch on: sidecar run stitch understand")


def _followed(workspace: Workspace) -> bool:
    """Bring records, journeys, beliefs and scores in step with what was decided; whether all of it could be done now."""
    try:
        outcomes = run_jobs(workspace, ["stitch", "understand"], anyway=True)
    except AlreadyRunning as error:
        terminal.errors.print(escape(str(error)), soft_wrap=True)
        return False
    failed = [outcome.job for outcome in outcomes if not outcome.ok]
    if failed:
        terminal.errors.print(
            f"Not all of it could be done; it is told by: sidecar run {' '.join(failed)}", soft_wrap=True
        )
    return not failed


def _act(session: Session, *, left: Named, right: Named, decision: Decision, same: bool | None) -> None:
    if same is None:
        found = judging.standing_between(session, left.records, right.records)
        if not found:
            raise BadJudgement("Nothing was decided between these two; `sidecar judgements` lists what was.")
        if len({frozenset((row.left, row.right)) for row in found}) > 1:
            raise BadJudgement(
                f"{len(found)} decisions stand between these two; name the two records of one: sidecar judgements"
            )
        judging.take_back(session, found, decision)
    else:
        judging.judge(session, left, right, decision, same=same)


@contextmanager
def _refusals() -> Iterator[None]:
    """UsageError for what cannot be decided so."""
    try:
        yield
    except BadJudgement as error:
        raise UsageError(str(error)) from error


def _named(session: Session, asked: str) -> Named:
    try:
        return judging.named(session, asked.strip())
    except UnknownEntity as error:
        raise UsageError(f"{error}.") from error


def _explained(session: Session, a: str, b: str) -> Explanation:
    left, right = _named(session, a), _named(session, b)
    return Explanation(
        left,
        right,
        why(session, left.first, right.first),
        refused_between(session, set(left.records), set(right.records)) if left.entity != right.entity else [],
        events_between(session, a.strip(), b.strip()),
        judging.standing_between(session, left.records, right.records),
    )


def _show(found: Explanation) -> None:
    left, right = found.left, found.right
    if found.why.together:
        terminal.say(f"Both are {left.scope} {left.entity}.")
        if not found.why.steps:
            terminal.say("They are the same record, or one by name already.")
    else:
        terminal.say(f"They are two: {left.scope} {left.entity} and {right.scope} {right.entity}.")
    for step in found.why.steps:
        terminal.say(f"  {step}")
    for tie in found.refused:
        terminal.say(f"  refused: {tie.left} and {tie.right} share the {tie.kind} {tie.value}, but {CAUSES[tie.cause]}")
    for row in found.judgements:
        terminal.say(f"  {_words(row)}")
    for event in found.events:
        terminal.say(f"  {_event(event)}")


def _event(event: IdentityEvent) -> str:
    by = f", by {event.via_kind} {event.via_value or ''}".rstrip() if event.via_kind else ""
    what = f"{event.from_id} was merged into" if event.kind == "merge" else f"{event.from_id} gave records to"
    return f"{event.occurred_at:%Y-%m-%d %H:%M} UTC: {what} {event.to_id}{by} (stitch {event.stitch_version}, rules {event.rules_version or '-'})"


def _words(row: Judgement) -> str:
    said = "are one" if row.same else "are never one"
    back = (
        f"; taken back {row.superseded_at:%Y-%m-%d} by {row.superseded_by}: {row.superseded_because}"
        if row.superseded_at
        else ""
    )
    return (
        f"{row.decided_at:%Y-%m-%d %H:%M} UTC {row.decided_by}: {row.left} and {row.right} {said}: {row.reason}{back}"
    )


def _show_effect(effect: Effect, scope: Scope, nothing: str) -> None:
    if not effect.moves:
        terminal.say(nothing)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("record", "leaves", "joins"):
        table.add_column(heading, overflow="fold")
    new = {one: f"new {scope} {number}" for number, one in enumerate(sorted(effect.minted), start=1)}
    for move in effect.moves[:SHOWN]:
        table.add_row(escape(move.record), move.before, new.get(move.after, move.after))
    console.print(table)
    if len(effect.moves) > SHOWN:
        terminal.say(f"… and {len(effect.moves) - SHOWN} records more; --json lists them all.")
    terminal.say(
        f"{len(effect.moves)} records would move, between {len(effect.entities)} {scope}s "
        f"({effect.merged} merges, {effect.split} splits); nothing else changes."
    )


def _show_quarantine(rows: Sequence[RefusedTie]) -> None:
    if not rows:
        terminal.say("Nothing was refused.")
    for cause, words in CAUSES.items():
        ties = [row for row in rows if row.cause == cause]
        if not ties:
            continue
        console.print(f"[bold]{len(ties)}[/bold] ties, because {words}")
        for tie in ties[:SHOWN]:
            terminal.say(f"  {tie.left} and {tie.right} share the {tie.kind} {tie.value}, since {tie.since:%Y-%m-%d}")
        if len(ties) > SHOWN:
            terminal.say(f"  … and {len(ties) - SHOWN} more; --json lists them all.")
