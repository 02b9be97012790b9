"""What is known of a person, an account and a deal when the CRM is to show it. Plain data, read by `sources`, shown by `values`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from models import Alignment, Belief, Evidence
from models.keys import RecordKey


@dataclass(frozen=True)
class Figures:
    """What a person did and paid.

    Units: `recent` is the number of engagements in the 90 days up to the last one; `revenue` is net, in whole units of the CRM's
    own currency, None where nothing was paid in it.
    """

    source: str | None = None
    recent: int = 0
    revenue: Decimal | None = None

    def __bool__(self) -> bool:
        return bool(self.source or self.recent or self.revenue is not None)


@dataclass(frozen=True)
class Person:
    """One person with everything that may be shown: only evidence whose purposes allow it."""

    id: str
    name: str | None = None
    title: str | None = None
    beliefs: Sequence[Belief] = ()
    evidence: Sequence[Evidence] = ()
    scores: Sequence[Alignment] = ()
    """Oldest first."""
    present: Alignment | None = None
    """The latest score, faded by the silence since: only its band is told."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Where each piece of evidence stands in its own system, by id of the evidence; not every vendor's records have an address."""
    figures: Figures = field(default_factory=Figures)


@dataclass(frozen=True)
class Account:
    """One account with its people. Units: as in `Figures`; revenue of the 12 months up to its last payment."""

    id: str
    people: Sequence[Person] = ()
    scores: Sequence[Alignment] = ()
    present: Alignment | None = None
    revenue: Decimal | None = None


@dataclass(frozen=True)
class Deal:
    """One deal and the people who play a part in it."""

    record: RecordKey
    entity_id: str
    open: bool
    people: Sequence[Person] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    """The part each person plays, by person id, in the CRM's words."""
