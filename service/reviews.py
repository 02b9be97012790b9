"""`sidecar review`: beliefs that would repay a look, and what somebody who looked says of them. `sidecar changed`: what is new."""

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from models import Polarity, Purpose, Verdict
from pipelines.stitch.called import names_of
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.judging import deciding_by
from service.looking import ToReview
from service.options import By, Json
from service.plain import PlainGroup
from service.self_models import SelfModels

app = typer.Typer(
    cls=PlainGroup,
    pretty_exceptions_enable=False,
    help="Beliefs that would repay a look: list them, and say what you find.",
)
changes = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)
Asked = Annotated[Purpose, typer.Option(help="What you look for; it is recorded.")]


@app.callback(invoke_without_command=True)
def review(
    context: typer.Context,
    most: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 20,
    purpose: Asked = Purpose.sales,
    json: Json = False,
) -> None:
    """List the beliefs whose verdict would tell most, the most telling first; `sidecar review verdict` answers."""
    if context.invoked_subcommand:
        return
    with opened() as workspace:
        waiting = SelfModels(workspace, actor="cli").get_reviews(purpose=purpose, most=most)
    if json:
        terminal.print_json(waiting)
        return
    for one in waiting:
        _show(one)
    terminal.say(f"{len(waiting)} shown." if waiting else "Nothing waits for a look.")


@app.command()
def verdict(
    belief: Annotated[str, typer.Argument(metavar="ID", help="Id of the belief, or the beginning of it.")],
    said: Annotated[Verdict, typer.Argument(metavar="agree|disagree|unsure", help="What you find.")],
    correction: Annotated[str | None, typer.Option(help="What holds instead, in a sentence.")] = None,
    side: Annotated[Polarity | None, typer.Option(help="What the correction is for; else the other side.")] = None,
    customer: Annotated[bool, typer.Option("--customer", help="It is the customer's own word.")] = False,
    by: By = None,
    purpose: Asked = Purpose.sales,
    json: Json = False,
) -> None:
    """Say whether a belief is right. It counts from the next understand run on; no later reading of older texts undoes it."""
    with opened() as workspace:
        models = SelfModels(workspace, actor=deciding_by(workspace, by, "what they saw").by)
        kept = models.review(
            belief, said, purpose=purpose, correction=correction, side=side, by_customer=customer, source="cli"
        )
    if json:
        terminal.print_json(kept)
    else:
        terminal.say(f"Kept: {kept.verdict} with {kept.statement!r}. The next understand run counts it.")


@changes.command()
def changed(
    person: Annotated[str | None, typer.Argument(help="E-mail address, person id, CRM id or record key.")] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody of whom something new is known.")] = False,
    days: Annotated[float, typer.Option("--days", min=0.01, max=3_650, help="Since how many days ago.")] = 7,
    purpose: Asked = Purpose.sales,
    json: Json = False,
) -> None:
    """Say in plain words what has changed in somebody's self-model since last week."""
    if (person is None) != everybody:
        raise UsageError("Name a person, or say --all; one of the two.")
    with opened() as workspace:
        models, since = SelfModels(workspace, actor="cli"), workspace.clock.now() - timedelta(days=days)
        people = models.changed_people(since=since) if person is None else [person]
        found = {one: models.get_changes(one, purpose=purpose, since=since) for one in people}
        told = {one: lines for one, lines in found.items() if lines}
        names = names_of(workspace.lake, told)
    if json:
        terminal.print_json(told)
        return
    for one, lines in told.items():
        called = f" · {names[one]}" if one in names else ""
        terminal.console.print(f"[bold]{escape(one)}[/bold]{escape(called)}", soft_wrap=True)
        for line in lines:
            terminal.console.print(f"  {escape(line.words)}")
    if not told:
        terminal.say("Nothing has changed.")


def _show(one: ToReview) -> None:
    sure = f"{one.confidence:.0%}, {one.calibration}, {one.evidence} evidence{', contested' if one.contested else ''}"
    whose = f"{escape(one.holder)}: " if one.holder else ""
    terminal.console.print(
        f"[bold]{one.id[:12]}[/bold]  {escape(one.name or one.person_id)}  {whose}{escape(one.statement)}  [dim]({one.slot}, {sure})[/dim]",
        soft_wrap=True,
    )
    for words in one.words:
        terminal.console.print(f'              "{escape(" ".join(words.split()))}"', soft_wrap=True)
