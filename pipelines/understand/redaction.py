"""What leaves the machine names nobody: a document with pseudonyms in place of what identifies people, and the way back.

A pseudonym (`<PERSON_1>`) stands for the same in one document, and for something else in the next: there is no map that many
share. The model sees, quotes and names pseudonyms, and its answer is checked against what it saw; then offsets are mapped back,
so that evidence stands verbatim in the text that is kept, and holders and statements have their names again.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate, chain

from models import Profile, Scope
from pipelines.ingest.lake import Lake
from pipelines.understand.claims import STATEMENT_LENGTH, Claim, Document, Place
from pipelines.understand.identifying import Found, by_form
from pipelines.understand.turns import CUSTOMERS, LABEL, SELLER, SELLERS, Turn

WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
PSEUDONYM = re.compile(r"<[A-Z]+_\d+>")
GENITIVE = re.compile(r"['\u2019]s$", re.IGNORECASE)
LONGEST_LABEL = 120
"""Characters of a speaker's label, time and role included."""
LONGEST_NAME = 4
"""Words of a name that are looked for together."""
WORDS_TOO = frozenset(
    re.findall(
        r"\S+",
        "art best bill black bond brown cash chance chase dean drew faith fair frank good grace grant gray green guy hope jack joy king long mark "
        "may miles pat price rich rose sharp short sue swift white will wise young max page day law case field rep sales",
    )
)
"""Names that are words as well: hidden only where they are written with a capital."""
ROLES = frozenset(
    re.findall(
        r"\S+",
        "director manager head lead chief officer engineer owner founder president partner buyer analyst administrator admin assistant "
        "consultant controller ceo cfo cto coo cio ciso cmo cro vp svp evp it hr finance legal procurement operations ops security sales "
        "marketing support it-leiter gesch\u00e4ftsf\u00fchrer einkauf leiter leiterin",
    )
)
Finder = Callable[[str], Iterable[Found]]
"""Finds more that identifies somebody in one turn, beyond form and known names."""


@dataclass(frozen=True)
class Known:
    """Everybody the CRM knows, by full name, in small letters: `persons` by two words and more, `companies` as they are called."""

    persons: frozenset[str] = frozenset()
    companies: frozenset[str] = frozenset()


NOBODY = Known()


def read_known(lake: Lake) -> Known:
    """The names of all persons, colleagues included, and of all companies: some 100 bytes each in memory."""
    profiles = lake.facts(Profile)
    named: dict[bool, set[str]] = {True: set(), False: set()}
    rows = profiles.filter(profiles.name.notnull()).select("scope", "name").distinct().to_pyarrow()
    for scope, name in zip(rows["scope"].to_pylist(), rows["name"].to_pylist(), strict=True):
        named[scope == Scope.account.value].add(" ".join(_words(name)))
    companies = profiles.filter(profiles.company.notnull()).select("company").distinct().to_pyarrow()["company"]
    named[True] |= {" ".join(_words(name)) for name in companies.to_pylist()}
    return Known(
        frozenset(name for name in named[False] if " " in name),
        frozenset(name for name in named[True] if len(name) > 2),
    )


@dataclass(frozen=True)
class Masked:
    """A document as it may leave the machine (`shown`), and what leads back to the one it was made of."""

    original: Document
    shown: Document
    spans: tuple[tuple[int, int], ...]
    """What was replaced, as offsets into the original, in order."""
    places: tuple[tuple[int, int], ...]
    """Where its pseudonyms stand, as offsets into `shown`."""
    names: dict[str, str] = field(default_factory=dict)
    """What each pseudonym stands for."""

    def claim(self, claim: Claim) -> Claim:
        """A claim about what was shown as one about the original."""
        there = claim.place
        turn = self.original.turns[self.shown.turns.index(there.turn)]
        start, end = self.start(there.start), self.end(there.end)
        place = Place(start, end, turn, (self.start(there.sentence[0]), self.end(there.sentence[1])), there.quoted)
        statement = self.words(claim.statement)
        if len(statement) > STATEMENT_LENGTH:
            statement = f"{statement[: STATEMENT_LENGTH - 1].rstrip()}\u2026"
        words = {"statement": statement, "aspect": self.words(claim.aspect), "reasoning": self.words(claim.reasoning)}
        holder = self.words(claim.holder) if claim.holder else claim.holder
        return claim.moved(place, quote=self.original.text[start:end], holder=holder, **words)

    def words(self, text: str) -> str:
        """A text with names in place of pseudonyms."""
        return PSEUDONYM.sub(lambda found: self.names.get(found[0], found[0]), text)

    def start(self, at: int) -> int:
        """The offset in the original of what begins at an offset of `shown`; inside a pseudonym, where what it hides begins."""
        return self._back(at, after=False)

    def end(self, at: int) -> int:
        """The same for what ends there; inside a pseudonym, where what it hides ends."""
        return self._back(at, after=True)

    def _back(self, at: int, *, after: bool) -> int:
        number = bisect_right(self.places, at - after, key=lambda place: place[0]) - 1
        if number < 0:
            return at
        (_, end), (was_start, was_end) = self.places[number], self.spans[number]
        if at < end or (after and at == end):
            return was_end if after else was_start
        return was_end + at - end


def plain(document: Document) -> Masked:
    """The document as it is, where nothing is to be hidden."""
    return Masked(document, document, (), ())


def masked(document: Document, known: Known = NOBODY, more: Iterable[Finder] = ()) -> Masked:
    """The document with pseudonyms for everybody in it that can be told: by form, as known to the CRM, or as a speaker.

    Only turns are rewritten: what stands between them, the labels of speakers, is not sent.
    """
    cast = Cast(document)
    finders = (by_form, lambda text: _everybody(text, known), *more, cast.own)
    for turn in document.turns:
        text = document.text[turn.start : turn.end]
        for found in sorted(chain.from_iterable(finder(text) for finder in finders[:-1])):
            if found.kind == "PERSON":
                cast.meet(text[found.start : found.end])
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    at = length = 0
    for turn in document.turns:
        for found in _apart(document.text[turn.start : turn.end], finders):
            start, end = turn.start + found.start, turn.start + found.end
            name = cast.pseudonym(found.kind, document.text[start:end])
            pieces += [document.text[at:start], name]
            length += start - at
            spans.append((start, end))
            places.append((length, length + len(name)))
            length, at = length + len(name), end
    text = "".join([*pieces, document.text[at:]])
    shift = _Shift(spans, places)
    turns = tuple(
        replace(turn, start=shift(turn.start), end=shift(turn.end), speaker=cast.speaker(turn))
        for turn in document.turns
    )
    names = tuple(dict.fromkeys(cast.pseudonym("PERSON", name) for name in document.names))
    shown = replace(document, text=text, turns=turns, names=names)
    return Masked(document, shown, tuple(spans), tuple(places), cast.originals)


class Cast:
    """Who is in one document, and what each is called in what is shown."""

    def __init__(self, document: Document) -> None:
        self.originals: dict[str, str] = {}
        self._given: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._last = ""
        self._persons: dict[str, str] = {}
        """Words of names, in small letters, to the pseudonym of whose they are."""
        for name in document.names:  # several names of one person
            self._introduce(name, self.pseudonym("PERSON", document.names[0]))
        for turn in document.turns:
            for name in _called(document, turn):
                self._introduce(name, self._whose(name), alone=turn.role != SELLER)

    def meet(self, name: str) -> None:
        """Somebody is named: from now on parts of the name are known as well."""
        self._introduce(name, self._whose(name))

    def pseudonym(self, kind: str, words: str) -> str:
        """What stands in place of these words: the same for the same words, and for all names of one person."""
        key = (kind, " ".join(_words(words)) if kind in ("PERSON", "COMPANY") else words)
        if key not in self._given:
            self._given[key] = (self._one_of(key[1]) if kind == "PERSON" else None) or self._next(kind, words)
        return self._given[key]

    def speaker(self, turn: Turn) -> str:
        """How a speaker is called: roles stay."""
        return self.pseudonym("PERSON", turn.speaker) if _is_name(turn.speaker) else turn.speaker

    def own(self, text: str) -> Iterator[Found]:
        """Names of the person a text hangs on, of its speakers and of whom it met, whole or in part; words in a row are one name."""
        run: Found | None = None
        for word in WORD.finditer(text):
            bare = GENITIVE.sub("", word[0])
            small = bare.lower()
            named = small in self._persons and (bare[0].isupper() or small not in WORDS_TOO)
            end = word.start() + len(bare)
            if run and named and text[run.end : word.start()].isspace() and self._persons[small] == self._last:
                run = run._replace(end=end)
                continue
            if run:
                yield run
            run = Found(word.start(), end, "PERSON") if named else None
            self._last = self._persons[small] if named else ""
        if run:
            yield run

    def _whose(self, name: str) -> str:
        """The pseudonym of whoever goes by this name: somebody met already, if the name can be theirs."""
        return self._one_of(" ".join(_words(name))) or self.pseudonym("PERSON", name)

    def _one_of(self, name: str) -> str | None:
        """The pseudonym of who is called so, in small letters, or by every word of it."""
        if whole := self._persons.get(name):
            return whole
        each = {self._persons.get(word) for word in name.split()}
        return each.pop() if len(each) == 1 else None

    def _introduce(self, name: str, pseudonym: str, *, alone: bool = True) -> None:
        words = _words(name)
        self._persons.setdefault(" ".join(words), pseudonym)
        for word in words if alone else ():
            if len(word) > 1 and word not in ROLES:
                self._persons.setdefault(word, pseudonym)

    def _next(self, kind: str, words: str) -> str:
        self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"<{kind}_{self._counts[kind]}>"
        self.originals[name] = words
        return name


class _Shift:
    """Offsets of the original, outside of what was replaced, as offsets of what is shown."""

    def __init__(self, spans: list[tuple[int, int]], places: list[tuple[int, int]]) -> None:
        self.ends = [end for _, end in spans]
        self.by = list(accumulate((p[1] - p[0] - (s[1] - s[0]) for s, p in zip(spans, places, strict=True)), initial=0))

    def __call__(self, at: int) -> int:
        return at + self.by[bisect_right(self.ends, at)]


def _apart(text: str, finders: Iterable[Finder]) -> list[Found]:
    """What the finders find, without overlaps: the surer finder's first, then what its neighbours left."""
    taken: list[Found] = []
    for finder in finders:
        for found in finder(text):
            if all(found.end <= other.start or other.end <= found.start for other in taken):
                taken.append(found)
    return sorted(taken)


def _everybody(text: str, known: Known) -> Iterator[Found]:
    """Full names that the CRM knows: of persons however they are written, of companies of one word only with a capital."""
    words = list(WORD.finditer(text))
    small = [word[0].lower() for word in words]
    for size in range(LONGEST_NAME, 0, -1):
        for first in range(len(words) - size + 1):
            name = " ".join(small[first : first + size])
            start, end = words[first].start(), words[first + size - 1].end()
            if size > 1 and name in known.persons:
                yield Found(start, end, "PERSON")
            elif name in known.companies and words[first][0][0].isupper():
                yield Found(start, end, "COMPANY")


def _called(document: Document, turn: Turn) -> Iterator[str]:
    """Names by which a turn's speaker goes: as the turn has it, and as its label in the text does."""
    before = document.text[max(0, turn.start - LONGEST_LABEL) : turn.start]
    labels = [label["name"] for label in LABEL.finditer(before) if label.end() == len(before)]
    yield from (name for name in (turn.speaker, *labels) if _is_name(name))


def _is_name(speaker: str) -> bool:
    words = _words(speaker)
    return bool(words) and " ".join(words) not in SELLERS | CUSTOMERS and not ROLES.intersection(words)


def _words(name: str) -> list[str]:
    return [word.lower() for word in WORD.findall(name)]
