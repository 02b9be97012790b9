"""Which of a bridge's parts is the reason: the largest first, as narrow as the data allow, in words.

A part is blamed on one channel, ad or segment only if that one bears most of it and moved at least twice as far as everybody else
together: a price cut falls on all alike and is blamed on none, an ad that stops is blamed however much it used to bring.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import log

from pipelines.stitch.arrivals import channel_in_words
from pipelines.stitch.lens.bridge import DISPUTES, LARGE, REFUNDS, WHOLE, Bridge
from pipelines.stitch.lens.decompose import Cell
from pipelines.stitch.lens.measures import AD, CHANNEL, DIMENSIONS, DIRECT, NO_AD, NO_VISIT, UNKNOWN

VISITS, MOVED, CONVERSION, ORDER_VALUE = "visits", "mix", "conversion", "order_value"
"""Causes within cells: traffic and mix together are visits, unless as many came elsewhere as stayed away here."""
MOST = 0.5
"""The share of a part from which one member bears most of it."""
MIXED = 0.25
"""The share of the change from which a shift between members counts: rates of the whole then change though nobody's own have (Simpson's paradox)."""
NEARLY = 0.9
"""Of explanations that are nearly as sharp as the sharpest, the first in the order of dimensions is given: an ad says more than its channel."""
WORTH_NAMING = 0.15
"""A second cause is told if it is at least this share of the change."""
UNLIKELY = 0.05
"""An ad is said to have stopped if chance alone would have left it silent for so long less often than this."""
NAMELESS = {AD: {NO_AD, NO_VISIT}, CHANNEL: {DIRECT}}
"""Members that name nobody to blame."""


@dataclass(frozen=True)
class Cause:
    """One reason for a change.

    Units: `amount` in minor units; `share` of the whole change, 1 being all of it. `dimension` and `which` are where it happened, None
    for everywhere; `to` is where visits moved.
    """

    factor: str
    amount: int
    share: float
    dimension: str | None = None
    which: str | None = None
    to: str | None = None


def causes(bridge: Bridge) -> list[Cause]:
    """Why revenue changed, the largest reason first; what worked against the change comes last, with a negative share.

    Shape: the parts of one view, blamed on one member where one is to blame; empty if nothing changed.
    """
    if not bridge.change:
        return []
    parts = _factors(bridge, _view(bridge))
    return sorted((_narrowed(bridge, *part) for part in parts.items() if part[1]), key=lambda cause: -cause.share)


def elsewhere(bridge: Bridge) -> int:
    """What the reasons leave of the change: the same causes, with whom is not to blame for most of them."""
    return bridge.change - sum(cause.amount for cause in causes(bridge))


def sentence(bridge: Bridge, ads: Mapping[str, str]) -> str:
    """The change and its reasons in plain words; `ads` has the names of ads by id."""
    before, after = bridge.before, bridge.after
    found = causes(bridge)
    if not found:
        return f"{after.span.words} brought as much as {before.span.words}."
    direction = "above" if bridge.change > 0 else "below"
    size = f"{abs(bridge.change) / before.revenue:.0%} " if before.revenue > 0 else ""
    told = [cause for number, cause in enumerate(found) if not number or cause.share >= WORTH_NAMING][:3]
    reasons = "; ".join(f"{cause.share:.0%}{' of it' if not number else ''} is {words(bridge, cause, ads)}" for number, cause in enumerate(told))  # fmt: skip
    return f"{after.span.words} is {size}{direction} {before.span.words}: {reasons}."


def words(bridge: Bridge, cause: Cause, ads: Mapping[str, str]) -> str:
    """One reason, such as: fewer visits from paid social, ad 'Spring'."""
    less = cause.amount < 0
    where = _where(bridge, cause, ads)
    match cause.factor:
        case "visits":
            return f"{'fewer' if less else 'more'} visits{where}{_silence(bridge, cause)}"
        case "mix":
            other = f" to {_name(cause.dimension, cause.to, ads)}" if cause.to else ""
            return f"visits that moved {'' if where else 'between '}{where.strip() or cause.dimension}{other}"
        case "conversion":
            return f"{'fewer' if less else 'more'} orders per visit{where}"
        case "order_value":
            return f"{'smaller' if less else 'larger'} orders{where}"
        case "large_buyers":
            buyers = bridge.before.large if less else bridge.after.large
            day = bridge.before.span if less else bridge.after.span
            return f"what {_count(len(buyers), 'large buyer')} paid on {day.words}"
        case _:
            return f"{'more' if less else 'fewer'} {cause.factor}"


def _view(bridge: Bridge) -> str:
    """The dimension along which visits shifted most between better and worse; the whole where no shift explains much."""
    mixed = {name: abs(bridge.parts(name)["mix"]) for name in DIMENSIONS}
    best = max(DIMENSIONS, key=lambda name: mixed[name])
    return best if mixed[best] >= MIXED * abs(bridge.change) else WHOLE


def _factors(bridge: Bridge, dimension: str) -> dict[str, int]:
    parts = bridge.parts(dimension)
    return {
        VISITS: parts["traffic"] + parts["mix"], CONVERSION: parts["conversion"], ORDER_VALUE: parts["order_value"],
        LARGE: parts[LARGE], REFUNDS: parts[REFUNDS], DISPUTES: parts[DISPUTES],
    }  # fmt: skip


def _narrowed(bridge: Bridge, factor: str, amount: int) -> Cause:
    """The part with whoever is to blame for it; then only what that one bears counts as its amount."""
    everywhere = Cause(factor, amount, amount / bridge.change)
    if factor in bridge.outside:
        return everywhere
    scored = [found for name in (AD, CHANNEL, *DIMENSIONS[2:]) for found in _blamed(bridge, factor, name, amount)]
    if not scored:
        return everywhere
    sharpest = max(score for score, *_ in scored)
    _, dimension, which, borne = next(found for found in scored if found[0] >= NEARLY * sharpest)
    to = _moved_to(bridge, dimension, which) if factor == VISITS else None
    return Cause(MOVED if to else factor, borne, borne / bridge.change, dimension, which, to)


def _blamed(bridge: Bridge, factor: str, dimension: str, amount: int) -> Iterator[tuple[float, str, str, int]]:
    """Members that bear most of a part and moved much further than the rest: how sharply, where, who and how much."""
    effects = {
        which: one.traffic + one.mix if factor == VISITS else getattr(one, factor)
        for which, one in bridge.views[dimension].items()
    }
    bases = {which: _base(bridge, dimension, which) for which in effects}
    total, base = sum(effects.values()), sum(bases.values())
    for which, effect in effects.items():
        own, rest = bases[which], base - bases[which]
        named = which not in NAMELESS.get(dimension, {UNKNOWN})
        if not (named and total and min(effect / total, effect / amount) >= MOST and own and rest > 0):
            continue
        others = max(0.0, (total - effect) / rest * own / effect)  # who goes the other way is no accomplice
        if others <= MOST:
            yield min(effect / total, 1.0) * (1 - others), dimension, which, effect


def _base(bridge: Bridge, dimension: str, which: str) -> float:
    """What a member brings, the mean of both spans."""
    before, after = (_cell(bridge, dimension, which, end) for end in (0, 1))
    return (before.amount + after.amount) / 2


def _cell(bridge: Bridge, dimension: str, which: str, end: int) -> Cell:
    return (bridge.before, bridge.after)[end].cells[dimension].get(which, Cell())


def _moved_to(bridge: Bridge, dimension: str, which: str) -> str | None:
    """Where the visits of a member went (or came from): whoever changed most the other way, if the others made up for half of it."""
    gained = {
        other: _cell(bridge, dimension, other, 1).visits - _cell(bridge, dimension, other, 0).visits
        for other in bridge.views[dimension]
    }
    own = gained.pop(which)
    against = {other: -number if own > 0 else number for other, number in gained.items()}
    if sum(against.values()) < MOST * abs(own):
        return None
    return max(against, key=lambda other: against[other])


def _where(bridge: Bridge, cause: Cause, ads: Mapping[str, str]) -> str:
    if cause.dimension is None or cause.which is None:
        return ""
    if cause.dimension != AD:
        return f" {'from' if cause.dimension == CHANNEL else 'in'} {_name(cause.dimension, cause.which, ads)}"
    known = bridge.before.ads.get(cause.which) or bridge.after.ads.get(cause.which)
    channel = f"{channel_in_words(known.channel)}, " if known and known.channel else ""
    return f" from {channel}{_name(AD, cause.which, ads)}"


def _name(dimension: str | None, which: str | None, ads: Mapping[str, str]) -> str:
    match dimension:
        case "ad" if which in NAMELESS[AD]:
            return str(which)
        case "ad":
            return f"ad {ads.get(which or '', which)!r}"
        case "channel":
            return "nobody: orders without a visit" if which == NO_VISIT else channel_in_words(which or "")
        case _:
            return f"{dimension} {which}"


def _silence(bridge: Bridge, cause: Cause) -> str:
    """Since when an ad has brought nobody, if that is longer than chance."""
    if cause.dimension != AD or cause.which is None or cause.amount > 0:
        return ""
    was, now = (_cell(bridge, AD, cause.which, end).visits for end in (0, 1))
    span = bridge.after.span
    if not now:
        return ", which brought none at all" if was >= -log(UNLIKELY) else ""
    last = bridge.after.ads[cause.which].last_at
    length = (bridge.before.span.ends_at - bridge.before.span.starts_at).total_seconds()
    expected = was * (span.ends_at - last).total_seconds() / length  # visits in the silence, had it gone on as before
    local = last.astimezone(span.zone)
    when = f"{local:%H:%M}" if span.days == 1 else f"{local.day} {local:%b, %H:%M}"
    return f", which stopped at {when}" if expected >= -log(UNLIKELY) else ""


def _count(number: int, noun: str) -> str:
    return f"a {noun}" if number == 1 else f"{number} {noun}s"
