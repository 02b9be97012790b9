"""`sidecar compare`: alignment beside the CRM's lead score. `sidecar risk`: who is drifting away and why. Both as words and as JSON."""

from typing import Annotated

import typer
from pydantic import ValidationError
from rich.table import Table

from models import Purpose
from pipelines.understand.outlook.compare import Estimate, Verdict
from pipelines.understand.outlook.settings import LeadScoreSettings
from pipelines.understand.outlook.side_by_side import SideBySide
from pipelines.understand.outlook.side_by_side import compare as compared
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.options import Json
from service.plain import PlainGroup
from service.portrait import believes
from service.risks import Risk, at_risk, get_risk
from service.self_models import SelfModels

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


@app.command()
def risk(
    person: Annotated[
        str | None, typer.Argument(help="E-mail address, person id, CRM id or record key; or --all.")
    ] = None,
    everybody: Annotated[
        bool, typer.Option("--all", help="Those to look at first, who drift away before all.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many of them.")] = 10,
    purpose: Annotated[Purpose, typer.Option(help="What you look for; it is recorded.")] = Purpose.sales,
    json: Json = False,
) -> None:
    """Say who is drifting away and why: the chance, what fell, and the beliefs with the words behind them."""
    if (person is None) != everybody:
        raise UsageError("Name one person, or ask for --all.")
    with opened() as workspace:
        models = SelfModels(workspace, actor="cli")
        asked = [person] if person is not None else at_risk(workspace, limit)
        found = [get_risk(models, one, purpose=purpose) for one in asked]
    if json:
        terminal.print_json(found if everybody else found[0])
    else:
        for one in found:
            show_risk(one)


def show_risk(found: Risk) -> None:
    """The sentence, what is likely next, and the words behind the reasons."""
    terminal.say(found.sentence)
    if found.risk is None:
        terminal.say(f"  {found.standing}")
    if found.next_action and found.next_chance is not None:
        terminal.say(f"  likely next: {found.next_action}, {found.next_chance:.0%} within 30 days ({found.next_standing})")  # fmt: skip
    for belief in found.because:
        for line in believes(belief):
            terminal.console.print(f"  {line}")


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
