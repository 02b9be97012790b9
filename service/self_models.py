"""The one facade behind every door: read a self-model, add to it, read its alignment. Each call names a purpose and is audited."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session, col, or_, select

from models import (
    Audit,
    Belief,
    Evidence,
    Membership,
    Observation,
    Polarity,
    Purpose,
    Scope,
    Slot,
    Verdict,
)
from models.base import new_id
from models.keys import RecordKey, content_id, stable_hash
from models.store import transaction
from pipelines.understand import screens
from pipelines.understand.assertions import record_assertion
from pipelines.understand.beliefs import conclude, known_at
from pipelines.understand.changed import Change, changes_between
from pipelines.understand.claims import ASPECT_LENGTH, HOLDER_LENGTH, STATEMENT_LENGTH
from pipelines.understand.lessons import taught
from pipelines.understand.people import chunks
from pipelines.understand.policy import Policy
from pipelines.understand.reviews import Said, record_review
from pipelines.understand.text import canonical
from pipelines.understand.words import summary, top_belief
from pipelines.workspace import Workspace
from service.errors import UsageError
from service.forgetting import Outcome, carry_out, decide, found_of, is_begun
from service.held import AlignmentReading, SelfModel, alignment_at, held_beliefs, shown_on
from service.looking import Kept, ToReview, belief_named, to_review
from service.people import cost_of, derived_rows, engagements_of, evidence_of, find_person, profiles_of, records_of

SOURCES = ("call_note", "email", "ticket", "transcript", "form", "chat")
"""Where an observation may come from; each has its own reliability."""
AUTHORS = ("customer", "rep", "agent")


class SelfModels:
    """The three ways in, for one actor. Every reading and every addition leaves an audit row."""

    def __init__(self, workspace: Workspace, *, actor: str) -> None:
        self.workspace = workspace
        self.actor = actor

    def get_self_model(
        self, person: str, *, purpose: Purpose, as_of: datetime | None = None, known: datetime | None = None
    ) -> SelfModel:
        """What is held on the person, from evidence that may be used for the purpose.

        Units: `as_of` in UTC, now if not given; an earlier instant shows what was held then, as far as it was known at `known`,
        which is the same instant if not given: a later one adds what came to light since. Beside it stand today's journey, cost, revenue and CRM fields. What may no longer be kept is not shown for any instant.
        Errors: UsageError if nobody, or more than one person, is known by that name.
        """
        now = self.workspace.clock.now()
        instant = as_of or now
        told = known or instant
        lake = self.workspace.lake
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, lake, person)
            self._audit(session, "get_self_model", purpose, person_id)
            records = records_of(session, person_id)
            usable = evidence_of(session, records, purpose, now)
            evidence = known_at(usable, instant, told)
            lesson = taught(session, told)
            slots = list(session.exec(select(Slot)))
            half_lives = {slot.name: slot.half_life_days for slot in slots}
            beliefs = conclude(person_id, evidence, half_lives, lesson)
            profiles = profiles_of(lake, records)
            journey = next(iter(derived_rows(lake, "journeys", person_id, "person_id")), {})
            return SelfModel(
                person_id=person_id,
                name=_first(profiles, "name") or person,
                title=_first(profiles, "title"),
                company=_first(profiles, "company"),
                records=[row.record for row in records],
                journey=journey,
                acquisition_cost=cost_of(lake, person_id),
                engagements=engagements_of(lake, records),
                revenue=derived_rows(lake, "revenue", person_id, "entity_id"),
                beliefs=held_beliefs(session, beliefs, evidence, half_lives, instant, lesson),
                top_belief=top_belief(beliefs, evidence, slots),
                summary=summary(beliefs, evidence, slots),
                alignment=alignment_at(session, person_id, instant, usable),
                shown=shown_on(session, [row.record for row in records]),
                purpose=purpose.value,
                as_of=instant,
            )

    def get_alignment(self, person: str, *, purpose: Purpose, as_of: datetime | None = None) -> AlignmentReading | None:
        """The person's alignment at an instant (UTC, now if not given); None where nothing has been observed for this purpose."""
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "get_alignment", purpose, person_id)
            usable = evidence_of(session, records_of(session, person_id), purpose, now)
            return alignment_at(session, person_id, as_of or now, usable)

    def add_observation(
        self, person: str, text: str, *, source: str, author: str, purpose: Purpose, occurred_at: datetime | None = None
    ) -> str:
        """Keep something that was said, to be read by the next understand run; the same words twice are one observation.

        Units: `occurred_at` in UTC, now if not given. Errors: UsageError for empty text, an unknown person, source or author.
        """
        if not text.strip():
            raise UsageError("The text is empty; there is nothing to observe.")
        if source not in SOURCES or author not in AUTHORS:
            raise UsageError(
                f"An observation comes from one of {', '.join(SOURCES)}, by one of {', '.join(AUTHORS)}; not from {source!r} by {author!r}."
            )
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "add_observation", purpose, person_id)
            records = records_of(session, person_id)
            if not records:
                raise UsageError(f"Person {person_id} has no record any more that an observation could hang on.")
            subject = records[0].record
            words, policy = canonical(text, source), Policy()
            record = RecordKey("sidecar", self.actor, "observation", content_id(subject, source, author, words))
            observation = Observation(
                id=content_id(str(record), "text"),
                record=str(record),
                subject=subject,
                subject_hash=stable_hash(subject),
                source=source,
                author=author,
                text=words,
                text_hash=content_id(words),
                thread=str(record),
                occurred_at=occurred_at or now,
                recorded_at=now,
                lawful_basis=policy.lawful_basis,
                purposes=[purpose.value for purpose in policy.purposes],
                region=policy.region,
                retain_until=(occurred_at or now) + policy.retention,
            )
            if session.get(Observation, observation.id) is None:
                session.add(observation)
        return observation.id

    def forget(self, person: str) -> Outcome:
        """Erase everything held of the person for good, and keep it from coming back; a second time finds nothing left to do.

        Errors: UsageError for an unknown person; LeftUndoneError while somebody pulls: it is decided then, and asking again goes on.
        """
        if not is_begun(self.workspace, person):
            decide(self.workspace, found_of(self.workspace, person), actor=self.actor)
        return carry_out(self.workspace)

    def get_reviews(self, *, purpose: Purpose, most: int = 20) -> list[ToReview]:
        """The beliefs that would repay a look most, the most telling first, of those that may be used for the purpose."""
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            found = to_review(session, self.workspace.lake, purpose, now, most)
            for person_id in sorted({one.person_id for one in found}):
                self._audit(session, "get_reviews", purpose, person_id)
        return found

    def review(
        self,
        belief: str,
        verdict: Verdict,
        *,
        purpose: Purpose,
        correction: str | None = None,
        side: Polarity | None = None,
        by_customer: bool = False,
        source: Literal["cli", "api"] = "api",
    ) -> Kept:
        """Say whether a belief (its id, or the beginning of it) is right; it counts from the next understand run on, and for ever.

        `correction` says what holds instead, `side` whether that is for us (the other side, if left out). Who the customer is
        says so by `by_customer`. Errors: UsageError if no such belief may be used for the purpose, or the correction is no answer.
        """
        if correction is not None and (not correction.strip() or verdict == Verdict.unsure):
            raise UsageError("A correction says what holds instead; give it with agree or disagree, and in words.")
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            found = belief_named(session, belief, purpose, now)
            self._audit(session, "review", purpose, found.person_id)
            role: Literal["customer", "colleague"] = "customer" if by_customer else "colleague"
            said = Said(verdict, self.actor, role, source, now, correction, side)
            try:
                kept = record_review(session, found, said, now)
            except ValueError as error:
                raise UsageError(str(error)) from error
            return Kept(kept.id, kept.statement, kept.verdict, kept.correction)

    def assert_belief(
        self,
        person: str,
        statement: str,
        *,
        slot: str,
        polarity: Polarity,
        purpose: Purpose,
        aspect: str = "",
        holder: str | None = None,
        parents: Sequence[str] = (),
    ) -> str:
        """Keep what an agent holds of the person, as the least reliable evidence there is; returns the evidence's id.

        It counts only while the person has neither said nor done anything on the topic. `parents` are ids of the beliefs it was
        drawn from: it is then never surer than the least sure of them. Errors: UsageError for an unknown person, slot or parent.
        """
        words, whose, about = (" ".join(text.split()) for text in (statement, holder or "", aspect))
        now = self.workspace.clock.now()
        if not words or len(words) > STATEMENT_LENGTH:
            raise UsageError(f"A statement has 1 to {STATEMENT_LENGTH} characters.")
        if len(whose) > HOLDER_LENGTH or len(about) > ASPECT_LENGTH:
            raise UsageError(f"A holder has at most {HOLDER_LENGTH} characters, an aspect {ASPECT_LENGTH}.")
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "assert_belief", purpose, person_id)
            known = session.get(Slot, slot)
            if known is None or not known.active:
                raise UsageError(f"There is no slot called {slot[:40]!r}.")
            if any(screens.special(text) or screens.suspicious(text) for text in (words, whose, about)):
                raise UsageError("A statement is about buying and using, gives no orders and carries no links.")
            drawn_from = [belief_named(session, one, purpose, now) for one in parents]
            if strangers := [one for one in drawn_from if one.person_id != person_id]:
                raise UsageError(f"{len(strangers)} of the parents are beliefs of somebody else.")
            records = records_of(session, person_id)
            if not records:
                raise UsageError(f"Person {person_id} has no record any more that an assertion could hang on.")
            return record_assertion(
                session,
                subject=records[0].record,
                agent=self.actor,
                about=(whose or None, slot, about),
                polarity=polarity,
                statement=words,
                parents=drawn_from,
                purposes=_common_purposes(session, drawn_from),
                now=now,
            )

    def get_changes(self, person: str, *, purpose: Purpose, since: datetime) -> list[Change]:
        """What has changed in the person's self-model since an instant, from what was known then and what is now."""
        now = self.workspace.clock.now()
        with transaction(self.workspace.store) as session:
            person_id = find_person(session, self.workspace.lake, person)
            self._audit(session, "get_changes", purpose, person_id)
            usable = evidence_of(session, records_of(session, person_id), purpose, now)
            half_lives = {slot.name: slot.half_life_days for slot in session.exec(select(Slot))}
            before, after = (
                conclude(person_id, known_at(usable, at, at), half_lives, taught(session, at)) for at in (since, now)
            )
            return changes_between(before, after)

    def changed_people(self, *, since: datetime) -> list[str]:
        """Ids of everybody of whom evidence has come in, or was withdrawn, since an instant; whose words they are is asked one by one."""
        with transaction(self.workspace.store) as session:
            moved = or_(col(Evidence.recorded_at) > since, col(Evidence.withdrawn_at) > since)
            query = (
                select(Membership.entity_id)
                .join(Evidence, col(Evidence.subject_hash) == col(Membership.record_hash))
                .where(Membership.scope == Scope.person.value, moved)
                .distinct()
            )
            return sorted(session.exec(query))

    def _audit(self, session: Session, action: str, purpose: Purpose, person_id: str) -> None:
        now = self.workspace.clock.now()
        session.add(
            Audit(id=new_id(now), actor=self.actor, action=action, purpose=purpose.value, entity_id=person_id, at=now)
        )


def _common_purposes(session: Session, beliefs: Sequence[Belief]) -> list[str]:
    """What all evidence behind these beliefs may be used for; what is drawn from it may be used for no more."""
    ids = {id_ for belief in beliefs for id_ in belief.evidence_ids}
    query = select(Observation.purposes).join(Evidence, col(Evidence.observation_id) == col(Observation.id))
    purposes = {purpose.value for purpose in Policy().purposes}
    for some in chunks(sorted(ids)):
        for allowed in session.exec(query.where(col(Evidence.id).in_(some))):
            purposes &= set(allowed)
    return sorted(purposes)


def _first(profiles: list[dict[str, Any]], field: str) -> str | None:
    return next((profile[field] for profile in profiles if profile[field]), None)
