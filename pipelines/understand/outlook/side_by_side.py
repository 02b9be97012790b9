"""Alignment beside the CRM's lead score on one segment: one row per kind of outcome and score, as a derived table."""

from dataclasses import dataclass
from itertools import groupby

import pyarrow as pa
from sqlmodel import Session

from models import Alignment
from models.store import transaction
from pipelines.stitch.derived import Derived
from pipelines.understand.outlook.compare import Estimate, Judged, Verdict, judge
from pipelines.understand.outlook.history import (
    agreements,
    alignment_before,
    best_before,
    lead_scores,
    members,
    movements,
)
from pipelines.understand.outlook.outcomes import KINDS, Case, cases
from pipelines.understand.outlook.settings import LeadScoreSettings
from pipelines.workspace import Workspace

FIGURES = ("auc", "brier", "lift")

COMPARISON = Derived(
    "lead_score",
    "How well alignment and the CRM's lead score told who would renew, grow and leave, beside chance.",
    ("outcome", "predictor"),
    {
        "outcome": (pa.string(), "renewal, expansion or churn, in the 90 days after the start of a quarter"),
        "predictor": (pa.string(), "alignment, lead score or chance"),
        "segment": (pa.string(), "the customers compared on, as trait=value; empty for everybody"),
        "cases": (pa.int64(), "outcomes of which both scores were known before"),
        "buyers": (pa.int64(), "customers behind them"),
        "events": (pa.int64(), "outcomes that came"),
        "unknown": (pa.int64(), "outcomes left out since one of the scores was not known before"),
        "standing": (pa.string(), "compared, or insufficient and why"),
        **{
            f"{name}{end}": (pa.float64(), f"{words}{where}")
            for name, words in (
                ("auc", "chance that who it came to had the higher score, 0.5 is chance"),
                ("brier", "mean squared error after the map to a probability (logistic, fitted on other customers)"),
                ("lift", "how many times as often it came to the top fifth by this score as to all"),
            )
            for end, where in (("", ""), ("_low", ": lower end of the 90 % interval"), ("_high", ": its upper end"))
        },
    },
)


@dataclass(frozen=True)
class SideBySide:
    """The verdicts by kind of outcome, and how many outcomes were left out for want of a score."""

    segment: str
    verdicts: dict[str, list[Verdict]]
    unknown: dict[str, int]

    def table(self) -> pa.Table:
        """The rows of the derived table."""
        rows = [self._row(kind, verdict) for kind, found in self.verdicts.items() for verdict in found]
        made = pa.Table.from_pylist(rows, schema=COMPARISON.schema)
        return made.sort_by([(name, "ascending") for name in COMPARISON.key])

    def _row(self, kind: str, verdict: Verdict) -> dict[str, object]:
        figures: dict[str, object] = {}
        for name in FIGURES:
            found: Estimate | None = getattr(verdict, name)
            if found:
                figures |= {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
        sizes = {name: getattr(verdict, name) for name in ("predictor", "cases", "buyers", "events", "standing")}
        return {"outcome": kind, "segment": self.segment, "unknown": self.unknown[kind], **sizes, **figures}


def known_cases(workspace: Workspace, segment: str = "") -> list[Case]:
    """Outcomes of the buyers of a segment that are known by now."""
    lake = workspace.lake
    chosen = members(lake, segment)
    found = cases(movements(lake), agreements(lake), workspace.clock.now())
    return [case for case in found if chosen is None or case.buyer in chosen]


def lessons(workspace: Workspace, session: Session) -> list[tuple[dict[str, float], bool]]:
    """What weights are learned from: the components of each customer as of before a cut, and whether the customer stayed."""
    found: list[tuple[dict[str, float], bool]] = []
    for cut, some in groupby(known_cases(workspace), key=lambda case: case.cut):
        stood = alignment_before(session, Alignment.components, cut)
        known = ((stood[case.buyer], case) for case in some if case.kind == "churn" and case.buyer in stood)
        found += (({name: part["value"] for name, part in parts.items()}, not case.came) for parts, case in known)
    return found


def compare(workspace: Workspace, settings: LeadScoreSettings | None = None) -> SideBySide:
    """Judge both scores on everything that is known by now, each as it stood before the outcome."""
    chosen = settings or LeadScoreSettings()
    scores = lead_scores(workspace.lake, chosen)
    judged: dict[str, list[Judged]] = {kind: [] for kind in KINDS}
    unknown = dict.fromkeys(KINDS, 0)
    for cut, some in groupby(known_cases(workspace, chosen.segment), key=lambda case: case.cut):
        with transaction(workspace.store) as session:
            stood = alignment_before(session, Alignment.overall, cut)
        for case in some:
            ours, theirs = stood.get(case.buyer), best_before(scores.get(case.buyer, ()), cut)
            if ours is None or theirs is None:
                unknown[case.kind] += 1
            else:
                judged[case.kind].append(Judged(case.buyer, case.came, ours, theirs))
    verdicts = {kind: judge(found, against=kind == "churn") for kind, found in judged.items()}
    return SideBySide(chosen.segment, verdicts, unknown)
