"""Whether the confidence deserves its name: the switching filter beside simpler rules, on simulated customers who change their minds.

Customers hold a side and turn about every 180 days; one thing is heard every 9 days from sources that are right in .65 to .88 of cases,
and a quarter of it is quoted again within the same conversation. The generator is the filter's own model, so its first place there
proves little; the rows to read are those where it is told wrong things about its sources, about how fast people change, or hears
seldom. Everything is scored as the product scores itself (Brier, ECE over ten bins of equal mass). `--quick` takes a tenth.
"""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import log
from statistics import median

import numpy as np

from pipelines.understand.calibration import brier, ece, log_loss
from pipelines.understand.confidence import HIGH, LOW, Unit, logit
from pipelines.understand.drift import alarms
from pipelines.understand.vectorised import Log, replay_all

CUSTOMERS, DAYS, EVERY, TURN = 3_000, 730.0, 9.0, 180.0
HALF_LIFE = TURN * log(2) / 2
"""The half-life at which the filter's hazard is the true one: ln 2 / (2 H) turns a day in each direction."""
SOURCES = np.array([0.65, 0.72, 0.80, 0.88])
ASKED = np.arange(120.0, DAYS + 1, 61.0)
"""Days on which everybody is asked about."""
Answer = Callable[["World", float], np.ndarray]


@dataclass(frozen=True)
class World:
    """Rows of everybody, one per thing heard: whose, when, in which conversation, which side, how right such sources are, what a model would claim."""

    who: np.ndarray
    day: np.ndarray
    thread: np.ndarray
    sign: np.ndarray
    r: np.ndarray
    claimed: np.ndarray
    truth: Callable[[float], np.ndarray]
    turned: list[np.ndarray]
    customers: int

    def log(self, *, apart: bool = False) -> Log:
        """As the filter reads it; `apart` makes every repetition count."""
        rows = np.arange(len(self.who))
        thread, none = rows if apart else self.thread, np.zeros(len(rows))
        return Log(
            self.who, self.day, rows, np.zeros_like(rows), thread, rows, self.sign, self.r, np.ones(len(rows)), none.astype(bool), none,
        )  # fmt: skip


def main() -> None:
    """Print scores of every rule, of the filter when it is told wrong things, and of drift."""
    customers = CUSTOMERS // (10 if "--quick" in sys.argv else 1)
    world = simulate(customers)
    print(f"{customers:,} customers, {len(world.who):,} rows, asked on {len(ASKED)} days")
    table({**RULES, "switching filter": switching()}, world)
    print("  told wrong things")
    table(
        {
            "turns three times too fast": switching(HALF_LIFE / 3),
            "turns four times too slowly": switching(HALF_LIFE * 4),
            "half-life of most slots, 120 d": switching(120.0),
            "every repetition counts": switching(apart=True),
            "all sources taken for .80": told(lambda r: np.full_like(r, 0.80)),
            "all sources overstated by .07": told(lambda r: np.minimum(r + 0.07, 0.95)),
        },
        world,
    )
    print("  heard every 45 days")
    table(COMPARED, simulate(customers, every=45.0, seed=2))
    print("  nobody ever turns")
    table(COMPARED, simulate(customers, turn=1e9, seed=3))
    drift(customers)


def simulate(customers: int, every: float = EVERY, turn: float = TURN, seed: int = 1) -> World:
    """A world of customers who turn at random; the same seed makes the same one."""
    dice = np.random.default_rng(seed)
    start = dice.choice([1, -1], customers)
    turned = [np.sort(dice.uniform(0, DAYS, dice.poisson(DAYS / turn))) for _ in range(customers)]
    who = np.repeat(np.arange(customers), dice.poisson(DAYS / every, customers))
    day = dice.uniform(0, DAYS, len(who))
    side = np.array([side_of(start[one], turned[one], at) for one, at in zip(who, day, strict=True)])
    r = dice.choice(SOURCES, len(who))
    sign = np.where(dice.random(len(who)) < r, side, -side)
    again = np.flatnonzero(dice.random(len(who)) < 0.25)
    rows = np.r_[np.arange(len(who)), again]
    later = np.r_[np.zeros(len(who)), dice.uniform(0, 2, len(again))]
    claimed = np.clip(dice.normal(0.9, 0.05, len(rows)), 0.6, 0.99)  # high and flat, as models claim

    def truth(at: float) -> np.ndarray:
        return np.array([side_of(start[one], turned[one], at) > 0 for one in range(customers)], float)

    return World(who[rows], day[rows] + later, rows, sign[rows], r[rows], claimed, truth, turned, customers)


def side_of(start: int, turned: np.ndarray, at: float) -> int:
    """The side that is held at an instant."""
    return int(start * (-1) ** np.searchsorted(turned, at))


def switching(half_life: float = HALF_LIFE, *, apart: bool = False) -> Answer:
    """The product's own filter."""

    def answer(world: World, at: float) -> np.ndarray:
        return replay_all(world.log(apart=apart), np.full(world.customers, half_life), at).p

    return answer


def told(wrong: Callable[[np.ndarray], np.ndarray]) -> Answer:
    """The filter with other reliabilities than the true ones."""
    return lambda world, at: switching()(replace(world, r=wrong(world.r)), at)


def last_write(world: World, at: float) -> np.ndarray:
    """Whoever spoke last is believed as far as such sources are right."""
    rows = np.flatnonzero(world.day <= at)
    rows = rows[np.argsort(world.day[rows])]
    found = np.full(world.customers, 0.5)
    found[world.who[rows]] = np.where(world.sign[rows] > 0, world.r[rows], 1 - world.r[rows])
    return found


def mean_claim(world: World, at: float) -> np.ndarray:
    """The mean of what a model claims of each statement."""
    rows = world.day <= at
    value = np.where(world.sign > 0, world.claimed, 1 - world.claimed)[rows]
    n = np.bincount(world.who[rows], minlength=world.customers)
    total = np.bincount(world.who[rows], value, world.customers)
    return np.where(n > 0, total / np.maximum(n, 1), 0.5)


def noisy_or(world: World, at: float) -> np.ndarray:
    """Each side is right unless all that speaks for it is wrong."""
    left = [summed(world, at, np.log(1 - world.claimed) * (world.sign == side)) for side in (1, -1)]
    for_, against = (1 - np.exp(np.maximum(one, -700)) for one in left)
    total = for_ + against
    return np.where(total > 0, for_ / np.where(total > 0, total, 1), 0.5)


def beta(half_life: float | None) -> Answer:
    """Counts for both sides, fading or not."""

    def answer(world: World, at: float) -> np.ndarray:
        for_, against = (summed(world, at, (world.sign == side) * 1.0, half_life) for side in (1, -1))
        return (1 + for_) / (2 + for_ + against)

    return answer


def log_odds(half_life: float) -> Answer:
    """Fading log-odds that add up."""

    def answer(world: World, at: float) -> np.ndarray:
        total = summed(world, at, world.sign * np.log(world.r / (1 - world.r)), half_life)
        return np.clip(1 / (1 + np.exp(-total)), LOW, HIGH)

    return answer


def summed(world: World, at: float, value: np.ndarray, half_life: float | None = None) -> np.ndarray:
    """Sums by customer of what was heard so far, faded."""
    rows = world.day <= at
    weight = np.exp2((world.day[rows] - at) / half_life) if half_life else 1.0
    return np.bincount(world.who[rows], value[rows] * weight, world.customers)


RULES: Mapping[str, Answer] = {
    "last write": last_write,
    "mean of claimed confidences": mean_claim,
    "noisy-OR": noisy_or,
    "Beta": beta(None),
    "Beta, fading in 45 d": beta(45.0),
    "log-odds, fading in 45 d": log_odds(45.0),
    "log-odds, fading in 90 d": log_odds(90.0),
}
COMPARED = {name: RULES[name] for name in ("Beta", "log-odds, fading in 90 d")} | {
    "switching filter": switching(),
    "switching filter, 365 d": switching(365.0),
}


def table(rules: Mapping[str, Answer], world: World) -> None:
    """One line per rule."""
    print(f"  {'':<32} {'accuracy':>8} {'Brier':>7} {'log-loss':>9} {'ECE':>7}")
    right = np.concatenate([world.truth(at) for at in ASKED])
    for name, answer in rules.items():
        p = np.concatenate([answer(world, at) for at in ASKED])
        accuracy = float(np.mean((p > 0.5) == right))
        print(f"  {name:<32} {accuracy:>8.3f} {brier(p, right):>7.3f} {log_loss(p, right):>9.3f} {ece(p, right):>7.3f}")


def drift(customers: int) -> None:
    """False alarms a belief-year of those who never turn, and how soon those who turn once are seen."""
    print("  drift: threshold, false alarms a belief-year, turns seen within 180 days, median days until then")
    still, turning = simulate(customers, turn=1e9, seed=4), simulate(customers, seed=5)
    for threshold in (3.0, 4.0, 5.0):
        calm = [unit for units in units_by_customer(still) for unit, _ in alarms(units, threshold)]
        years = customers * DAYS / 365
        delays, asked = [], 0
        for units, turns in zip(units_by_customer(turning), turning.turned, strict=True):
            seen = [unit.day for unit, _ in alarms(units, threshold)]
            for at, until in zip(turns, np.r_[turns[1:], DAYS][: len(turns)], strict=True):
                if at < 60 or until - at < 180:  # too early to have settled, or not left alone long enough to ask
                    continue
                asked += 1
                delays += [day - at for day in seen if at < day <= at + 180][:1]
        print(f"  {threshold:>6.0f} {len(calm) / years:>10.2f} {len(delays) / asked:>10.2f} {median(delays):>10.0f}")


def units_by_customer(world: World) -> list[list[Unit]]:
    """Independent observations of each customer, in order; repetitions left out."""
    first = np.unique(world.thread, return_index=True)[1]
    order = first[np.lexsort((world.day[first], world.who[first]))]
    found: list[list[Unit]] = [[] for _ in range(world.customers)]
    for row in order.tolist():
        weight = min(logit(float(world.r[row])), logit(0.95))
        amount = 2 * float(world.r[row]) - 1
        unit = Unit(float(world.day[row]), int(world.sign[row]), weight, amount, str(row), turning=False, moves=0.0)
        found[int(world.who[row])].append(unit)
    return found


if __name__ == "__main__":
    main()
