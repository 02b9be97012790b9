"""Who may leave and what each person is likely to do next, as derived tables of the lake: chances, and how far to trust them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from models import Alignment
from models.store import transaction
from pipelines.stitch.derived import Derived
from pipelines.stitch.lens.settings import LensSettings
from pipelines.stitch.lifetime.calibration import Calibration
from pipelines.stitch.lifetime.customers import Customers
from pipelines.stitch.rates import Rates
from pipelines.understand.behaviour.deeds import Deed, each_person, read_deeds
from pipelines.understand.outlook.history import alignment_before
from pipelines.understand.outlook.next_action import chances, likeliest, tried
from pipelines.understand.outlook.risk import Risks, risks
from pipelines.understand.people import refused
from pipelines.workspace import Workspace

RISKS = Derived(
    "risks",
    "How likely each payer leaves within 90 days.",
    ("scope", "entity_id"),
    {
        "scope": (pa.string(), "person or account, or unassigned for the payer of a contract whom nobody knows"),
        "entity_id": (pa.string(), "who pays"),
        "way": (pa.string(), "what leaving is: buys nothing, or ends the contract"),
        "risk": (pa.float64(), "chance within 90 days, 0 to 1"),
        "base": (pa.float64(), "the same by purchases and contracts alone"),
        "adjusted": (pa.bool_(), "whether alignment has made such forecasts better, and is in the chance"),
        "standing": (pa.string(), "how far it can be trusted: calibrated, or uncalibrated with the reason"),
    },
)
NEXT = Derived(
    "next_actions",
    "What each person is likely to do within 30 days.",
    ("person_id",),
    {
        "person_id": (pa.string(), "the person"),
        "action": (pa.string(), "the likeliest: uses the product, buys, or answers by some channel"),
        "chance": (pa.float64(), "of at least one day with it, 0 to 1"),
        "standing": (pa.string(), "how far such chances can be trusted: calibrated, or uncalibrated with the reason"),
    },
)


@dataclass(frozen=True)
class Predicted:
    """Both tables with what they rest on."""

    risks: pa.Table
    next_actions: pa.Table
    by_way: list[Risks]
    actions: Calibration


def predict(workspace: Workspace) -> Predicted:
    """Foretell for everybody as of now; the deeds of whoever refuses are left out."""
    lake, now = workspace.lake, workspace.clock.now()
    customers = Customers.of(lake, Rates.of(workspace.settings), now, LensSettings().home)
    with transaction(workspace.store) as session:
        everybody, barred = read_deeds(lake, session), refused(lake, session)
        found = risks(customers, partial(alignment_before, session, Alignment.overall))
    deeds = partial(_allowed, everybody, barred)
    actions = tried((done for _, done in deeds()), now)
    standing = actions.standing
    payers = customers.payers.to_pylist()
    rows = [
        {**payers[int(who)], "way": one.way, "risk": float(chance), "base": float(base), "adjusted": one.adjusted, "standing": one.standing}
        for one in found
        for who, chance, base in zip(one.who, one.chance, one.base, strict=True)
    ]  # fmt: skip
    following = [
        {"person_id": person, "action": best[0], "chance": best[1], "standing": standing}
        for person, done in deeds()
        if (best := likeliest(chances(done, now)))
    ]
    return Predicted(_table(RISKS, rows), _table(NEXT, following), found, actions)


def _allowed(deeds: pa.Table, barred: set[str]) -> Iterator[tuple[str, list[Deed]]]:
    """Everybody's deeds, but of those who refuse."""
    return ((person, done) for person, done in each_person(deeds) if not any(deed.record in barred for deed in done))


def _table(derived: Derived, rows: list[dict[str, object]]) -> pa.Table:
    made = pa.Table.from_pylist(rows, schema=derived.schema)
    return made.sort_by([(name, "ascending") for name in derived.key])
