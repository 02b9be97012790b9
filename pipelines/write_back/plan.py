"""What would be written, and why, kept as a plan. Nothing is sent from here, and nothing is sent that is not in a plan."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from sqlalchemy import Engine

from connectors.base import Crm, FieldValue
from models.base import new_id
from models.clock import Clock
from models.keys import RecordKey
from models.writes import WritePlan
from pipelines.ingest.lake import Lake
from pipelines.progress import report
from pipelines.write_back.cast import read_cast
from pipelines.write_back.compare import (
    ON_PURPOSE,
    OPTED_OUT,
    Decision,
    Left,
    State,
    Target,
    Values,
    Wanted,
    decide,
    left_alone,
)
from pipelines.write_back.crm import AT_ONCE, Fields
from pipelines.write_back.feedback import Feedback, listen
from pipelines.write_back.fields import CONTENT_HASH
from pipelines.write_back.flight import ahead
from pipelines.write_back.held import as_json, value_hash
from pipelines.write_back.ledger import Ledger, Standing
from pipelines.write_back.limits import TRIED_AGAIN, Limits
from pipelines.write_back.recovery import recover
from pipelines.write_back.rows import Row
from pipelines.write_back.sources import gather
from pipelines.write_back.successors import inherit, successors


def plan(crm: Crm, vendor: str, *, lake: Lake, store: Engine, clock: Clock, limits: Limits) -> WritePlan:
    """Keep, as a plan, every CRM field that should change, and nothing else.

    Errors: FieldsNotReady, Busy, and what the connector raises; nothing was written then.
    """
    touched = frozenset(Ledger.of(store, vendor, crm).touched())
    feedback = listen(crm, vendor, lake=lake, store=store, clock=clock)
    cast = read_cast(lake, store, crm, vendor, touched, limits.currency or crm.currency)
    noted = {"payers in other currencies": cast.figures.left_out, **feedback.counts}
    wanted = feedback.said(gather(store, cast, clock.now()))
    return draw_up(crm, vendor, wanted, store=store, clock=clock, limits=limits, noted=noted, feedback=feedback)


def draw_up(
    crm: Crm,
    vendor: str,
    wanted: Iterable[Wanted],
    *,
    store: Engine,
    clock: Clock,
    limits: Limits,
    noted: Mapping[str, int] | None = None,
    feedback: Feedback | None = None,
) -> WritePlan:
    """Compare what is wanted with what is there, and keep the difference as a plan that takes the place of older ones.

    Shape: each record at most once in `wanted`; records left out are left as they are; `noted` joins the plan's
    counts; what `feedback` took is emptied. A stopped plan says why it is.
    Errors: FieldsNotReady, Busy, and what the connector raises; nothing was written then.
    """
    ledger = Ledger.of(store, vendor, crm)
    with ledger.alone():
        recover(crm, ledger, clock)
        return _Planning(crm, ledger, clock, limits, noted or {}).run(wanted, feedback or Feedback())


@dataclass(frozen=True)
class _Look:
    """A record that the CRM is asked about."""

    target: Target
    known: Mapping[str, str]
    """Hash of what each field is known to hold, by our name."""
    standing: Mapping[str, Standing]
    """What was decided last of each field, by our name."""


class _Planning:
    """One plan in the making."""

    def __init__(self, crm: Crm, ledger: Ledger, clock: Clock, limits: Limits, noted: Mapping[str, int]) -> None:
        self.crm, self.ledger, self.now, self.limits, self.fields = crm, ledger, clock.now(), limits, Fields(crm)
        self.policies = limits.policies()
        self.fingerprint = cache(crm.fingerprint)
        self.plan_id = ledger.begin(self.now)
        self.shown = ledger.known_values(self.fields.api[CONTENT_HASH.name])
        """Hash of the content hash that each record is known to hold."""
        self.touched = ledger.touched()
        """Records on which something of ours stands."""
        self.checked: set[str] = set()
        self.met: dict[str, bool] = {}
        """Records that the plan has met, and whether they show something of ours or are to."""
        self.silent: dict[tuple[str | None, str], Wanted] = {}
        """Who opted out, by what kind of thing speaks of them and whom it is, with one of the records that are to show nothing therefore."""
        self.followed: list[Wanted] = []
        """What records are to show that others were merged into or converted to."""
        self.to_write: Counter[str] = Counter()
        """Records to write, by kind of object."""
        self.counts: Counter[str] = Counter(noted)

    def run(self, wanted: Iterable[Wanted], feedback: Feedback) -> WritePlan:
        self._plan(wanted)
        self._plan(self._elsewhere())
        self.touched = self.ledger.touched() if self.followed else self.touched
        self._plan({str(one.record): one for one in self.followed if self._is_left(one)}.values())
        self.ledger.add(feedback.emptied(self.plan_id, self.fields.api, self.now), self.now)
        self.counts["write calls"] = calls(self.crm, self.to_write, self.limits)
        asks = self.ledger.vendor in self.limits.approval and self.counts["fields planned"] > 0
        return self.ledger.finish(self.plan_id, self.counts, self._breaker(self.limits), needs_approval=asks)

    def _changed(self, wanted: Iterable[Wanted]) -> Iterator[Target]:
        """The records that may not be in step; one that shows the same content costs a look-up and no call."""
        for one in wanted:
            target, key = Target.of(one), str(one.record)
            self.met[key] = bool(one.values) or key in self.touched
            if one.reason == OPTED_OUT:
                self.silent[one.subject, one.entity_id] = one
            self.counts["records"] += 1
            self.counts["records with a source"] += bool(one.values) or one.reason in ON_PURPOSE
            in_step = self.shown.get(key) == value_hash(target.fingerprint) if one.values else key not in self.touched
            if in_step:
                self.counts["unchanged"] += 1
            else:
                yield target

    def _plan(self, wanted: Iterable[Wanted]) -> None:
        portions = map(self._worth_a_look, _by_object(self._changed(wanted)))
        for portion, (looks, current) in enumerate(ahead(self._read, filter(None, portions)), start=1):
            self._follow([look.target for look in looks if look.target.wanted.record.id not in current])
            rows: list[Row] = []
            for look in looks:
                rows += self._rows(look, current.get(look.target.wanted.record.id))
            self.ledger.add(rows, self.now)
            report(f"planning {self.ledger.vendor} fields, portions that differ", portion)

    def _worth_a_look(self, targets: Sequence[Target]) -> list[_Look]:
        keys = [str(target.wanted.record) for target in targets]
        known = {key: self.fields.named(values) for key, values in self.ledger.known(keys).items()}
        standing = self._standing(keys)
        looks = []
        for target, key in zip(targets, keys, strict=True):
            due = target.due(known[key])
            why = self._left_alone(target, due, standing[key]) if due else "unchanged"
            if why:
                self.counts[why] += 1
            else:
                looks.append(_Look(target, known[key], standing[key]))
        return looks

    def _left_alone(self, target: Target, due: Values, standing: Mapping[str, Standing]) -> Left | None:
        """As `left_alone`; but what was refused is tried again once the fields have changed, or a week is over."""
        why = left_alone(due, standing)
        if why != "parked":
            return why
        under = self.fingerprint(target.wanted.record.object)
        failed = [was for was in (standing[name] for name in due) if was.state == "failed"]
        return None if any(self._worth_another_try(was, under) for was in failed) else why

    def _worth_another_try(self, was: Standing, under: str) -> bool:
        return was.parked_under != under or was.at is None or self.now - was.at >= TRIED_AGAIN

    def _follow(self, gone: Sequence[Target]) -> None:
        """What a record was to show is wanted of the record that it was merged into or converted to."""
        if not gone:
            return
        self.counts["gone"] += len(gone)
        by_key = {target.wanted.record: target.wanted for target in gone}
        became = successors(self.fields, list(by_key))
        heirs = inherit(self.fields, self.ledger, became)
        self.followed += [
            replace(by_key[old], record=new) for old, new in became.items() if by_key[old].values or new in heirs
        ]

    def _is_left(self, followed: Wanted) -> bool:
        """Whether the record was not met, or is to be emptied of what it was not known to show when it was met."""
        key = str(followed.record)
        return key not in self.met or not (followed.values or self.met[key])

    def _elsewhere(self) -> list[Wanted]:
        """Nothing, on records that show somebody who opted out and that nobody has asked for: they are no longer live."""
        told_of = self.ledger.told_of(sorted(self.touched - self.met.keys())) if self.silent else {}
        found = []
        for record, entity in sorted(told_of.items()):
            key = RecordKey.parse(record)
            if like := self.silent.get((self.fields.subjects.get(key.object), entity)):
                found.append(replace(like, record=key))
        return found

    def _standing(self, keys: Sequence[str]) -> dict[str, dict[str, Standing]]:
        standing: dict[str, dict[str, Standing]] = {key: {} for key in keys}
        for (key, api), was in self.ledger.standing(keys).items():
            if api in self.fields.specs:
                standing[key][self.fields.specs[api].name] = was
        return standing

    def _read(self, looks: Sequence[_Look]) -> dict[str, dict[str, FieldValue]]:
        object_name = looks[0].target.wanted.record.object
        if object_name not in self.checked:
            self.fields.require(object_name)
            self.checked.add(object_name)
        return self.fields.read(object_name, [look.target.wanted.record.id for look in looks])

    def _rows(self, look: _Look, current: Mapping[str, FieldValue] | None) -> Iterator[Row]:
        if current is None:
            return
        target = look.target
        stamps = target.stamps(self.now.isoformat(), self.plan_id)
        decisions = decide(target, look.known, current, stamps, self.policies)
        self._count(target, {decision.state for decision in decisions})
        for decision in decisions:
            hashed = value_hash(decision.value)
            if decision.state in ("conflict", "suppressed") and look.standing.get(decision.field) == Standing(
                decision.state, hashed
            ):
                continue  # it was said when it was found
            self.counts[f"fields {decision.state}"] += 1
            yield self._row(target, decision, hashed, as_json(current.get(decision.field)))

    def _count(self, target: Target, states: set[State]) -> None:
        if "planned" in states:
            self.counts["to write"] += 1
            self.to_write[target.wanted.record.object] += 1
            self.counts["rewritten"] += str(target.wanted.record) in self.touched
        elif "suppressed" in states:
            self.counts["locked"] += 1
        else:
            self.counts["kept" if "conflict" in states else "unchanged"] += 1

    def _row(self, target: Target, decision: Decision, hashed: str, old: str) -> Row:
        return Row(
            id=new_id(self.now),
            plan_id=self.plan_id,
            record=str(target.wanted.record),
            entity_id=target.wanted.entity_id,
            field=self.fields.api[decision.field],
            old_value=old,
            new_value=as_json(decision.value),
            value_hash=hashed,
            reason=decision.reason,
            belief_ids=list(target.wanted.belief_ids),
            state=decision.state,
        )

    def _breaker(self, limits: Limits) -> str | None:
        """Why this plan is not to be applied, if it looks like an accident."""
        shown = len(self.touched)
        if shown and not self.counts["records with a source"]:
            return f"there is nothing to show any more, while {shown} records show something; check the pull and the stitch"
        changed = self.counts["rewritten"]
        if shown >= limits.min_records and changed > limits.max_changed_share * shown:
            return (
                f"{changed} of {shown} records would change, more than {limits.max_changed_share:.0%}; look at the plan, "
                "and if it is right, plan again with a higher SIDECAR_WRITE_BACK_MAX_CHANGED_SHARE"
            )
        return None


def calls(crm: Crm, records: Mapping[str, int], limits: Limits) -> int:
    """The write calls that so many records of each kind of object need: batches or one job, and a canary ahead of many."""
    needed = 0
    for count in records.values():
        ahead = min(limits.canary, count) if count > limits.canary_above else 0
        rest = count - ahead
        by_job = crm.jobs is not None and rest >= crm.jobs.least
        needed += -(-ahead // crm.batch_size) + (1 if by_job else -(-rest // crm.batch_size))
    return needed


def _by_object(targets: Iterable[Target]) -> Iterator[list[Target]]:
    """Portions of one kind of object each."""
    waiting: defaultdict[str, list[Target]] = defaultdict(list)
    for target in targets:
        portion = waiting[target.wanted.record.object]
        portion.append(target)
        if len(portion) == AT_ONCE:
            yield waiting.pop(target.wanted.record.object)
    yield from waiting.values()
