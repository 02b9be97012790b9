"""What all beliefs look like together: how many and how sure, disputed, waiting for a look, and whether confidence means what it says."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine
from sqlmodel import col, func, select

from models import Belief, Review
from models.store import transaction
from pipelines.stitch.lens.pictures import bars, markdown
from pipelines.understand import pictures
from pipelines.understand.lessons import in_force
from pipelines.understand.reviews import backlog
from pipelines.understand.taught import UNCALIBRATED, taught_by
from pipelines.understand.weekly import EVERYBODY

SCORES = ("brier", "reliability", "resolution", "uncertainty", "log_loss", "ece", "ece_low", "ece_high")


@dataclass(frozen=True)
class Survey:
    """Counts, shares from 0 to 1, words, and pictures in Markdown, by name."""

    counts: Mapping[str, int]
    shares: Mapping[str, float]
    words: Mapping[str, str]
    pictures: Mapping[str, str]


def survey(store: Engine) -> Survey:
    """Look over everything that is believed, and over what reviews have taught of it."""
    with transaction(store) as session:
        holds = col(Belief.valid_to).is_(None)
        by_slot = session.exec(select(Belief.slot, func.count()).where(holds).group_by(Belief.slot)).all()
        contested = session.exec(select(func.count()).select_from(Belief).where(holds, col(Belief.contested))).one()
        ended = session.exec(select(func.count()).select_from(Belief).where(~holds)).one()
        reviews = session.exec(select(func.count()).select_from(Review)).one()
        waiting = backlog(session)
        lesson = in_force(session)
        figures: dict[str, Any] = dict(lesson.figures) if lesson else {}
        taught, verdicts = taught_by(lesson), lesson.verdicts if lesson else 0
    current = sum(number for _, number in by_slot)
    counts = {"contested": contested, "superseded": ended, "reviews": reviews, "review_backlog": waiting}
    shares = {"contested_share": round(contested / current, 4)} if current else {}
    words = {"calibration": taught.calibration.word, "lesson": f"{taught.version}, from {verdicts} verdicts"}
    drawn = {}
    if by_slot:
        lines = sorted(by_slot, key=lambda row: (-row[1], row[0]))
        drawn["beliefs_per_slot"] = markdown(bars([(slot, float(n)) for slot, n in lines], ".0f"), "beliefs per slot")
    if figures:
        drawn["reliability"] = _reliability(figures)
        drawn["calibration_figures"] = _table(figures, taught.calibration.method)
    return Survey(counts, shares, words, drawn)


def drift_picture(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """How everybody's leaning on the most spoken of slots went over the weeks; None where nothing is known."""
    own = [row for row in rows if row["segment"] == EVERYBODY]
    ends = sorted({row["week"] for row in own})
    if not ends:
        return None
    latest = [row for row in own if row["week"] == ends[-1]]
    most = sorted(latest, key=lambda row: (-row["persons"], row["slot"]))[: len(pictures.COLOURS)]
    lines = {
        row["slot"]: [(ends.index(one["week"]), one["leaning"]) for one in own if one["slot"] == row["slot"]]
        for row in most
    }
    return markdown(pictures.weeks(lines, len(ends) - 1), "how far everybody is for us, by slot and week")


def _reliability(figures: Mapping[str, Any]) -> str:
    before, after = (figures.get(when, {}).get("bins", ()) for when in ("before", "after"))
    return markdown(pictures.reliability(before, after), "confidence shown beside the share that proved right")


def _table(figures: Mapping[str, Any], method: str) -> str:
    """Scores before and after the map, as Markdown."""
    after = figures.get("after")
    head = f"| | before | {method if method != UNCALIBRATED else 'too few verdicts for a map'} |"
    rows = [f"| {name} | {figures['before'][name]:.4f} | {after[name]:.4f} |" if after else f"| {name} | {figures['before'][name]:.4f} | |" for name in SCORES]  # fmt: skip
    return "\n".join([head, "|---|---:|---:|", *rows])
