"""`sidecar suggestions`: who might be the same, for a human to accept or refuse, one by one or in a spreadsheet."""

import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlmodel import Session, col, select

from models import Membership, Profile, Suggestion
from models.store import alone, transaction
from pipelines.ingest.lake import Lake
from pipelines.stitch.portions import portions
from pipelines.stitch.suggest import queue
from pipelines.workspace import Workspace
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.judging import deciding_by
from service.options import By, Json, Reason
from service.plain import PlainGroup

app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Who might be the same though no identifier says so: look, accept, refuse.",
)
SAID = ("name", "company", "city", "country")
"""What is shown of both sides, read from the lake when somebody asks; the queue itself holds no value."""
HEADINGS = (
    "id", "status", "scope", "probability", "weight",
    *(f"{side}_{column}" for side in ("left", "right") for column in ("record", *SAID, "records")),
    "evidence", "decided_by", "reason",
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # full width runs as well
"""What makes a spreadsheet run a cell (https://owasp.org/www-community/attacks/CSV_Injection)."""
MOST = 50
"""Suggestions on one screen; `--json` and the export have all."""

Which = Annotated[str, typer.Option(help="open, accepted, refused or closed.")]
Ids = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Ids, or as much of their beginnings as is unmistakable.")
]


@dataclass(frozen=True)
class Side:
    """One of the two: the record that stands for them, what their oldest records say, and how many records they have."""

    record: str
    name: str | None
    company: str | None
    city: str | None
    country: str | None
    records: int


@dataclass(frozen=True)
class Shown:
    """A suggestion as a human reads it."""

    id: str
    status: str
    scope: str
    probability: float
    weight: float
    left: Side
    right: Side
    evidence: list[dict[str, Any]]
    decided_by: str | None
    reason: str | None


@app.command("list")
def list_(status: Which = queue.OPEN, json: Json = False) -> None:
    """The suggestions, likeliest first, with both sides and what speaks for them."""
    with opened() as workspace:
        found = shown(workspace, status)
    if json:
        terminal.print_json(found)
    else:
        _show(found, status)


@app.command()
def accept(ids: Ids, why: Reason, by: By = None, json: Json = False) -> None:
    """They are the same: judged so, and joined by the next stitch."""
    _decide(ids, same=True, by=by, why=why, json=json)


@app.command()
def refuse(ids: Ids, why: Reason, by: By = None, json: Json = False) -> None:
    """They are not the same: kept apart, and never suggested again."""
    _decide(ids, same=False, by=by, why=why, json=json)


@app.command()
def export(
    file: Annotated[str, typer.Argument(help="Where to write the CSV; - is standard output.")],
    status: Which = queue.OPEN,
) -> None:
    """Write the suggestions as a table for a spreadsheet, one row per pair, with the evidence in words."""
    with opened() as workspace:
        found = shown(workspace, status)
    if file == "-":
        _write(sys.stdout, found)
        return
    Path(file).touch(mode=0o600)  # customers' names
    with Path(file).open("w", newline="", encoding="utf-8-sig") as out:  # the mark tells Excel that it is UTF-8
        _write(out, found)
    terminal.say(
        f"{len(found)} suggestions are in {file}; decide with: sidecar suggestions accept|refuse ID --why REASON"
    )


def shown(workspace: Workspace, status: str) -> list[Shown]:
    """The suggestions of a status, likeliest first. UsageError for a status that there is not."""
    if status not in {queue.OPEN, *queue.DECIDED, queue.CLOSED}:
        raise UsageError(f"There is no status {status!r}; choose from open, accepted, refused and closed.")
    with transaction(workspace.store) as session:
        rows = session.exec(select(Suggestion).where(Suggestion.status == status)).all()
        members = _members(session, rows)
    said = _said(workspace.lake, {record for records in members.values() for record in records})
    ordered = sorted(rows, key=lambda row: (-row.weight, row.id))
    return [_as_shown(row, members, said) for row in ordered]


def in_words(evidence: Iterable[dict[str, Any]]) -> str:
    """`name: the same (+9.8), city: different (-2.1)`: the waterfall in one line."""
    return ", ".join(f"{one['signal']}: {one['words']} ({one['bits']:+.1f})" for one in evidence)


def _decide(ids: Sequence[str], *, same: bool, by: str | None, why: str, json: bool) -> None:
    with opened() as workspace, transaction(workspace.store) as session:
        said = deciding_by(workspace, by, why)
        alone(session, queue.STAGE)
        try:
            rows = [queue.decide(session, one, same=same, by=said.by, reason=said.reason, now=said.at) for one in ids]
        except (queue.UnknownSuggestion, queue.AlreadyDecided) as error:
            raise UsageError(f"Nothing was decided: {error}.") from error
    if json:
        terminal.print_json(
            [{"id": row.id, "status": row.status, "left": row.left, "right": row.right} for row in rows]
        )
        return
    for row in rows:
        terminal.say(f"{row.left} and {row.right}: {row.status}. The next stitch follows: sidecar run stitch")


def _members(session: Session, rows: Iterable[Suggestion]) -> dict[str, list[str]]:
    """For each record that stands for somebody, all records of the same entity; itself alone if it is gone."""
    heads = {record for row in rows for record in (row.left, row.right)}
    homes = queue.homes_of(session, heads)
    by_home: dict[str, list[str]] = {}
    for entities in portions(sorted(set(homes.values()))):
        some = col(Membership.entity_id).in_(entities)
        for record, entity in session.exec(select(Membership.record, Membership.entity_id).where(some)):
            by_home.setdefault(entity, []).append(record)
    return {head: sorted(by_home[homes[head]]) if head in homes else [head] for head in heads}


def _said(lake: Lake, records: set[str]) -> dict[str, dict[str, Any]]:
    """What the profiles of these records say."""
    profile = lake.facts(Profile).select("record", *SAID)
    rows = profile.filter(profile.record.isin(sorted(records))).to_pyarrow().to_pylist() if records else []
    return {row["record"]: row for row in rows}


def _as_shown(row: Suggestion, members: dict[str, list[str]], said: dict[str, dict[str, Any]]) -> Shown:
    left, right = (_side(record, members[record], said) for record in (row.left, row.right))
    return Shown(
        row.id,
        row.status,
        row.scope,
        row.probability,
        row.weight,
        left,
        right,
        row.evidence,
        row.decided_by,
        row.reason,
    )


def _side(record: str, members: Sequence[str], said: dict[str, dict[str, Any]]) -> Side:
    told = [said[one] for one in members if one in said]
    first = {column: next((one[column] for one in told if one[column]), None) for column in SAID}
    return Side(record, **first, records=len(members))


def _show(found: Sequence[Shown], status: str) -> None:
    if not found:
        terminal.say(f"No suggestion is {status}.")
    for one in found[:MOST]:
        terminal.console.print(f"[bold]{one.id[:12]}[/bold] {one.scope}, {one.probability:.1%}", highlight=False)
        for side in (one.left, one.right):
            told = ", ".join(str(value) for column in SAID if (value := getattr(side, column)))
            terminal.console.print(
                f"  {escape(told or 'nothing known')}  [dim]{escape(side.record)} ({side.records} records)[/dim]",
                soft_wrap=True,
                highlight=False,
            )
        terminal.console.print(f"  {escape(in_words(one.evidence))}", soft_wrap=True, highlight=False)
        if one.decided_by:
            terminal.console.print(
                f"  {one.status} by {escape(one.decided_by)}: {escape(one.reason or '')}", soft_wrap=True
            )
    if len(found) > MOST:
        terminal.say(f"… and {len(found) - MOST} more; --json and `sidecar suggestions export FILE` have them all.")


def _write(out: Any, found: Iterable[Shown]) -> None:
    writer = csv.writer(out)
    writer.writerow(HEADINGS)
    writer.writerows([_harmless(cell) for cell in _cells(one)] for one in found)


def _cells(one: Shown) -> Iterator[Any]:
    yield from (one.id, one.status, one.scope, one.probability, one.weight)
    for side in (one.left, one.right):
        yield from (side.record, side.name, side.company, side.city, side.country, side.records)
    yield from (in_words(one.evidence), one.decided_by, one.reason)


def _harmless(cell: Any) -> Any:
    """A text that a spreadsheet would run is written as text."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
