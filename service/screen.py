"""What a rep sees: one record drawn as a page like those of a CRM, with the values that the CRM itself gives back.

Nothing of it is kept but the one file that was asked for. The order is that of docs/crm-layouts.md: highlights, the section Beliefs, and
what the rep fills in.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from html import escape
from pathlib import Path
from typing import Annotated

import typer

from connectors.base import Crm, FieldSpec, FieldValue
from connectors.errors import ConnectorError
from models.keys import RecordKey
from pipelines.write_back.fields import ANSWERS, LOCK, carried_by
from service import terminal, writing
from service.environment import opened
from service.errors import UsageError

NAMES = ("Name", "firstname", "lastname", "name", "dealname")
"""What each CRM calls a record's own name; those that a CRM has not are asked for in vain."""
HIGHLIGHTS = ("alignment_band", "alignment_score", "top_belief", "trend", "updated_at")
TALL = ("summary",)
FOLDED = ("evidence",)
STYLE = """
body { margin: 0; background: #f1f3f6; color: #1c2733; font: 14px/1.45 "DejaVu Sans", Arial, sans-serif; }
main { max-width: 1040px; margin: 24px auto; }
section, header { background: #fff; border: 1px solid #d9dfe6; border-radius: 6px; margin-bottom: 14px; padding: 16px 20px; }
header small, dt { color: #5b6b7b; font-size: 12px; } h1 { margin: 2px 0 12px; font-size: 21px; } h2 { margin: 0 0 12px; font-size: 15px; }
dl { display: grid; grid-template-columns: 1fr 1fr; gap: 10px 28px; margin: 0; } dd { margin: 2px 0 0; min-height: 20px; white-space: pre-wrap; overflow-wrap: anywhere; }
.wide { grid-column: 1 / -1; } header dl { grid-template-columns: 1fr 1fr 3.4fr 1fr 1.4fr; }
.box { border: 1px solid #c3ccd6; border-radius: 4px; padding: 4px 8px; min-height: 20px; background: #fcfdfe; }
details { margin-top: 12px; } summary { cursor: pointer; color: #2b5c8a; } .empty { color: #9aa7b4; }
"""


def screen(
    record: Annotated[str, typer.Argument(help="Record key, vendor/account/object/id, as `sidecar show` prints it.")],
    out: Annotated[Path, typer.Option(help="The file to draw it in; it holds customers' words.")] = Path("screen.html"),
) -> None:
    """Draw what a rep sees on one CRM record, with the values that the CRM gives back, as a page of HTML."""
    try:
        key = RecordKey.parse(record)
    except ValueError as error:
        raise UsageError(f"{error}.") from None
    with opened() as workspace:
        crm = writing.open_crm(workspace, key.vendor)
        out.touch(mode=0o600)
        out.write_text(page(crm, key), encoding="utf-8")
    terminal.say(f"Drawn in {out}.")


def page(crm: Crm, key: RecordKey) -> str:
    """The page. UsageError if the CRM has no such record, or one that carries none of our fields."""
    subject = next((subject for subject, names in crm.subjects.items() if key.object in names), None)
    if subject is None or key.account != crm.account:
        raise UsageError(f"{key} is no record that shows beliefs; {crm.account} has {', '.join(_objects(crm))}.")
    names = [crm.field_name(spec) for spec in carried_by(subject)]
    try:
        found = crm.read(key.object, [key.id], [*names, *_own_names(key.vendor)])
    except ConnectorError as error:
        raise UsageError(f"{key} cannot be read ({error}); write its key as `sidecar show` prints it.") from error
    if key.id not in found:
        raise UsageError(f"{key} is not there: deleted, merged or converted.")
    values = found[key.id]
    title = " ".join(str(values[name]) for name in NAMES if values.get(name)) or key.id
    seen = {spec.name: spec for spec in carried_by(subject) if not spec.hidden}

    def told(spec: FieldSpec) -> str:
        return _shown(spec, values.get(crm.field_name(spec)))

    answers = {spec.name for spec in ANSWERS}
    rest = [spec for name, spec in seen.items() if name not in {*HIGHLIGHTS, *FOLDED, *answers}]
    return "".join(
        [
            f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style><main>",
            f"<header><small>{escape(key.object.capitalize())}</small><h1>{escape(title)}</h1>",
            _list([seen[name] for name in HIGHLIGHTS], told),
            "</header><section><h2>Beliefs</h2>",
            _list(sorted(rest, key=lambda spec: spec.name not in TALL), told),
            "".join(
                f"<details><summary>{escape(_label(seen[one]))}</summary><dl>{_item(seen[one], told, bare=True)}</dl></details>"
                for one in FOLDED
            ),
            "</section><section><h2>Your answer</h2>",
            _list([seen[spec.name] for spec in ANSWERS], told),
            "</section></main></html>\n",
        ]
    )


def _objects(crm: Crm) -> list[str]:
    return [name for names in crm.subjects.values() for name in names]


def _own_names(vendor: str) -> tuple[str, ...]:
    """Salesforce refuses fields that it does not know."""
    return NAMES[:1] if vendor == "salesforce" else NAMES[1:]


def _list(specs: Iterable[FieldSpec], told: Callable[[FieldSpec], str]) -> str:
    return f"<dl>{''.join(_item(spec, told) for spec in specs)}</dl>"


def _item(spec: FieldSpec, told: Callable[[FieldSpec], str], *, bare: bool = False) -> str:
    wide = ' class="wide"' if spec.kind == "long_text" else ""
    label = "" if bare else f'<dt title="{escape(spec.help)}">{escape(_label(spec))}</dt>'
    box = ' class="box"' if spec.reps_edit and spec is not LOCK else ""
    return f"<div{wide}>{label}<dd{box}>{told(spec)}</dd></div>"


def _label(spec: FieldSpec) -> str:
    """The page says Beliefs above them all."""
    return spec.label.removeprefix("Belief: ")


def _shown(spec: FieldSpec, value: FieldValue) -> str:
    """As a CRM shows it in English; empty fields show a dash, as both CRMs do."""
    if spec.kind == "checkbox":
        return "&#9745;" if value else "&#9744;"
    if value is None or value == "":
        return "" if spec.reps_edit else '<span class="empty">&ndash;</span>'
    if spec.kind == "datetime":
        return f"{datetime.fromisoformat(str(value)):%d %b %Y, %H:%M}"
    if isinstance(value, int | float):
        number = f"{value:,.{spec.scale}f}"
        return f"{number.rstrip('0').rstrip('.') if spec.kind == 'percent' else number}{'%' if spec.kind == 'percent' else ''}"
    return escape(str(value))
