"""`sidecar rules`: which identifiers may join records, and how far each is trusted; every change is a row with who, when and why."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from models.facts import Scope
from models.identity import IdentityRule
from models.store import transaction
from pipelines.stitch import rulebook as book
from pipelines.stitch.rulebook import BadRule, Rulebook
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.options import By, Json, Reason
from service.plain import PlainGroup
from service.terminal import console

HELP = "Which identifiers may join records, and how far each is trusted; every change is a row with who, when and why."
app = typer.Typer(cls=PlainGroup, pretty_exceptions_enable=False, no_args_is_help=True, help=HELP)


def _joining(scope: Scope) -> Scope:
    if scope == Scope.internal:
        raise UsageError("Rules join persons or accounts; choose the scope person or account.")
    return scope


WhichScope = Annotated[Scope, typer.Argument(metavar="person|account", callback=_joining)]
Kind = Annotated[str, typer.Argument(help="Kind of identifier: email, phone, fbp …")]
NEXT = "It holds from the next stitch on, which goes over all records again: sidecar run stitch"


@app.command("list")
def listed(*, json: Json = False) -> None:
    """Show the rules that stand, strongest first, and where each comes from."""
    with opened() as workspace, transaction(workspace.store) as session:
        rules = book.rulebook(session)
    if json:
        terminal.print_json(_plain(rules))
    else:
        for scope in (Scope.person, Scope.account):
            _show(rules, scope)


@app.command("set")
def change(
    scope: WhichScope,
    kind: Kind,
    why: Reason,
    by: By = None,
    *,
    priority: Annotated[int | None, typer.Option(help="Lower is stronger.")] = None,
    normaliser: Annotated[str | None, typer.Option(help="What makes values comparable.")] = None,
    max_records: Annotated[int | None, typer.Option(help="A value on more records joins nobody.")] = None,
    max_values: Annotated[str | None, typer.Option(help="Values by which one may hang together, or none.")] = None,
    same_name: Annotated[bool | None, typer.Option("--same-name/--any-name", help="Names must agree, too.")] = None,
    one_ever: Annotated[bool | None, typer.Option("--one-ever/--several", help="One has at most one of them.")] = None,
    block: Annotated[list[str] | None, typer.Option(help="A pattern (RE2) of values that join nobody.")] = None,
    unblock: Annotated[list[str] | None, typer.Option(help="A pattern that blocks no more.")] = None,
    enable: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether the kind joins anybody.")] = None,
    json: Json = False,
) -> None:
    """Change a rule, or make one for a kind that has none; what is not named stays as it is."""
    said = {
        "priority": priority, "normaliser": normaliser, "max_records": max_records, "needs_same_name": same_name,
        "one_ever": one_ever, "enabled": enable,
    }  # fmt: skip
    wanted: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    with opened() as workspace, transaction(workspace.store) as session:
        try:
            decision = book.deciding(by, why, workspace.clock.now())
            rules = book.rulebook(session)
            if max_values is not None:
                wanted["max_values"] = _limit(max_values)
            if block or unblock:
                wanted["blocked"] = _blocked(rules, scope, kind, block or [], unblock or [])
            rule = book.changed(rules, scope, kind, wanted)
            changed = book.decide(session, rule, decision)
        except BadRule as error:
            raise UsageError(str(error)) from error
    if json:
        terminal.print_json({"changed": changed, "rule": asdict(rule)})
    else:
        terminal.say(f"Changed. {NEXT}" if changed else "That is what stands already; nothing was written.")


@app.command()
def reset(
    scope: WhichScope,
    why: Reason,
    kind: Annotated[str | None, typer.Argument(help="Kind of identifier; all kinds, if left out.")] = None,
    by: By = None,
    *,
    json: Json = False,
) -> None:
    """Go back to the product's own rule of a kind, or of all kinds of a scope."""
    with opened() as workspace, transaction(workspace.store) as session:
        try:
            kinds = book.reset(session, scope, kind, book.deciding(by, why, workspace.clock.now()))
        except BadRule as error:
            raise UsageError(str(error)) from error
    if json:
        terminal.print_json({"reset": kinds})
    elif kinds:
        terminal.say(f"Back to the product's own rules: {', '.join(kinds)}. {NEXT}")
    else:
        terminal.say("Nobody had decided otherwise; nothing was written.")


@app.command()
def history(*, json: Json = False) -> None:
    """Show every decision on rules, the oldest first: who, when, why, and what became of it."""
    with opened() as workspace, transaction(workspace.store) as session:
        rows = book.history(session)
    if json:
        terminal.print_json([row.model_dump() for row in rows])
    else:
        _show_history(rows)


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    try:
        return int(text)
    except ValueError as error:
        raise BadRule(f"--max-values is {text!r}; give a whole number, or none for no limit.") from error


def _blocked(rules: Rulebook, scope: Scope, kind: str, block: Sequence[str], unblock: Sequence[str]) -> tuple[str, ...]:
    rule = rules.find(scope, kind)
    patterns = rule.blocked if rule else ()
    unknown = [pattern for pattern in unblock if pattern not in patterns]
    if unknown:
        raise BadRule(
            f"Rule {scope} {kind!r} does not block {unknown[0]!r}; `sidecar rules list --json` has its patterns."
        )
    return tuple(dict.fromkeys([*(one for one in patterns if one not in unblock), *block]))


def _plain(rules: Rulebook) -> dict[str, Any]:
    return {
        str(scope): {
            "version": rules.version(scope),
            "rules": [{**asdict(rule), "decided": (scope, rule.kind) in rules.decided} for rule in rules.of(scope)],
        }
        for scope in (Scope.person, Scope.account)
    }


def _show(rules: Rulebook, scope: Scope) -> None:
    table = Table(title=f"{scope}s · version {rules.version(scope)}", title_justify="left", box=None, pad_edge=False)
    for heading in ("kind", "priority", "normaliser", "records", "values", "conditions", "blocks", "from"):
        table.add_column(heading)
    for rule in rules.of(scope):
        conditions = [
            words
            for words, holds in (
                ("same name", rule.needs_same_name),
                ("one ever", rule.one_ever),
                ("off", not rule.enabled),
            )
            if holds
        ]
        source = "you" if (scope, rule.kind) in rules.decided else "product"
        numbers = (
            str(rule.priority),
            rule.normaliser,
            f"≤ {rule.max_records}",
            f"≤ {rule.max_values}" if rule.max_values else "any",
        )
        table.add_row(rule.kind, *numbers, ", ".join(conditions), str(len(rule.blocked)), source)
    console.print(table)


def _show_history(rows: Sequence[IdentityRule]) -> None:
    if not rows:
        terminal.say("Nobody has decided on a rule yet; the product's own stand.")
    for row in rows:
        until = (
            f", until {row.superseded_at:%Y-%m-%d %H:%M} by {row.superseded_by}: {row.superseded_because}"
            if row.superseded_at
            else ""
        )
        console.print(
            escape(
                f"{row.decided_at:%Y-%m-%d %H:%M} UTC  {row.scope} {row.kind}  by {row.decided_by}: {row.reason}{until}"
            ),
            soft_wrap=True,
            highlight=False,
        )
