"""Reading a query: the part of SOQL that is understood, as a grammar; everything else is MALFORMED_QUERY, never plain rows.

As in the real language, AND and OR do not mix without parentheses and instants stand unquoted. Not understood: aggregates but
COUNT(), GROUP BY, child subqueries, TYPEOF, FIELDS(), date functions and relative dates. Source: SOQL and SOSL Reference 63.0.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal as OneOf

from lark import Lark, Token, Transformer, UnexpectedInput

from sandbox.salesforce.errors import Refusal, malformed

GRAMMAR = r"""
start: SELECT what FROM PATH [WHERE condition] [ORDER BY order ("," order)*] [LIMIT INT] [OFFSET INT]
what: COUNT | PATH ("," PATH)*
order: PATH [ASC | DESC] [NULLS (FIRST | LAST)]
?condition: term | term (AND term)+ -> all_of | term (OR term)+ -> any_of
?term: NOT term -> negation | "(" condition ")" | comparison | membership
comparison: PATH OPERATOR literal
membership: PATH [NOT] IN "(" literal ("," literal)* ")"
literal: STRING | DATETIME | DATE | NUMBER | INT | NULL | TRUE | FALSE

SELECT.3: /SELECT\b/i
FROM.3: /FROM\b/i
WHERE.3: /WHERE\b/i
ORDER.3: /ORDER\b/i
BY.3: /BY\b/i
LIMIT.3: /LIMIT\b/i
OFFSET.3: /OFFSET\b/i
ASC.3: /ASC\b/i
DESC.3: /DESC\b/i
NULLS.3: /NULLS\b/i
FIRST.3: /FIRST\b/i
LAST.3: /LAST\b/i
AND.3: /AND\b/i
OR.3: /OR\b/i
NOT.3: /NOT\b/i
IN.3: /IN\b/i
NULL.3: /NULL\b/i
TRUE.3: /TRUE\b/i
FALSE.3: /FALSE\b/i
COUNT.4: /COUNT\s*\(\s*\)/i
OPERATOR: /!=|<>|<=|>=|=|<|>|LIKE\b/i
PATH: /[A-Za-z]\w*(\.[A-Za-z]\w*)*/
STRING: /'(?:[^'\\]|\\.)*'/s
DATETIME.3: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)/
DATE.2: /\d{4}-\d\d-\d\d(?![\dT])/
NUMBER.1: /[+-]?\d+\.\d+|[+-]\d+/
INT: /\d+/
%ignore /\s+/
"""

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True)
class Literal:
    """A value as written; the text of a string is without its quotes, its escapes untouched."""

    kind: OneOf["string", "datetime", "date", "number", "null", "boolean"]
    text: str

    def plain(self) -> str:
        """The string that is meant."""
        return "".join(part for part, _ in _characters(self.text, like=False))

    def pattern(self) -> str:
        """The string of a LIKE for SQLite, with a backslash before what stands for itself."""
        return "".join(f"\\{part}" if escaped else part for part, escaped in _characters(self.text, like=True))


@dataclass(frozen=True)
class Comparison:
    """`path operator value`; membership is the operator IN or NOT IN with several values."""

    path: str
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Combination:
    """NOT of one condition, or AND or OR of several."""

    operator: OneOf["NOT", "AND", "OR"]
    parts: tuple["Condition", ...]


Condition = Comparison | Combination


@dataclass(frozen=True)
class Order:
    """One key to sort by; nulls come first unless said otherwise."""

    path: str
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Query:
    """A query as written; no paths means COUNT()."""

    object: str
    paths: tuple[str, ...]
    where: Condition | None
    order: tuple[Order, ...]
    limit: int | None
    offset: int


class _Builder(Transformer[Token, Query]):
    def literal(self, children: list[Token]) -> Literal:
        (token,) = children
        if token.type == "STRING":
            return Literal("string", token[1:-1])
        kinds: dict[str, OneOf["datetime", "date", "null"]] = {"DATETIME": "datetime", "DATE": "date", "NULL": "null"}
        if token.type in kinds:
            return Literal(kinds[token.type], str(token))
        return Literal("boolean" if token.type in {"TRUE", "FALSE"} else "number", token.lower())

    def comparison(self, children: list[Token | Literal]) -> Comparison:
        path, operator, value = children
        return Comparison(str(path), str(operator).upper().replace("<>", "!="), (_literal(value),))

    def membership(self, children: list[Token | Literal | None]) -> Comparison:
        path, negated, _, *values = children
        return Comparison(str(path), "NOT IN" if negated else "IN", tuple(_literal(value) for value in values))

    def negation(self, children: list[Condition]) -> Combination:
        return Combination("NOT", (children[1],))

    def all_of(self, children: list[Condition | Token]) -> Combination:
        return Combination("AND", tuple(each for each in children if not isinstance(each, Token)))

    def any_of(self, children: list[Condition | Token]) -> Combination:
        return Combination("OR", tuple(each for each in children if not isinstance(each, Token)))

    def order(self, children: list[Token | None]) -> Order:
        kinds = {child.type for child in children if child}
        return Order(str(children[0]), "DESC" in kinds, "LAST" in kinds)

    def what(self, children: list[Token]) -> tuple[str, ...]:
        return tuple(str(child) for child in children if child.type != "COUNT")

    def start(self, children: list[object]) -> Query:
        paths, name = children[1], children[3]
        where = next((each for each in children if isinstance(each, Condition)), None)
        order = tuple(each for each in children if isinstance(each, Order))
        numbers = {str(before).upper(): int(str(each)) for before, each in pairwise(children) if _is(each, "INT")}
        return Query(str(name), _paths(paths), where, order, numbers.get("LIMIT"), numbers.get("OFFSET", 0))


def _is(child: object, kind: str) -> bool:
    return isinstance(child, Token) and child.type == kind


def _paths(child: object) -> tuple[str, ...]:
    assert isinstance(child, tuple)  # noqa: S101  # what() made it
    return child


def _literal(child: object) -> Literal:
    assert isinstance(child, Literal)  # noqa: S101  # literal() made it
    return child


def _characters(text: str, *, like: bool) -> list[tuple[str, bool]]:
    """The characters of a string, each with whether LIKE must take it for itself."""
    found: list[tuple[str, bool]] = []
    rest = iter(text)
    for char in rest:
        if char != "\\":
            found.append((char, False))
            continue
        escaped = next(rest)
        if like and escaped in "_%":
            found.append((escaped, True))
        elif escaped in ESCAPES:
            found.append((ESCAPES[escaped], escaped == "\\"))
        else:
            raise malformed(
                f"Invalid string literal '{text}'. Illegal character sequence '\\{escaped}' in string literal"
            )
    return found


PARSER = Lark(GRAMMAR, parser="lalr", maybe_placeholders=True)


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The query. Refusal MALFORMED_QUERY for what is not understood."""
    try:
        return _Builder().transform(PARSER.parse(text))
    except UnexpectedInput as error:
        raise _unexpected(text, error) from None


def _unexpected(text: str, error: UnexpectedInput) -> Refusal:
    place = max(error.pos_in_stream or 0, 0)
    word = (text[place:].split() or ["<EOF>"])[0]
    shown = text[max(0, place - 30) : place + 10]
    return malformed(f"\n{shown}\n^\nERROR at Row:1:Column:{place + 1}\nunexpected token: '{word}'")
