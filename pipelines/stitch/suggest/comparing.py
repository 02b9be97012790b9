"""How two persons or companies are compared, as data: what can agree and how far, what that says, and who is compared at all.

One signal is one independent piece of evidence. What depends on each other (first and last name, company and mail domain) is one
signal, or else the same thing would count twice. The shares beside each level are assumed where there is too little data to estimate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True)
class Level:
    """How far two sides agree: `test` is DuckDB SQL over `{0}_l`, `{0}_r` and so on, the columns of the signal in their order.

    Units: `same` and `other` are the shares of pairs that agree so far, among the same and among others. `rare` is the place of the
    column whose rare values say more than common ones.
    """

    words: str
    test: str
    same: float
    other: float
    rare: int | None = None


@dataclass(frozen=True)
class Signal:
    """One piece of evidence: its columns, the levels from full agreement to none, and when nothing can be said.

    `shown` is the place of the column that tells a human most.
    """

    name: str
    columns: tuple[str, ...]
    levels: tuple[Level, ...]
    silent: str = "{0}_l is null or {0}_r is null"
    shown: int = 0


@dataclass(frozen=True)
class Comparing:
    """What is compared with what.

    `blocks` are lists of DuckDB SQL expressions over one row: two rows are compared if all expressions of one block are equal.
    `certain` are lists of columns: two rows with the same values there are the same but for rare exceptions; from such pairs follows
    how many there are to find. `learn` are columns: rows with the same value there are a good mix of the same and of others.
    """

    signals: tuple[Signal, ...]
    blocks: tuple[tuple[str, ...], ...]
    certain: tuple[tuple[str, ...], ...]
    learn: tuple[str, ...]


@dataclass(frozen=True)
class Learned:
    """What the scores rest on.

    Shape: `signals` says of each whether its shares among the same are `estimated` or `assumed`; `others` the same of the shares
    among others; `expected` is the probability that two rows taken at random are the same; `bounded` counts blocks too large.
    """

    rows: int
    others: str = "assumed"
    signals: Mapping[str, str] = field(default_factory=dict)
    certain: int = 0
    expected: float = 0.0
    bounded: int = 0


@dataclass(frozen=True)
class Scored:
    """Pairs that reach the threshold, most likely first.

    Shape: `table` has `left, right, weight, probability` and for each signal its level (`level_NAME`, -1 where nothing can be said)
    and its part of the weight (`weight_NAME`, bits); `left` sorts before `right`.
    """

    table: pa.Table
    signals: tuple[Signal, ...]
    learned: Learned

    def reaching(self, probability: float) -> "Scored":
        """Those that are at least so likely."""
        return replace(
            self, table=self.table.filter(pc.greater_equal(self.table["probability"], pa.scalar(probability)))
        )


def person_name(given: str, family: str, full: str, called: str) -> Signal:
    """First and last name; `called` is the list of first names that the first name can stand for, itself among them."""
    near = "jaro_winkler_similarity({0}_l, {0}_r) >= %s and jaro_winkler_similarity({1}_l, {1}_r) >= %s"
    levels = (
        Level("the same", "{2}_l = {2}_r", 0.45, 0.0005, rare=2),
        Level(
            "the same, first and last swapped",
            "jaro_winkler_similarity({0}_l, {1}_r) >= 0.92 and jaro_winkler_similarity({1}_l, {0}_r) >= 0.92",
            0.04,
            0.0002,
        ),
        Level("the same but for a short form", "{1}_l = {1}_r and list_has_any({3}_l, {3}_r)", 0.12, 0.0004, rare=1),
        Level("nearly the same", near % (0.92, 0.92), 0.12, 0.0004),
        Level("similar", near % (0.8, 0.8), 0.07, 0.001),
        Level("the same last name", "{1}_l = {1}_r", 0.05, 0.003, rare=1),
        Level("nearly the same last name", "jaro_winkler_similarity({1}_l, {1}_r) >= 0.88", 0.03, 0.004),
        Level("the same first name", "{0}_l = {0}_r", 0.05, 0.006, rare=0),
        Level("nearly the same first name", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.88", 0.02, 0.005),
        Level("different", "else", 0.05, 0.9795),
    )
    silent = "({0}_l is null or {0}_r is null) and ({1}_l is null or {1}_r is null)"
    return Signal("name", (given, family, full, called), levels, silent, shown=2)


def text(column: str) -> Signal:
    """A word or a few, spelled by people: a city, a street."""
    levels = (
        Level("the same", "{0}_l = {0}_r", 0.75, 0.02, rare=0),
        Level("nearly the same", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.92", 0.12, 0.005),
        Level("similar", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.8", 0.05, 0.02),
        Level("different", "else", 0.08, 0.955),
    )
    return Signal(column, (column,), levels)


def digits(column: str, *, shared: bool = True) -> Signal:
    """A number that people type. Where several people can have the same one (a phone, a post code), common ones say less."""
    levels = (
        Level("the same", "{0}_l = {0}_r", 0.7, 0.001, rare=0 if shared else None),
        Level("the same but for one slip", "damerau_levenshtein({0}_l, {0}_r) <= 1", 0.08, 0.001),
        Level("the same but for two slips", "damerau_levenshtein({0}_l, {0}_r) <= 2", 0.04, 0.004),
        Level("different", "else", 0.18, 0.994),
    )
    return Signal(column, (column,), levels)


def address(column: str) -> Signal:
    """An e-mail address: one person's, so a common one is only that person's again. Likeness beyond slips is that of names, and is not counted twice."""
    levels = (
        Level("the same", "{0}_l = {0}_r", 0.6, 0.0001),
        Level("the same but for two slips", "damerau_levenshtein({0}_l, {0}_r) <= 2", 0.15, 0.0001),
        Level("the same mailbox", "split_part({0}_l, '@', 1) = split_part({0}_r, '@', 1)", 0.05, 0.0005),
        Level("different", "else", 0.2, 0.9993),
    )
    return Signal(column, (column,), levels)


def code(column: str) -> Signal:
    """A value of a short list: a country, a state."""
    levels = (Level("the same", "{0}_l = {0}_r", 0.95, 0.2, rare=0), Level("different", "else", 0.05, 0.8))
    return Signal(column, (column,), levels)


def company(name: str, words: str, domain: str, account: str) -> Signal:
    """Where a person works: the company as they write it, its mail domain, or the account that the CRM puts them under."""
    levels = (
        Level("the same", "{0}_l = {0}_r", 0.6, 0.002, rare=0),
        Level("the same account", "{3}_l = {3}_r", 0.05, 0.002, rare=3),
        Level("the same mail domain", "{2}_l = {2}_r", 0.05, 0.002, rare=2),
        Level("nearly the same", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.95", 0.06, 0.001),
        Level("one within the other", "list_has_all({1}_l, {1}_r) or list_has_all({1}_r, {1}_l)", 0.06, 0.002),
        Level("different", "else", 0.18, 0.991),
    )
    silent = (
        "({0}_l is null or {0}_r is null) and ({2}_l is null or {2}_r is null) and ({3}_l is null or {3}_r is null)"
    )
    return Signal("company", (name, words, domain, account), levels, silent)


def company_name(name: str, words: str) -> Signal:
    """What a company is called, legal form left out."""
    levels = (
        Level("the same", "{0}_l = {0}_r", 0.5, 0.0002, rare=0),
        Level("nearly the same", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.95", 0.2, 0.0002),
        Level("one within the other", "list_has_all({1}_l, {1}_r) or list_has_all({1}_r, {1}_l)", 0.15, 0.001),
        Level("similar", "jaro_winkler_similarity({0}_l, {0}_r) >= 0.88", 0.05, 0.003),
        Level("different", "else", 0.1, 0.9956),
    )
    return Signal("name", (name, words), levels)


def in_common(column: str, name: str) -> Signal:
    """Lists that share something or not: the people of a company."""
    levels = (
        Level("at least one in common", "list_has_any({0}_l, {0}_r)", 0.4, 0.0005),
        Level("none in common", "else", 0.6, 0.9995),
    )
    return Signal(name, (column,), levels)


def blocks(*rules: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """The rules of who is compared with whom."""
    return tuple(tuple(rule) for rule in rules)


PERSONS = Comparing(
    signals=(
        person_name("given", "family", "full_name", "called"),
        company("company", "company_words", "domain", "account"),
        digits("phone"),
        text("mailbox"),
        text("city"),
        digits("postcode"),
        code("country"),
    ),
    blocks=blocks(
        ["least(given, family)", "greatest(given, family)"],
        ["family", "company"],
        ["family", "domain"],
        ["family", "account"],
        ["given", "company"],
        ["substr(family, 1, 4)", "substr(given, 1, 1)", "postcode"],
        ["substr(family, 1, 3)", "substr(given, 1, 3)", "country"],
        ["phone"],
        ["mailbox"],
    ),
    certain=(("full_name", "company"), ("full_name", "phone"), ("full_name", "mailbox")),
    learn=("full_name", "phone", "mailbox"),
)
"""Persons by name, company, location and pieces of phone and address."""
ACCOUNTS = Comparing(
    signals=(
        company_name("company", "company_words"),
        text("domain"),
        digits("phone"),
        in_common("people", "contacts"),
        text("city"),
        digits("postcode"),
        code("country"),
    ),
    blocks=blocks(
        ["company"],
        ["company_words[1]"],
        ["substr(company, 1, 6)"],
        ["domain"],
        ["split_part(domain, '.', 1)"],
        ["phone"],
        ["postcode", "substr(company, 1, 2)"],
        ["people[1]"],
    ),
    certain=(("company", "domain"), ("company", "phone"), ("company", "postcode")),
    learn=("company", "domain", "phone"),
)
"""Companies by name, web site, phone, location and the people they have in common."""
