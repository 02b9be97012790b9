"""The four questions of this room, answered from its tables in a sentence, rows and a chart."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.ingest.lake import Lake
from pipelines.stitch.arrivals import channel_in_words
from pipelines.stitch.called import names_of
from pipelines.stitch.derived import RECEIPTS, Derived, read
from pipelines.stitch.lens.answer import Answer, Chart, Kind, Lens, Options, chosen, in_words
from pipelines.stitch.lifetime.cliffs import FEWEST, Loss, losses
from pipelines.stitch.lifetime.features import LESS, MORE, TOO_FEW, WINDOW
from pipelines.stitch.lifetime.retention import LAPSED_IN_WORDS, PAYMENTS, SUBSCRIPTIONS
from pipelines.stitch.lifetime.settings import LifetimeSettings
from pipelines.stitch.lifetime.tables import FEATURES, LIFETIMES, RETENTION
from pipelines.stitch.rates import Rates
from pipelines.workspace import Workspace

NOT_STITCHED = "Nothing has been stitched yet, so there is nobody to speak of; `sidecar run` pulls and stitches."
NO_MONEY = (
    "No payment and no subscription has landed yet; connect Stripe (`sidecar doctor` says how), then `sidecar run`."
)
NO_USE = (
    "Nobody who pays did anything that we know of in the window; connect product events or a CRM, then `sidecar run`."
)
COHORT, CHANNEL = "cohort", "channel"
DRIFTS = 0.5
"""From which chance to have left, below `GONE`, somebody is said to drift."""
GONE = 0.95
"""From which chance on nobody is won back by a call."""
SHOWN = 50


def ask_retention(workspace: Workspace, options: Options) -> Answer:
    """In which month do customers leave?"""
    basis = chosen(options.by, (PAYMENTS, SUBSCRIPTIONS), PAYMENTS)
    rows = _rows(workspace.lake, RETENTION)
    if rows is None:
        return Answer(NOT_STITCHED)
    found = losses(rows, basis)
    if not found:
        return Answer(NO_MONEY if not rows else f"No cohort has lived through a whole month yet, by {basis}.")
    told = [
        {"month": loss.month, "at risk": loss.at_risk, "left": loss.lost, "share": loss.share,
         "low": loss.interval.low, "high": loss.interval.high, "cliff": "cliff" if loss.cliff else ""}
        for loss in found
    ]  # fmt: skip
    columns = {
        "month": Kind.number, "at risk": Kind.number, "left": Kind.number, "share": Kind.share,
        "low": Kind.share, "high": Kind.share, "cliff": Kind.text,
    }  # fmt: skip
    return Answer(
        _breaks(found),
        columns,
        told,
        Chart(
            "share that left, by month since the first",
            [(f"month {loss.month}", loss.share) for loss in found],
            Kind.share,
        ),
        notes=[
            f"By {basis}: of those active in one month, who was not in the next; over all cohorts, whole months only.",
            *([LAPSED_IN_WORDS] if basis == SUBSCRIPTIONS else []),
            *_without_rate(workspace.lake),
            "A cliff is a month whose loss is above that of its neighbours, by Newcombe's interval, corrected for the number of months.",
        ],
    )


def ask_lifetime(workspace: Workspace, options: Options) -> Answer:
    """What did customers bring so far, and what are they likely to bring?"""
    by = chosen(options.by, (COHORT, CHANNEL), COHORT)
    rows, currency = _rows(workspace.lake, LIFETIMES), Rates.of(workspace.settings).reporting(workspace.lake)
    if not rows:
        return Answer(NOT_STITCHED if rows is None else NO_MONEY)
    sums = _sums(rows, by)
    told, payers = sum(one["told"] for one in sums), sum(one["payers"] for one in sums)
    historic, predicted = sum(one["historic"] for one in sums), sum(one["predicted"] or 0 for one in sums)
    horizon, discount = LifetimeSettings().months, LifetimeSettings().discount
    ahead = (
        f"{told:,} of {payers:,} payers are expected to bring {in_words(predicted, currency)} more within {horizon} months"
        if told
        else "what is to come cannot be told yet"
    )
    columns = {
        by: Kind.text,
        "payers": Kind.number,
        "historic": Kind.money,
        "told": Kind.number,
        "predicted": Kind.money,
    }
    return Answer(
        f"Customers brought {in_words(historic, currency)} so far; {ahead}.",
        columns,
        sums,
        Chart(f"brought so far, by {by}", [(one[by], one["historic"]) for one in sums], Kind.money),
        currency,
        [
            *_standings(rows),
            *_without_rate(workspace.lake),
            *([f"What is to come is discounted by {discount:.0%} a year."] if told else []),
        ],
    )


def ask_features(workspace: Workspace, options: Options) -> Answer:  # noqa: ARG001 - takes no option
    """Which features go with growth, and which with leaving?"""
    rows = _rows(workspace.lake, FEATURES)
    if not rows:
        return Answer(NOT_STITCHED if rows is None else NO_USE)
    told = sorted(
        (row for row in rows if row["verdict"] != TOO_FEW),
        key=lambda row: (row["chance"], row["outcome"], row["feature"]),
    )
    clear = [row for row in told if row["verdict"] in (MORE, LESS)]
    columns = {
        "outcome": Kind.text, "feature": Kind.text, "did": Kind.number, "did_and": Kind.number, "rest": Kind.number,
        "rest_and": Kind.number, "ratio": Kind.ratio, "low": Kind.ratio, "high": Kind.ratio, "chance": Kind.share, "verdict": Kind.text,
    }  # fmt: skip
    return Answer(
        _goes_with(clear, told),
        columns,
        [{name: row[name] for name in columns} for row in told or rows],
        Chart(
            "times as often as their like",
            [(f"{row['outcome']}: {row['feature']}", row["ratio"]) for row in told[:SHOWN]],
            Kind.ratio,
        ),
        notes=[
            f"Use in {WINDOW} days, outcome in the {WINDOW} days after; among payers of like tenure and activity; corrected for {len(told)} looks.",
            "Going together is no cause: who is content uses more.",
        ],
    )


def ask_drifting(workspace: Workspace, options: Options) -> Answer:  # noqa: ARG001 - takes no option
    """Who is drifting away, and what did they bring so far?"""
    rows, currency = _rows(workspace.lake, LIFETIMES), Rates.of(workspace.settings).reporting(workspace.lake)
    if not rows:
        return Answer(NOT_STITCHED if rows is None else NO_MONEY)
    standings = _standings(rows)
    if all(row["has_left"] is None and row["ends_30d"] is None for row in rows):
        return Answer("Who is drifting cannot be told yet.", notes=standings)
    usual = _usual([row["ends_30d"] for row in rows if row["ends_30d"] is not None])
    drifting = [row for row in rows if DRIFTS <= (row["has_left"] or 0) < GONE or (row["ends_30d"] or 0) >= usual]
    drifting.sort(key=lambda row: (-row["historic"], row["entity_id"]))
    columns = {
        "name": Kind.text, "scope": Kind.text, "entity_id": Kind.text, "last_day": Kind.text, "purchases": Kind.number,
        "historic": Kind.money, "has_left": Kind.share, "ends_30d": Kind.share,
    }  # fmt: skip
    names = names_of(workspace.lake, (row["entity_id"] for row in drifting if row["entity_id"]))
    told = [{**row, "name": names.get(row["entity_id"])} for row in drifting]
    brought = in_words(sum(row["historic"] for row in drifting), currency)
    payers = sum(row["entity_id"] is not None for row in rows)
    return Answer(
        f"{len(drifting):,} of {payers:,} payers are drifting; they brought {brought} so far."
        if drifting
        else "Nobody is drifting.",
        columns,
        [{name: row[name] for name in columns} for row in told],
        currency=currency,
        notes=[
            f"Drifting: {DRIFTS:.0%} to {GONE:.0%} likely to have left, or a contract twice as likely to end as others; those who brought most first.",
            *(
                ["`sidecar show ENTITY_ID` tells who a person is, what they did and what they believe: the why."]
                if drifting
                else []
            ),
            *standings,
        ],
    )


LENSES: tuple[Lens, ...] = (
    Lens("retention", "In which month do customers leave?", ask_retention, frozenset({"by"})),
    Lens("lifetime", "What did customers bring, and what are they likely to bring?", ask_lifetime, frozenset({"by"})),
    Lens("features", "Which features go with growth, and which with leaving?", ask_features),
    Lens("drifting", "Who is drifting away?", ask_drifting),
)


def _rows(lake: Lake, derived: Derived) -> list[dict[str, Any]] | None:
    table = lake.table(derived.name)
    return None if table is None else table.to_pyarrow().to_pylist()


def _standings(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How far chances can be trusted, and of how many: each model is tried by itself."""
    counts = Counter(row["standing"] for row in rows if row["entity_id"])
    return [f"Chances of {number:,} payers: {standing}." for standing, number in sorted(counts.items())]


def _without_rate(lake: Lake) -> list[str]:
    """What money is left out, if any is."""
    number = read(lake, RECEIPTS).value.isnull().sum().fill_null(0).to_pyarrow().as_py()
    return [f"{number:,} movements in a currency without a rate are left out (SIDECAR_RATES)."] if number else []


def _breaks(found: Sequence[Loss]) -> str:
    breaks = sorted((loss for loss in found if loss.cliff), key=lambda loss: -loss.excess.low if loss.excess else 0.0)
    if breaks:
        worst, others = breaks[0], ", ".join(f"month {loss.month} ({loss.share:.0%})" for loss in breaks[1:])
        also = f"; so does {others}" if others else ""
        return (
            f"Month {worst.month} breaks: {worst.share:.0%} of {worst.at_risk:,} left in it, "
            f"clearly more than in the months around it{also}."
        )
    if all(loss.excess is None for loss in found):
        return f"Too few to tell which month breaks: none has {FEWEST} payers at risk with as many beside it."
    at_risk, lost = sum(loss.at_risk for loss in found), sum(loss.lost for loss in found)
    return f"No month stands out; {lost / at_risk:.0%} leave in a month."


def _sums(rows: Sequence[Mapping[str, Any]], by: str) -> list[dict[str, Any]]:
    """Payers and their money by cohort or channel; predicted is empty where no model tells of anybody."""
    groups: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[_which(row, by)].append(row)
    found = []
    for which in sorted(groups):
        told = [row["predicted"] for row in groups[which] if row["predicted"] is not None]
        found.append(
            {
                by: which,
                "payers": sum(row["entity_id"] is not None for row in groups[which]),
                "historic": sum(row["historic"] for row in groups[which]),
                "told": len(told),
                "predicted": sum(told) if told else None,
            }
        )
    return found


def _which(row: Mapping[str, Any], by: str) -> str:
    if row["entity_id"] is None:
        return "nobody we know"
    if by == COHORT:
        return row["cohort"] or "never paid"
    return channel_in_words(row["channel"]) if row["channel"] else "no touch is known"


def _goes_with(clear: Sequence[Mapping[str, Any]], told: Sequence[Mapping[str, Any]]) -> str:
    if clear:
        first = clear[0]
        verb = {"left": "leaving", "grew": "growing"}[first["outcome"]]
        more = "more" if first["verdict"] == MORE else "less"
        rest = f"; so do {len(clear) - 1} other ties" if len(clear) > 1 else ""
        return (
            f"{first['feature']} goes with {more} {verb} ({first['ratio']:.1f}x, {first['did']:,} payers did it){rest}."
        )
    if told:
        return f"No feature clearly goes with growing or leaving, in {len(told)} looks."
    return "Too few payers, or outcomes, to tell what goes with growing or leaving."


def _usual(chances: Sequence[float]) -> float:
    """Twice the mean chance; nobody reaches it where there is none."""
    return 2 * sum(chances) / len(chances) if chances else 2.0
