"""`sidecar slots`: the topics a belief can be about. Rows: a new one is read into with the next run, without a change of code."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table
from sqlmodel import Session, select

from models import Slot
from models.store import transaction
from pipelines.understand import slots
from pipelines.understand.slots import STANCE, BadSlot
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.options import Json
from service.plain import PlainGroup
from service.terminal import console

HELP = "The topics a belief can be about: seventeen ship, add your own."
app = typer.Typer(cls=PlainGroup, no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
Name = Annotated[str, typer.Argument(help="Short name: small letters, digits, underscores.")]
NEXT = (
    "It holds from the next run on. A language model then reads every text anew, as it is told something else; the embedded extractor "
    "fills only the slots that ship."
)


@app.command("list")
def listed(*, json: Json = False) -> None:
    """Show all slots, those that are retired too."""
    with opened() as workspace:
        slots.seed(workspace.store)
        with transaction(workspace.store) as session:
            rows = [slot.model_dump() for slot in session.exec(select(Slot).order_by(Slot.name)).all()]
    if json:
        terminal.print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("slot", "a belief about", "for example", "half-life", "valence"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        name = row["name"] if row["active"] else f"{row['name']} (retired)"
        table.add_row(
            *map(
                escape,
                (name, row["description"], row["example"], f"{row['half_life_days']:g} d", f"{row['valence']:g}"),
            )
        )
    console.print(table)


@app.command()
def add(
    name: Name,
    about: Annotated[str, typer.Option("--about", help="Completes: a belief about …")],
    example: Annotated[str, typer.Option("--example", help="One belief in this slot.")],
    half_life: Annotated[float, typer.Option("--half-life", help="Days after which a silent belief has lost half its certainty.")] = 120,
    valence: Annotated[float, typer.Option("--valence", help="Weight of a held belief in the stance, -1 to 1; 0 if it says nothing about us.")] = STANCE,
    *,
    json: Json = False,
) -> None:  # fmt: skip
    """Add a slot of your own."""
    slot = Slot(name=name, description=about, example=example, half_life_days=half_life, valence=valence)
    with opened() as workspace:
        slots.seed(workspace.store)
        with transaction(workspace.store) as session:
            _tell(session, name, json=json, changed=_done(lambda: bool(slots.add(session, slot))))


@app.command()
def edit(
    name: Name,
    about: Annotated[str | None, typer.Option("--about", help="Completes: a belief about …")] = None,
    example: Annotated[str | None, typer.Option("--example", help="One belief in this slot.")] = None,
    half_life: Annotated[float | None, typer.Option("--half-life", help="Days.")] = None,
    valence: Annotated[float | None, typer.Option("--valence", help="-1 to 1.")] = None,
    active: Annotated[bool | None, typer.Option("--active/--retired", help="Whether extractors may use it.")] = None,
    *,
    json: Json = False,
) -> None:
    """Change a slot; what is not named stays as it is."""
    said = {"description": about, "example": example, "half_life_days": half_life, "valence": valence, "active": active}
    wanted = {column: value for column, value in said.items() if value is not None}
    with opened() as workspace:
        slots.seed(workspace.store)
        with transaction(workspace.store) as session:
            _tell(session, name, json=json, changed=_done(lambda: slots.edit(session, name, wanted)))


@app.command()
def retire(name: Name, *, json: Json = False) -> None:
    """Read nothing into a slot: from the next run on it holds no beliefs, until `edit --active` brings them back."""
    with opened() as workspace:
        slots.seed(workspace.store)
        with transaction(workspace.store) as session:
            _tell(session, name, json=json, changed=_done(lambda: slots.retire(session, name)))


def _done(change: Callable[[], bool]) -> bool:
    try:
        return change()
    except BadSlot as error:
        raise UsageError(str(error)) from error


def _tell(session: Session, name: str, *, changed: bool, json: bool) -> None:
    if json:
        terminal.print_json({"changed": changed, "slot": session.get_one(Slot, name).model_dump()})
    else:
        terminal.say(f"Changed. {NEXT}" if changed else "That is what stands already; nothing was written.")
