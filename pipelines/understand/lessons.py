"""Learning from reviews: how far each source is relied on, and what a confidence is worth.

A lesson is frozen until a tenth more verdicts have come in, so that one person's verdict does not move everybody else's numbers;
verdicts count at once on the belief they are about. How often texts are read rightly is the extractor's own measured figure, and
stays the cap (`measured.py`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from sqlmodel import Session, col, func, select

from models import Evidence, Lesson, Membership, Review, Scope, Verdict
from models.keys import content_id
from pipelines.understand.calibration import Labels, figures, fitted, held_out
from pipelines.understand.measured import Tally
from pipelines.understand.people import chunks
from pipelines.understand.taught import Taught, taught_by
from pipelines.understand.topics import HALF_LIFE, days, quotes
from pipelines.understand.vectorised import log_of, replay_all

FIRST = 20
"""Verdicts before anything is learnt."""
GROWTH = 1.1
"""Times as many verdicts as the last lesson had before the next."""


def in_force(session: Session, known: datetime | None = None) -> Lesson | None:
    """The latest lesson, or the latest by an instant; None before the first."""
    query = select(Lesson).order_by(col(Lesson.learnt_at).desc(), col(Lesson.version))
    return session.exec(query if known is None else query.where(col(Lesson.learnt_at) <= known)).first()


def taught(session: Session, known: datetime | None = None) -> Taught:
    """What the lesson in force says, as the rules use it."""
    return taught_by(in_force(session, known))


def learn(session: Session, half_lives: Mapping[str, float], now: datetime) -> Lesson | None:
    """Learn again if enough verdicts have come in since the last lesson; None if not."""
    telling = col(Review.verdict) != Verdict.unsure.value
    verdicts = session.exec(select(func.count()).select_from(Review).where(telling)).one()
    last = in_force(session)
    if verdicts < max(FIRST, GROWTH * last.verdicts if last else 0):
        return None
    reviews = session.exec(select(Review).where(telling).order_by(col(Review.reviewed_at), col(Review.id))).all()
    lesson = lesson_from(reviews, _rows(session, reviews), _owners(session, reviews), half_lives, now)
    if last and lesson.version == last.version:
        return None
    session.merge(lesson)
    session.flush()
    return lesson


def lesson_from(
    reviews: Sequence[Review],
    evidence: Mapping[str, Evidence],
    owners: Mapping[str, str],
    half_lives: Mapping[str, float],
    now: datetime,
) -> Lesson:
    """What verdicts teach, given the evidence that lay before the reviewers and whose records they were about; a pure function."""
    judged = [
        (review, rows)
        for review in reviews
        if review.verdict != Verdict.unsure
        and (rows := [evidence[id_] for id_ in review.evidence_ids if id_ in evidence])
    ]
    tallies = tally(judged)
    own = Taught(tallies={name: Tally(**one) for name, one in tallies.items()})
    log = log_of([quotes(rows, review.polarity, taught=own) for review, rows in judged])
    periods = np.array([half_lives.get(review.slot, HALF_LIFE) for review, _ in judged])
    instants = np.array([days(review.reviewed_at) for review, _ in judged])
    labels = Labels(
        p=replay_all(log, periods, instants).p if judged else np.zeros(0),
        right=np.array([float(review.verdict == Verdict.agree) for review, _ in judged]),
        customer=[owners.get(review.subject, review.subject) for review, _ in judged],
    )
    found = fitted(labels)
    measured: dict[str, object] = {}
    if judged:
        measured["before"] = figures(labels.p, labels)
    if found.knots:
        measured["after"] = figures(held_out(labels), labels)
    knots = [[x, y] for x, y in found.knots]
    taught_so = [f"{name} {one['hits']} {one['predictions']}" for name, one in sorted(tallies.items())]
    return Lesson(
        version=content_id(*taught_so, found.method, repr(knots))[:12],
        verdicts=len(reviews),
        customers=len(set(labels.customer)),
        tallies=tallies,
        method=found.method,
        knots=knots,
        figures=measured,
        learnt_at=now,
    )


def tally(judged: Sequence[tuple[Review, Sequence[Evidence]]]) -> dict[str, dict[str, int]]:
    """Trials and hits by source class: each class that spoke for what was shown is tried once by each verdict."""
    trials: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    for review, rows in judged:
        spoke = {row.source_class for row in rows if row.polarity == review.polarity and not row.against}
        trials.update(spoke)
        hits.update(spoke if review.verdict == Verdict.agree else ())
    return {name: {"hits": hits[name], "predictions": trials[name]} for name in sorted(trials)}


def _rows(session: Session, reviews: Sequence[Review]) -> dict[str, Evidence]:
    """The evidence that lay before reviewers, as far as it still counts."""
    found: dict[str, Evidence] = {}
    for some in chunks(sorted({id_ for review in reviews for id_ in review.evidence_ids})):
        counting = (col(Evidence.id).in_(some), col(Evidence.withdrawn_at).is_(None))
        found |= {row.id: row for row in session.exec(select(Evidence).where(*counting))}
    return found


def _owners(session: Session, reviews: Sequence[Review]) -> dict[str, str]:
    found: dict[str, str] = {}
    for some in chunks(sorted({review.subject for review in reviews})):
        own = (col(Membership.record).in_(some), Membership.scope == Scope.person.value)
        found |= dict(session.exec(select(Membership.record, Membership.entity_id).where(*own)).all())
    return found
