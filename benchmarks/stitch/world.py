"""A planted world of facts: persons whose records are spread over the vendors, and, kept apart, whose each record is.

Made in columns, so that five million records take a minute. A share of the identifiers lies, as they do in real CRMs: mailboxes and phones
that three people share, hubs on dozens of records, role mailboxes, a second address, leads that were converted, duplicates that
the vendor merges later. The same seed gives the same world.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.keys import stable_hash

Ints: TypeAlias = NDArray[np.int64]
Column: TypeAlias = Any
"""An Arrow array, chunked or not; the stubs know them as generic, the library does not."""

ACCOUNT = "acme"
SHARED = 0.02
"""Of the e-mail addresses, and of the phones, that belong to three people."""
SHARERS = 3
SECOND, SECOND_USED, BOTH = 0.07, 0.10, 0.7
"""Persons with a second address; their records that name it instead of the first, and of the others those that name both."""
ROLES = 0.01
"""Records that also name a role mailbox of their company."""
HUBS, HUB_RECORDS = 0.002, 40
"""Records that carry a placeholder which nobody has listed, and how many of them carry the same."""
COMPANY = 8
"""Persons of one company."""

FIRST = (  # noqa: SIM905  # a list would take a line per name
    "Ada Alan Amara Anna Anton Bela Boris Carla Chen Chloe Clara Daniel Dara Dmitri Elena Elif Emil Emma Erik Eva Farid Fatima "
    "Felix Finn Greta Hana Hugo Ida Igor Irma Ivan Jana Joao Jonas Jose Karin Kemal Kira Lars Lea Leo Lina Louis Luca Mara Marc "
    "Marie Mila Mina Nadia Nina Noah Nora Olga Omar Oskar Paula Pedro Petra Rania Rosa Ruth Sara Sofia Sven Tara Tomas Uma Vera "
    "Viktor Yara Zoe"
).split()  # a list would take a line per name
LAST = (  # noqa: SIM905  # likewise
    "Abe Adler Ahmed Bauer Becker Berg Braun Brown Castro Cohen Costa Cruz Diaz Dubois Egger Eklund Evans Fischer Fontana "
    "Garcia Gruber Haas Hansen Horvat Ivanov Jansen Johnson Kaya Keller Khan Kim Klein Kovac Kowalski Kumar Lang Larsen Lehmann "
    "Lopez Maier Marino Martin Mehta Meyer Moreau Murphy Nagy Nguyen Novak Okafor Olsen Park Patel Peeters Petrov Popov Reyes "
    "Ricci Rossi Roth Santos Sato Schmidt Silva Singh Smith Sousa Suzuki Tanaka Toth Urban Varga Vogel Wagner Wang Weber Wolf "
    "Wong Yilmaz Young Zhang Ziegler"
).split()  # a list would take a line per name


@dataclass(frozen=True)
class Carrier:
    """One kind of record: how many of the persons have it, and how often it names each kind of identifier."""

    vendor: str
    object: str
    share: float
    prefix: str
    own: str = ""
    """Identifier kind of the record's own id; empty where nobody refers to it."""
    names: Mapping[str, float] | None = None
    named: float = 0.97
    """How often it holds the person's name."""


CARRIERS = (
    Carrier("salesforce", "contact", 0.62, "003", "salesforce_id", {"email": 0.98, "phone": 0.65, "stripe_customer": 0.15}),
    # a converted lead names the contact that it became
    Carrier("salesforce", "lead", 0.25, "00Q", "salesforce_id", {"email": 0.98, "phone": 0.5, "salesforce_id": 0.7}),
    Carrier("hubspot", "contact", 0.55, "hs", "hubspot_id", {"email": 0.99, "phone": 0.45, "salesforce_id": 0.5}),
    # a duplicate, which HubSpot merges later: the survivor then names both ids
    Carrier("hubspot", "contact", 0.04, "hd", "hubspot_id", {"email": 0.99, "phone": 0.6}),
    Carrier("stripe", "customer", 0.38, "cus_", "stripe_customer", {"email": 0.99, "external_id": 0.4}, 0.6),
    Carrier("product_events", "user", 0.36, "u", "external_id", {"email": 0.98}, 0.5),
    Carrier("meta_ads", "lead", 0.12, "m", "", {"email": 1.0, "phone": 0.8}),
)  # fmt: skip
MOST = 5
"""Records of one person."""
CONTACT, LEAD, HUBSPOT, DUPLICATE, CUSTOMER, USER, FORM = range(len(CARRIERS))
OWNERS = {"salesforce_id": CONTACT, "stripe_customer": CUSTOMER, "external_id": USER}
"""Whose own id it is that other records name."""
KINDS = ("email", "phone", "external_id", "salesforce_id", "hubspot_id", "stripe_customer")


@dataclass(frozen=True)
class World:
    """Records with what they say, and whose they are.

    Shape: `records` has `vendor, object, id, name, person, record, record_hash`, sorted by person; its row number names a record in
    `identifiers`: `number, kind, value, value_hash`, sorted by number. `person` is the planted truth.
    """

    records: pa.Table
    identifiers: pa.Table


def world(persons: int, seed: int, first: int = 0, *, elusive: bool = True) -> World:
    """So many persons with one to five records each, numbered from the first; worlds that do not overlap are parts of a larger one.

    In an `elusive` one some records name no address, and some persons a second one: no value ties those to the others of their person.
    """
    rng = np.random.default_rng([seed, first])
    has = rng.random((persons, len(CARRIERS))) < [one.share for one in CARRIERS]
    has[:, DUPLICATE] &= has[:, HUBSPOT]
    has[~has.any(axis=1), HUBSPOT] = True
    has[has.sum(axis=1) > MOST, FORM] = False
    has[has.sum(axis=1) > MOST, LEAD] = False
    person, carrier = (found.astype(np.int64) for found in np.nonzero(has))
    mailbox, line = _shared(rng, persons), _shared(rng, persons)
    # every other shared mailbox is a family's
    family = np.where(mailbox % 2 == 0, mailbox, np.arange(persons))
    records = _records(rng, person, carrier, family, first)
    said = _identifiers(
        rng, has, person, carrier, first + mailbox[person], first + line[person], first, elusive=elusive
    )
    return World(records, said)


def _records(rng: np.random.Generator, person: Ints, carrier: Ints, family: Ints, offset: int) -> pa.Table:
    first, last = (rng.integers(0, len(names), len(family)) for names in (FIRST, LAST))
    given, surname = _pick(FIRST, first[person]), _pick(LAST, last[family[person]])
    style = rng.random(len(person))
    name = pc.if_else(pa.array(style < 0.03), _text(surname, ", ", given), _text(given, " ", surname))
    initial = _text(pc.utf8_slice_codeunits(given, 0, 1), ". ", surname)
    name = pc.if_else(pa.array((style > 0.03) & (style < 0.05)), initial, name)
    said = rng.random(len(person)) < np.array([one.named for one in CARRIERS])[carrier]
    columns = {
        "vendor": _pick([one.vendor for one in CARRIERS], carrier),
        "object": _pick([one.object for one in CARRIERS], carrier),
        "id": _text(_pick([one.prefix for one in CARRIERS], carrier), person + offset),
        "name": pc.if_else(pa.array(said), name, None),
        "person": pa.array(person + offset),
    }
    return keyed(pa.table(columns))


def keyed(records: pa.Table) -> pa.Table:
    """With the written key of each record and its hash."""
    record = _text(records["vendor"], f"/{ACCOUNT}/", records["object"], "/", records["id"])
    hashes = pa.array([stable_hash(key) for key in record.to_pylist()], pa.int64())
    return records.append_column("record", record).append_column("record_hash", hashes)


def _identifiers(
    rng: np.random.Generator,
    has: NDArray[np.bool_],
    local: Ints,
    carrier: Ints,
    mailbox: Ints,
    line: Ints,
    offset: int,
    *,
    elusive: bool,
) -> pa.Table:
    """What the records say: own ids, those of others, addresses and phones, and what says nothing."""
    person = local + offset
    found = [_own(person, carrier), *_addresses(rng, len(has), local, carrier, mailbox, person, elusive=elusive)]
    for kind, owner in OWNERS.items():
        which = _told(rng, carrier, kind) & has[local, owner] & (carrier != owner)
        found.append(_said(kind, which, _text(CARRIERS[owner].prefix, person)))
    found.append(_said("phone", _told(rng, carrier, "phone"), _text("+1", 2_135_550_000 + line)))
    found += _noise(rng, person, offset)
    return hashed(pa.concat_tables(found)).sort_by([(name, "ascending") for name in ("number", "kind", "value")])


def _own(person: Ints, carrier: Ints) -> pa.Table:
    value = _text(_pick([one.prefix for one in CARRIERS], carrier), person)
    kind = _pick([one.own for one in CARRIERS], carrier)
    table = pa.table({"number": pa.array(np.arange(len(person))), "kind": kind, "value": value})
    return table.filter(pc.not_equal(kind, ""))


def _addresses(
    rng: np.random.Generator,
    persons: int,
    local: Ints,
    carrier: Ints,
    mailbox: Ints,
    person: Ints,
    *,
    elusive: bool,
) -> list[pa.Table]:
    told, moved = _told(rng, carrier, "email"), (rng.random(persons) < SECOND)[local]
    if not elusive:
        told, moved = np.ones_like(told), np.zeros_like(moved)
    second = moved & (rng.random(len(local)) < SECOND_USED)
    both = moved & ~second & (rng.random(len(local)) < BOTH)
    work = _text("p", mailbox, "@c", mailbox // COMPANY, ".example")
    home = _text("home", person, "@post.example")
    return [_said("email", told & ~second, work), _said("email", told & (second | both), home)]


def _noise(rng: np.random.Generator, person: Ints, offset: int) -> list[pa.Table]:
    """Role mailboxes, and hubs of either kind."""
    roles, hubs = rng.random(len(person)) < ROLES, rng.random(len(person)) < HUBS
    number = offset + rng.integers(0, max(1, round(hubs.sum() / HUB_RECORDS)), len(person))
    by_mail = hubs & (number % 2 == 0)
    return [
        _said("email", roles, _text("info@c", person // COMPANY, ".example")),
        _said("email", by_mail, _text("kunde", number, "@shop.example")),
        _said("phone", hubs & ~by_mail, _text("+4930", 5_550_000 + number)),
    ]


def _shared(rng: np.random.Generator, persons: int) -> Ints:
    """The person whose value each person has: their own, but for those who share."""
    owner = np.arange(persons)
    sharing = rng.permutation(persons)[: round(persons * SHARED) // SHARERS * SHARERS].reshape(-1, SHARERS)
    owner[sharing] = sharing[:, :1]
    return owner


def _told(rng: np.random.Generator, carrier: Ints, kind: str) -> NDArray[np.bool_]:
    shares = np.array([(one.names or {}).get(kind, 0.0) for one in CARRIERS])
    told: NDArray[np.bool_] = rng.random(len(carrier)) < shares[carrier]
    return told


def _said(kind: str, which: NDArray[np.bool_], value: Column) -> pa.Table:
    number = np.flatnonzero(which)
    kinds = pa.array([kind]).take(pa.array(np.zeros(len(number), np.int64)))
    return pa.table({"number": pa.array(number), "kind": kinds, "value": value.take(pa.array(number))})


def hashed(said: pa.Table) -> pa.Table:
    """With the hash of each value, as ingest makes it."""
    pairs = zip(said["kind"].to_pylist(), said["value"].to_pylist(), strict=True)
    return said.append_column("value_hash", pa.array([stable_hash(kind, value) for kind, value in pairs], pa.int64()))


def _pick(words: Sequence[str], which: Ints) -> Column:
    return pa.array(words).take(pa.array(which))


def _text(*parts: Column | Ints | str) -> Column:
    """The parts behind one another, row by row."""
    columns = [pa.array(part).cast(pa.string()) if isinstance(part, np.ndarray) else part for part in parts]
    joined: Column = pc.binary_join_element_wise(*columns, "")
    return joined
