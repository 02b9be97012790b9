"""The four questions of this room, answered in a sentence, rows and a chart."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import ads, channel_in_words
from pipelines.stitch.derived import JOURNEYS, RECEIPTS
from pipelines.stitch.lens import economics as economy
from pipelines.stitch.lens import idle
from pipelines.stitch.lens import segments as worth
from pipelines.stitch.lens.answer import Answer, Chart, Kind, Lens, Options, chosen, in_words
from pipelines.stitch.lens.bridge import Bridge, bridge
from pipelines.stitch.lens.calendar import Span, local_day, span
from pipelines.stitch.lens.causes import causes, elsewhere, sentence, words
from pipelines.stitch.lens.decompose import FACTORS, Cell
from pipelines.stitch.lens.measures import AD, CHANNEL, DIMENSIONS, DIRECT, NO_AD, measure
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace

NOT_STITCHED = "Nothing has been stitched yet, so there is nobody to speak of; `sidecar run` pulls and stitches."
NO_MONEY = "No payment has landed yet; connect Stripe (`sidecar doctor` says how), then `sidecar run`."
NO_SESSIONS = (
    "No visit has landed yet; connect product events or HubSpot (`sidecar doctor` says how), then `sidecar run`."
)
SHARES = "Intervals are 95 % each, by Poisson bootstrap; chances are Welch's, corrected for {looks} looks by Benjamini and Hochberg."


def ask_bridge(workspace: Workspace, options: Options) -> Answer:
    """Why did revenue change from one day, or span of days, to another?"""
    lake, zone = workspace.lake, LensSettings().home
    yesterday = local_day(workspace.clock.now(), zone) - timedelta(days=1)
    after = span(options.day, zone) if options.day else Span(yesterday, yesterday, zone)
    before = span(options.against, zone) if options.against else after.before()
    by = chosen(options.by, DIMENSIONS, CHANNEL) if options.by else None
    if missing := _missing(lake, money=True):
        return missing
    made, names = bridge(*measure(lake, [before, after])), ad_names(lake)
    reasons: list[dict[str, Any]] = [
        {"reason": words(made, cause, names), "amount": cause.amount, "share": cause.share} for cause in causes(made)
    ]
    if rest := elsewhere(made):
        reasons.append({"reason": "the same, elsewhere", "amount": rest, "share": rest / made.change})
    columns = {"reason": Kind.text, "amount": Kind.money, "share": Kind.share}
    unknown = made.before.unknown + made.after.unknown
    return Answer(
        sentence(made, names) if before.starts_at != after.starts_at or made.change else f"{after.words} is compared with itself.",
        _member_columns() if by else columns,
        list(_members(made, by, names)) if by else reasons,
        Chart("what changed", [(row["reason"], row["amount"]) for row in reasons], Kind.money),
        Rates.of(workspace.settings).reporting(lake),
        [
            f"Revenue is net of refunds, disputes and tax; days begin at midnight in {zone.key} (SIDECAR_ZONE).",
            *([f"{unknown} movements in a currency without a rate are left out (SIDECAR_RATES)."] if unknown else []),
            *([latest] if (latest := _latest(lake, made)) else []),
        ],
    )  # fmt: skip


def ask_sessions(workspace: Workspace, options: Options) -> Answer:
    """Which sessions earned nothing, and what did they cost?"""
    lake, rates = workspace.lake, Rates.of(workspace.settings)
    by = chosen(options.by, (CHANNEL, AD), CHANNEL)
    if missing := _missing(lake):
        return missing
    column, none = ("ad_id", NO_AD) if by == AD else ("channel", DIRECT)
    found, rest = idle.by(lake, idle.idle(lake, workspace.clock.now()).cache(), rates, column, none=none)
    if not found:
        return Answer(NO_SESSIONS)
    names, currency = ad_names(lake), rates.reporting(lake)
    rows = [{**vars(one), "share": one.share, by: _member(by, one.which, names)} for one in found]
    columns = {
        by: Kind.text, "sessions": Kind.number, "nothing": Kind.number, "open": Kind.number, "share": Kind.share,
        "cost": Kind.money, "wasted": Kind.money,
    }  # fmt: skip
    bars = [(row[by], row["wasted"]) for row in rows if row["wasted"]]
    return Answer(
        _idleness(found, f"{rows[0][by]}"),
        columns,
        rows,
        Chart("what sessions cost that earned nothing", bars, Kind.money),
        currency,
        [
            f"A session has earned if its buyer paid within {idle.WINDOW_DAYS} days; `open` ones still may, and are not counted against anybody.",
            f"Beside it, {in_words(rest, currency)} of spend hang on no session: forms without a visit, and days that brought nobody we know.",
        ],
    )


def ask_segments(workspace: Workspace, options: Options) -> Answer:
    """Which kinds of buyers are worth more than the average, and how sure is that?"""
    lake = workspace.lake
    if missing := _missing(lake, money=True):
        return missing
    found = worth.segments(lake)
    traits = tuple(sorted({one.trait for one in found}))
    if not traits:
        return Answer("Nothing is known by which buyers could be told apart; industry and country come from the CRM.")
    if options.by:
        found = [one for one in found if one.trait == chosen(options.by, traits, traits[0])]
    ranked = sorted(found, key=lambda one: (not one.stands_out, -(one.ratio or 0), one.trait, one.which))
    rows = [
        {
            **vars(one), "segment": f"{one.trait}: {one.which}", "per_buyer": one.per_buyer,
            "sure": "yes" if one.stands_out else "thin" if one.thin else "no",
        }
        for one in ranked
    ]  # fmt: skip
    columns = {
        "segment": Kind.text, "buyers": Kind.number, "paying": Kind.number, "value": Kind.money, "per_buyer": Kind.money,
        "ratio": Kind.ratio, "ratio_low": Kind.ratio, "ratio_high": Kind.ratio, "sure": Kind.text,
    }  # fmt: skip
    return Answer(
        _worth(ranked),
        columns,
        rows,
        Chart("times the average buyer", [(row["segment"], row["ratio"]) for row in rows if row["ratio"]], Kind.ratio),
        Rates.of(workspace.settings).reporting(lake),
        [
            "A buyer is an account with everybody who belongs to it, or a person who belongs to none.",
            SHARES.format(looks=sum(one.buyers > 0 for one in found)),
            f"A segment is thin below {worth.THIN} buyers or {worth.THIN_PAYING} with revenue.",
        ],
    )


def ask_economics(workspace: Workspace, options: Options) -> Answer:
    """What does a customer cost, and when has it come back?"""
    lake, settings, rates = workspace.lake, LensSettings(), Rates.of(workspace.settings)
    by = chosen(options.by, ("cohort", CHANNEL, AD), "cohort")
    if missing := _missing(lake, money=True):
        return missing
    credit = economy.first_touch(lake)
    found = economy.economics(lake, credit, rates, settings.home, workspace.clock.now(), settings.gross_margin)
    names, currency = ad_names(lake), rates.reporting(lake)
    level = economy.BLENDED if by == "cohort" else by
    chosen_rows = [one for one in found if one.level == level and (one.cohort != economy.EVER or by != "cohort")]
    if by != "cohort":
        chosen_rows = [one for one in chosen_rows if one.cohort == economy.EVER]
    told = ("spend", "customers", "revenue", "cac", "roas", "payback_month", "worth")
    rows = [
        {by: one.cohort if by == "cohort" else _member(by, one.which, names), **{name: getattr(one, name) for name in told}}
        for one in chosen_rows
    ]  # fmt: skip
    columns = {
        by: Kind.text, "spend": Kind.money, "customers": Kind.number, "revenue": Kind.money, "cac": Kind.money, "roas": Kind.ratio,
        "payback_month": Kind.number, "worth": Kind.money,
    }  # fmt: skip
    return Answer(
        _cost(found, currency),
        columns,
        rows,
        Chart("CAC", [(row[by], row["cac"]) for row in rows if row["cac"]], Kind.money),
        currency,
        [
            "A cohort is who was won in a month, beside what ads cost in it; customers are credited to what touched them first.",
            f"Payback and worth are reckoned with a gross margin of {settings.gross_margin:.0%} (SIDECAR_GROSS_MARGIN).",
        ],
    )


LENSES = (
    Lens("bridge", ask_bridge.__doc__ or "", ask_bridge, frozenset({"day", "against", "by"})),
    Lens("sessions", ask_sessions.__doc__ or "", ask_sessions, frozenset({"by"})),
    Lens("segments", ask_segments.__doc__ or "", ask_segments, frozenset({"by"})),
    Lens("economics", ask_economics.__doc__ or "", ask_economics, frozenset({"by"})),
)


def ad_names(lake: Lake) -> dict[str, str]:
    """The latest name of every ad that has one, by id."""
    rows = ads(lake).select("ad_id", "ad").to_pyarrow().to_pylist()
    return {row["ad_id"]: row["ad"] for row in rows if row["ad"]}


def _missing(lake: Lake, *, money: bool = False) -> Answer | None:
    """What must land before anything can be said."""
    if lake.table(JOURNEYS.name) is None:
        return Answer(NOT_STITCHED)
    paid = lake.table(RECEIPTS.name)
    if money and (paid is None or not paid.count().to_pyarrow().as_py()):
        return Answer(NO_MONEY)
    return None


def _latest(lake: Lake, made: Bridge) -> str | None:
    """Where there is something to see, if there is nothing here."""
    paid = lake.table(RECEIPTS.name)
    if paid is None or made.before.revenue or made.after.revenue:
        return None
    day = local_day(paid.occurred_at.max().to_pyarrow().as_py(), made.after.span.zone)
    return f"Nothing was earned in either; money moved last on {day}: --day {day}."


def _member_columns() -> dict[str, Kind]:
    changed = dict.fromkeys(("before", "after", "change", *FACTORS), Kind.money)
    return {"which": Kind.text, "visits": Kind.text, "orders": Kind.text, **changed}


def _members(made: Bridge, by: str, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A row per member of a dimension, the largest change first, and one per part that belongs to none; `change` adds up to the whole."""
    rows = []
    for which, effects in made.views[by].items():
        before, after = (end.cells[by].get(which, Cell()) for end in (made.before, made.after))
        rows.append(
            {
                "which": _member(by, which, names),
                "visits": f"{before.visits:,} → {after.visits:,}", "orders": f"{before.orders:,} → {after.orders:,}",
                "before": before.amount, "after": after.amount, "change": after.amount - before.amount, **effects._asdict(),
            }
        )  # fmt: skip
    yield from sorted(rows, key=lambda row: (-abs(row["change"]), row["which"]))
    ends = [{"large_buyers": sum(end.large.values()), "refunds": end.refunds, "disputes": end.disputes} for end in (made.before, made.after)]  # fmt: skip
    for part, change in made.outside.items():
        if change:
            yield {"which": part.replace("_", " "), "before": ends[0][part], "after": ends[1][part], "change": change}


def _member(by: str, which: str, names: Mapping[str, str]) -> str:
    return names.get(which, which) if by == AD else channel_in_words(which) if by == CHANNEL else which


def _idleness(found: list[idle.Idleness], worst: str) -> str:
    ripe, nothing = sum(one.sessions - one.open for one in found), sum(one.nothing for one in found)
    cost, wasted = sum(one.cost for one in found), sum(one.wasted for one in found)
    said = f"{nothing:,} of {ripe:,} sessions earned nothing within {idle.WINDOW_DAYS} days"
    if not cost:
        return f"{said}; none of them is known to have cost anything."
    return f"{said} and bore {wasted / cost:.0%} of what sessions cost{f', most of it by {worst}' if wasted else ''}."


def _worth(ranked: list[worth.Segment]) -> str:
    best = next((one for one in ranked if one.ratio), None)
    if best is None:
        return "No segment can be told from the average: the average buyer is worth nothing yet."
    said = f"{best.trait} {best.which} is worth {best.ratio:.1f}x the average, 95 % {best.ratio_low:.1f}-{best.ratio_high:.1f}, n={best.buyers:,}"
    if best.stands_out:
        return f"{said}."
    return f"No segment stands out from chance; the highest, {said}{', which is thin' if best.thin else ''}."


def _cost(found: list[economy.Economy], currency: str | None) -> str:
    whole = {one.level: one for one in found if one.cohort == economy.EVER}
    blended, paid = whole.get(economy.BLENDED), whole.get(economy.PAID_ONLY)
    if blended is None:
        return "All money that has landed is of payers nobody knows, so no customer can be counted."
    if not blended.spend:
        return f"{blended.customers:,.0f} customers are worth {in_words(blended.worth, currency)} each to date; no ad spend has landed, so none has a cost."
    said = f"A customer costs {in_words(blended.cac, currency)} blended"
    if paid:
        said += f" and {in_words(paid.cac, currency)} paid"
    back = f"paid back by month {paid.payback_month}" if paid and paid.payback_month else "not paid back yet"
    return f"{said}, is worth {in_words(blended.worth, currency)} to date, and {back} where ads brought them."
