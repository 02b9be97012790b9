"""`sidecar lens …`: one command per question, a plain sentence first, then a table and bars; `--json` has the same."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from models.money import major
from pipelines.stitch.attribution.lenses import LENSES as ATTRIBUTION
from pipelines.stitch.lens.answer import Answer, Chart, Kind, Lens, Options
from pipelines.stitch.lens.lenses import LENSES as MONEY
from pipelines.stitch.lifetime.lenses import LENSES as LIFETIME
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.plain import PlainGroup

EVERY: tuple[Lens, ...] = (*MONEY, *ATTRIBUTION, *LIFETIME)
"""All questions, of whichever room."""
ROWS_SHOWN = 20
BAR = 30
"""Characters of the longest bar."""

lens_app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Ask why revenue changed, what earned nothing, who is worth more, and what a customer costs.",
)


def _command(lens: Lens) -> Callable[..., None]:
    """The command of one lens; it refuses what its lens does not take, rather than leave it unread."""

    def command(
        day: Annotated[
            str | None, typer.Option(help="A day as 2026-11-24, or a span as 2026-11-16..2026-11-22.")
        ] = None,
        against: Annotated[
            str | None, typer.Option(help="What it is compared with; as long a time just before, if not given.")
        ] = None,
        by: Annotated[str | None, typer.Option(help="What to tell apart by, such as channel or ad.")] = None,
        json: Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")] = False,  # noqa: FBT002  # a flag
    ) -> None:
        given = {"day": day, "against": against, "by": by}
        for name, value in given.items():
            if value is not None and name not in lens.takes:
                raise UsageError(f"`sidecar lens {lens.name}` has no --{name}.")
            if value is not None and not value.strip():
                raise UsageError(f"--{name} is empty; give it a value, or leave it out.")
        with opened() as workspace:
            try:
                answer = lens.answer(workspace, Options(**given))
            except ValueError as error:
                raise UsageError(f"{error}.") from error
        if json:
            terminal.print_json(_document(lens, answer))
        else:
            show_answer(answer)

    command.__doc__ = lens.question
    return command


for _lens in EVERY:
    lens_app.command(_lens.name)(_command(_lens))


def show_answer(answer: Answer) -> None:
    """The sentence, the table, the bars, and what they rest on."""
    terminal.say(answer.sentence)
    if answer.rows and answer.columns:
        table = Table(box=None, pad_edge=False)
        for name, kind in answer.columns.items():
            table.add_column(name.replace("_", " "), justify="left" if kind is Kind.text else "right", overflow="fold")
        for row in answer.rows[:ROWS_SHOWN]:
            table.add_row(
                *(escape(_worded(row.get(name), kind, answer.currency)) for name, kind in answer.columns.items())
            )
        terminal.console.print(table)
        if len(answer.rows) > ROWS_SHOWN:
            terminal.say(f"… and {len(answer.rows) - ROWS_SHOWN} rows more; --json has them all.")
    if answer.chart and answer.chart.bars:
        terminal.console.print(_bars(answer.chart, answer.currency))
    for note in answer.notes:
        terminal.console.print(f"[dim]{escape(note)}[/dim]")


def _bars(chart: Chart, currency: str | None) -> Table:
    longest = max(abs(number) for _, number in chart.bars) or 1.0
    table = Table(title=escape(chart.title), title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right")
    table.add_column()
    for label, number in chart.bars[:ROWS_SHOWN]:
        colour = "red" if number < 0 else "green"
        bar = "█" * max(1, round(BAR * abs(number) / longest)) if number else ""
        table.add_row(escape(label), _worded(number, chart.kind, currency), f"[{colour}]{bar}[/{colour}]")
    return table


def _worded(value: Any, kind: Kind, currency: str | None) -> str:
    if value is None:
        return "-" if kind is Kind.text else "none"
    match kind:
        case Kind.money:
            return f"{_rounded(value, currency):,}"
        case Kind.share:
            return f"{value:.0%}"
        case Kind.ratio:
            return f"{value:,.1f}x"
        case Kind.number:
            return f"{value:,.10g}"
        case Kind.text:
            return str(value)


def _rounded(minor: float, currency: str | None) -> Decimal:
    return major(round(minor), currency or "")


def _document(lens: Lens, answer: Answer) -> Mapping[str, Any]:
    """The answer as machines read it: money in minor units of `currency`."""
    names = list(answer.columns or ())
    return {
        "lens": lens.name,
        "question": lens.question,
        "sentence": answer.sentence,
        "currency": answer.currency,
        "rows": [{name: row.get(name) for name in names} for row in answer.rows],
        "notes": list(answer.notes),
    }
