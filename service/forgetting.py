"""`sidecar forget`: everything held of one person goes, from lake, store, ledger and CRM fields, and no pull brings it back."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from sqlmodel import select

from models import Audit, Erasure, Identifier, Purpose
from models.base import new_id
from models.store import transaction
from pipelines.ingest.forgotten import address_hash
from pipelines.ingest.staging import StreamBusyError
from pipelines.understand import erasure
from pipelines.understand.erasure import Theirs
from pipelines.workspace import Workspace
from pipelines.write_back.erasure import close, erasures
from service import terminal, writing
from service.environment import opened
from service.errors import LeftUndoneError, UsageError
from service.options import Json
from service.people import find_person, is_tombstone
from service.plain import PlainGroup

app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False)


@dataclass(frozen=True)
class Outcome:
    """What became of it: rows that went from lake and store, erasures that are not done, and which CRMs refused and why."""

    rows: int
    waiting: list[Erasure]
    refused: tuple[str, ...]


@app.command()
def forget(
    person: Annotated[
        str | None,
        typer.Argument(help="E-mail address, person id, CRM id or record key; left out: go on with what was begun."),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it, and do not ask.")] = False,
    json: Json = False,
) -> None:
    """Erase everything held of a person for good, and keep it from coming back; shows first what would go."""
    with opened() as workspace:
        if person is not None and not is_begun(workspace, person):
            found = found_of(workspace, person)
            if not yes:
                _show(found, json=json)
            if json and not yes:
                return
            if not yes:
                terminal.confirm("This cannot be taken back. Forget them?")
            decide(workspace, found, actor="cli")
        outcome = carry_out(workspace)
    if json:
        terminal.print_json(outcome)
    else:
        _tell(outcome)
    if outcome.refused:
        raise typer.Exit(1)


def found_of(workspace: Workspace, asked: str) -> Theirs:
    """What is held of somebody. UsageError if nobody, or more than one person, is known by that name."""
    lake, store = workspace.lake, workspace.store
    try:
        with transaction(store) as session:
            person_id = find_person(session, lake, asked)
    except UsageError:
        found = erasure.theirs(lake, store, "", _borne_by_nobody(workspace, asked))
        if found.records:  # their records were deleted at the vendors, which the change log outlives
            return found
        raise
    return erasure.theirs(lake, store, person_id)


def is_begun(workspace: Workspace, asked: str) -> bool:
    """Whether this person was forgotten already, as far as a name that is kept only as a hash can tell."""
    with transaction(workspace.store) as session:
        decided = session.exec(select(Erasure).where(Erasure.person_id == asked.strip())).first()
        return bool(decided) or is_tombstone(session, asked)


def decide(workspace: Workspace, found: Theirs, *, actor: str) -> Erasure:
    """Write down that they are to be forgotten, and who said so; nothing has gone yet."""
    now = workspace.clock.now()
    with transaction(workspace.store) as session:
        session.add(
            Audit(
                id=new_id(now), actor=actor, action="forget", purpose=Purpose.subject, entity_id=found.person_id, at=now
            )
        )
    return erasure.decide(workspace.store, found, by=actor, clock=workspace.clock)


def carry_out(workspace: Workspace) -> Outcome:
    """Do what was decided and is not done, as far as that is possible now; nothing where nothing waits.

    Errors: LeftUndoneError while somebody pulls; LakeBusyError. Running again goes on.
    """
    store, rows, refused = workspace.store, 0, tuple[str, ...]()
    if any(one.erased_at is None for one in erasures(store)):
        try:
            rows = erasure.erase(workspace.lake, store, workspace.staging, workspace.clock)
        except StreamBusyError as error:
            raise LeftUndoneError(f"It is decided, but not done: {error}, then: sidecar forget") from error
    if any(one.shown for one in erasures(store)):
        refused = _asked_of_crms(workspace)
    return Outcome(rows, close(store, workspace.clock), refused)


def _asked_of_crms(workspace: Workspace) -> tuple[str, ...]:
    """Have every CRM emptied that is set up; why one was not, or that none is."""
    try:
        return writing.forget(workspace).refused
    except UsageError as error:
        return (str(error),)


def _borne_by_nobody(workspace: Workspace, asked: str) -> frozenset[int]:
    """The hash of an address that no living record bears."""
    hashed = address_hash(asked)
    told = workspace.lake.facts(Identifier)
    live = told.filter(told.value_hash == hashed).count().to_pyarrow().as_py()
    return frozenset() if live else frozenset({hashed})


def _show(found: Theirs, *, json: bool) -> None:
    if json:
        terminal.print_json(_counts(found))
        return
    terminal.say(
        f"{len(found.records)} records would go, and no pull would bring them back, nor any other with one of "
        f"{len(found.identifiers)} identifiers that nobody else has."
    )
    for where, rows in {**found.lake, **found.store}.items():
        terminal.say(f"  {rows:>6}  {where}")
    terminal.say(f"  {len(found.shown):>6}  CRM records whose fields of ours would be emptied")
    if found.mentions:
        terminal.say(f"{len(found.mentions)} records of others name them and stay; edit these at the vendor:")
    for record in found.mentions:
        terminal.say(f"  {record}")


def _counts(found: Theirs) -> dict[str, Any]:
    return {
        "person_id": found.person_id or None,
        "records": found.records,
        "identifiers": len(found.identifiers),
        "lake": found.lake,
        "store": found.store,
        "crm_records": found.shown,
        "mentions": found.mentions,
    }


def _tell(outcome: Outcome) -> None:
    gone = (
        f"{outcome.rows} rows are gone from lake and store" if outcome.rows else "Lake and store hold nothing of them"
    )
    terminal.say(f"{gone}; journeys and figures are made anew by: sidecar run")
    for reason in outcome.refused:
        terminal.say(f"CRM fields still show something: {reason}; go on with: sidecar forget")
    if outcome.waiting and not outcome.refused:
        terminal.say(
            f"{len(outcome.waiting)} erasures end with the next write-back: fields of companies and deals that name them, "
            "or that a human has filled, are still there."
        )
