"""One person drawn for a terminal: came, did, paid, believes, aligned, shown."""

from typing import Any

from rich.console import Group
from rich.markup import escape
from rich.text import Text

from connectors.registry import connectors_by_name
from models.money import major
from pipelines.stitch.arrivals import channel_in_words
from pipelines.understand.news import certainty
from service.held import AlignmentReading, HeldBelief, SelfModel
from service.terminal import console, day

SIGNS = {"positive": "[green]+[/green]", "negative": "[red]-[/red]", "neutral": "·"}

DONE = ("sessions", "calls", "emails", "messages", "meetings", "tickets", "tasks", "forms")
"""What a person did, in the order it is told."""


def show_self_model(model: SelfModel) -> None:
    """Print the person, a line or two for each question: came, did, paid, believes, aligned, shown."""
    console.print(portrait(model))


def portrait(model: SelfModel) -> Group:
    """The person as renderable lines."""
    title = " · ".join(part for part in (model.name, ", ".join(filter(None, (model.title, model.company)))) if part)
    lines = [
        Text.from_markup(f"[bold]{escape(title)}[/bold] · person {model.person_id} ({records(model)})"),
        *_labelled("came", [came(model.journey, model.acquisition_cost)]),
        *_labelled("did", [did(model.journey), *told_by(model.engagements)]),
        *_labelled("paid", paid(model.revenue)),
        *_labelled(
            "believes", [line for belief in model.beliefs for line in believes(belief)] or ["nothing we have words for"]
        ),
        *_labelled("aligned", [aligned(model.alignment)]),
        *_labelled(
            "shown",
            [f"{record}: {number} fields" for record, number in sorted(filled(model).items()) if number]
            or ["nothing yet"],
        ),
    ]
    return Group(*lines)


def filled(model: SelfModel) -> dict[str, int]:
    """How many fields of each CRM record say something; none after an undo."""
    return {record: sum(value is not None for value in fields.values()) for record, fields in model.shown.items()}


def records(model: SelfModel) -> str:
    """Such as "5 records: 2 salesforce, 3 stripe"."""
    counts: dict[str, int] = {}
    for record in model.records:
        vendor = record.split("/", 1)[0]
        counts[vendor] = counts.get(vendor, 0) + 1
    parts = ", ".join(f"{count} {vendor}" for vendor, count in sorted(counts.items()))
    return f"{len(model.records)} record{'s' if len(model.records) != 1 else ''}: {parts}"


def came(journey: dict[str, Any], cost: list[dict[str, Any]]) -> str:
    """The first touch, in words, and what it cost to bring them."""
    if not journey.get("first_touch_at"):
        return "no touch is known"
    said = " · ".join(escape(part) for part in _touch(journey) if part)
    spent = ", ".join(money(row["amount"], row["currency"]) for row in cost)
    return f"{day(journey['first_touch_at'])}  {said}" + (f"   cost {spent}" if spent else "")


def _touch(journey: dict[str, Any]) -> list[str | None]:
    """Such as Meta Ads, "ROI calculator" ad 6021, lead form; where no ad is known, its channel and source."""
    channel, ad_id = channel_in_words(journey["first_touch_channel"]), journey.get("first_touch_ad_id")
    if not ad_id:
        return [channel, journey.get("first_touch_source")]
    name = journey.get("first_touch_ad") or journey.get("first_touch_source")
    platform = connectors_by_name().get(journey.get("first_touch_platform") or "")
    return [platform.label if platform else None, f'"{name}" ad {ad_id}' if name else f"ad {ad_id}", channel]


def did(journey: dict[str, Any]) -> str:
    """Engagement in numbers, and when they were last seen; use of the product is told in sessions."""
    counts = {kind: journey.get(kind) or 0 for kind in DONE}
    told = " · ".join(f"{count} {_plural(kind, count)}" for kind, count in counts.items() if count) or "nothing yet"
    seen = max(filter(None, (journey.get("last_engaged_at"), journey.get("last_session_at"))), default=None)
    return f"{told} · last seen {day(seen)}" if seen else told


def told_by(engagements: list[dict[str, Any]]) -> list[str]:
    """A line for each system that tells of something, such as "HubSpot: 2 calls · 1 email"; none where only one does."""
    by_vendor: dict[str, list[str]] = {}
    for row in engagements:
        kind = "actions" if row["kind"] == "product" else f"{row['kind']}s"
        by_vendor.setdefault(row["vendor"], []).append(f"{row['times']} {_plural(kind, row['times'])}")
    labels = {name: connector.label for name, connector in connectors_by_name().items()}
    lines = [f"{escape(labels.get(vendor, vendor))}: {' · '.join(told)}" for vendor, told in by_vendor.items()]
    return lines if len(lines) > 1 else []


def _plural(kind: str, count: int) -> str:
    return kind if count != 1 else kind.removesuffix("s")


def paid(revenue: list[dict[str, Any]]) -> list[str]:
    """Net revenue per currency with what was taken off it."""
    return [_paid(row) for row in revenue] or ["nothing"]


def _paid(row: dict[str, Any]) -> str:
    taken = [f"{kind} {money(row[kind], row['currency'])}" for kind in ("refunded", "disputed", "tax") if row.get(kind)]
    less = f", less {', '.join(taken)}" if taken else ""
    return f"{money(row['net'], row['currency'])} net ({money(row['charged'], row['currency'])} charged{less})"


def money(minor: int, currency: str) -> str:
    """Such as "2,400.00 EUR", with as many digits after the point as the currency has."""
    return f"{major(minor, currency):,f} {currency.upper()}"


def believes(belief: HeldBelief) -> list[str]:
    """The belief, how sure and since when, and its latest words."""
    who = f"{escape(belief.holder)}: " if belief.holder else ""
    sure = "contested" if belief.contested else certainty(belief.confidence, belief.polarity)
    level = "" if belief.level == "explicit" else f" · {belief.level}"
    lines = [
        f"{belief.number}  {SIGNS[belief.polarity]}  {who}{escape(belief.statement)}  "
        f"[dim]{sure} {belief.confidence:.2f} {belief.calibration}{level} · {belief.evidence} · {belief.observations} observed · since {day(belief.since)}[/dim]"
    ]
    for quote in belief.quotes[-2:]:
        against = " [red](against)[/red]" if quote.side == "against" else ""
        words = f'"{escape(quote.words)}"' if quote.verbatim else escape(quote.words)
        lines.append(f"      {words}{against} [dim]({escape(quote.source)}, {day(quote.said_at)})[/dim]")
    return lines


def aligned(alignment: AlignmentReading | None) -> str:
    """Score, trend and its components."""
    if alignment is None:
        return "not known yet: up to the last understand run nothing was observed that tells"
    parts = " · ".join(
        f"{name} {part['value']:.2f} n{part['n']:.0f}" for name, part in sorted(alignment.components.items())
    )
    return f"{alignment.overall:.2f} {alignment.trend}  [dim]{escape(f'[{parts}]')} uncalibrated[/dim]"


def _labelled(label: str, lines: list[str]) -> list[Text]:
    first, *rest = lines
    return [
        Text.from_markup(f"[cyan]{label:<9}[/cyan] {first}"),
        *(Text.from_markup(f"{'':<9} {line}") for line in rest),
    ]
