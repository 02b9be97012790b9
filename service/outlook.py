"""`sidecar compare`: alignment beside the CRM's lead score, as a table and as JSON."""

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table

from pipelines.understand.outlook.compare import Estimate, Verdict
from pipelines.understand.outlook.settings import LeadScoreSettings
from pipelines.understand.outlook.side_by_side import SideBySide
from pipelines.understand.outlook.side_by_side import compare as compared
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.options import Json
from service.plain import PlainGroup

app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)


@app.command()
def compare(
    segment: Annotated[
        str | None, typer.Option(help="Customers to compare on, as trait=value (country=de); everybody, if left out.")
    ] = None,
    json: Json = False,
) -> None:
    """Say whether alignment or the CRM's lead score told better who renews, grows and leaves; both as they stood before."""
    try:
        settings = LeadScoreSettings() if segment is None else LeadScoreSettings(segment=segment)
    except ValidationError as error:
        raise UsageError("; ".join(f"{one['loc'][0]}: {one['msg']}" for one in error.errors()) + ".") from error
    with opened() as workspace:
        found = compared(workspace, settings)
    if json:
        terminal.print_json(found.table().to_pylist())
    else:
        show_comparison(found)


def show_comparison(found: SideBySide) -> None:
    """One block per kind of outcome."""
    terminal.say(f"On {found.segment or 'all customers'}; each score as it stood before the outcome, 90 % intervals.")
    table = Table(box=None, pad_edge=False)
    for name in ("outcome", "score", "cases", "came", "AUC", "Brier", "lift of top fifth"):
        table.add_column(name, justify="left" if name in ("outcome", "score") else "right")
    for kind, verdicts in found.verdicts.items():
        for verdict in verdicts:
            table.add_row(kind, verdict.predictor, f"{verdict.cases:,}", f"{verdict.events:,}", *_figures(verdict))
    terminal.console.print(table)
    for kind, verdicts in found.verdicts.items():
        if verdicts[0].auc is None:
            terminal.say(f"{kind}: {verdicts[0].standing}.")
        if left := found.unknown[kind]:
            terminal.say(f"{kind}: {left:,} outcomes are left out; one of the scores was not known before them.")


def _figures(verdict: Verdict) -> list[str]:
    return [_worded(one) for one in (verdict.auc, verdict.brier, verdict.lift)]


def _worded(found: Estimate | None) -> str:
    return f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]" if found else "-"
