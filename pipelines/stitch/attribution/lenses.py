"""The two questions of this room: which channel, and which ad, brought the money, by whichever model one believes in."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import channel_in_words
from pipelines.stitch.attribution.report import ads, channels
from pipelines.stitch.attribution.rules import MODELS
from pipelines.stitch.attribution.tables import RETURNS, UNATTRIBUTED
from pipelines.stitch.lens.answer import Answer, Chart, Kind, Lens, Options, chosen, in_words
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace

Read = Callable[[Lake, str], list[dict[str, Any]]]
USUAL = "linear"
"""The model that is taken where none is named: it takes no view on which touch counted."""
COLUMNS = {
    "which": Kind.text, "customers": Kind.number, "net": Kind.money, "lifetime": Kind.money, "spend": Kind.money,
    "roas": Kind.ratio, "cac": Kind.money,
}  # fmt: skip
NOT_STITCHED = "Nothing has been attributed yet; `sidecar run` pulls and stitches."
NOTHING = "No {kind} has brought a customer or cost anything yet."
SPELT = {model.replace("_", " "): model for model in MODELS}
LONGEST = 15


def _ask(workspace: Workspace, options: Options, *, kind: str, read: Read) -> Answer:
    model = SPELT[chosen(options.by, tuple(SPELT), USUAL)]
    if workspace.lake.table(RETURNS.name) is None:
        return Answer(NOT_STITCHED)
    found = [
        {**row, "which": _which(row), "customers": round(row["customers"], 1)} for row in read(workspace.lake, model)
    ]
    if not found:
        return Answer(NOTHING.format(kind=kind))
    currency = Rates.of(workspace.settings).reporting(workspace.lake)
    rows = [{name: row[name] for name in COLUMNS} for row in found]
    chart = Chart("attributed net revenue", [(row["which"], row["net"]) for row in rows[:LONGEST]], Kind.money)
    return Answer(sentence(found, model, kind, currency), COLUMNS, rows, chart, currency, _notes(found, model))


def _which(row: dict[str, Any]) -> str:
    return str(row["ad"] or row["ad_id"]) if "ad_id" in row else channel_in_words(row["channel"])


def sentence(rows: Sequence[dict[str, Any]], model: str, kind: str, currency: str | None) -> str:
    """Which brought the most, its share of what all of them brought, and what was paid for nothing. Shape: rows by `net`, the most first."""
    brought = [row for row in rows if row.get("channel") != UNATTRIBUTED]  # what no touch explains, no channel brought
    best, whole = (brought or rows)[0], sum(row["net"] for row in brought)
    said = (
        f"By the model {model.replace('_', ' ')}, {best['which']} brought the most: {in_words(best['net'], currency)}"
    )
    if whole > 0:
        said += f", {best['net'] / whole:.0%} of what {kind}s brought"
    barren = [row for row in rows if row["spend"] > 0 and row["net"] <= 0]
    if barren:
        lost = in_words(sum(row["spend"] for row in barren), currency)
        said += f"; {len(barren)} of {len(rows)} {kind}s cost {lost} and brought nothing"
    return f"{said}."


def _notes(found: Sequence[dict[str, Any]], model: str) -> list[str]:
    others = ", ".join(name for name in SPELT if SPELT[name] != model)
    notes = [
        f"`--by` takes another model: {others}.",
        "net is credited purchase by purchase; lifetime is all that the customers won ever paid.",
    ]
    if without := round(sum(row["without_rate"] for row in found)):
        notes.append(
            f"{without:,} purchases and costs are in currencies without a rate and are not in the sums (SIDECAR_RATES)."
        )
    return notes


LENSES = (
    Lens(
        "attribution",
        "Which channel brought the money?",
        partial(_ask, kind="channel", read=channels),
        frozenset({"by"}),
    ),
    Lens(
        "ads", "Which ad brought the money, and which cost it?", partial(_ask, kind="ad", read=ads), frozenset({"by"})
    ),
)
