"""Who speaks where: a text split into turns, each of one speaker with one role.

Only two roles can be evidence about a customer: `customer`, and `rep_note` for what a rep wrote down, which is hearsay. What the
seller or a machine says, and whom we cannot place, is never evidence.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CUSTOMER, REP_NOTE, SELLER, OTHER = "customer", "rep_note", "seller", "other"
HEARD = (CUSTOMER, REP_NOTE)

LABEL = re.compile(
    r"(?:^|\n)(?:[\[(]?\d{1,2}:\d{2}(?::\d{2})?[\])]?\s*)?"
    r"(?P<name>[^\W\d_][\w.'\u2019&/-]*(?: [\w.'\u2019&/-]+){0,3})(?:\s*\((?P<note>[^)\n]{1,40})\))?\s*(?:\[?\d{1,2}:\d{2}(?::\d{2})?\]?)?:[ \n]"
)
FORWARDED = re.compile(
    r"(?:^|\n)(?:-{2,}\s*(?:Forwarded message|Weitergeleitete Nachricht|Message transf\u00e9r\u00e9|Mensaje reenviado|Messaggio inoltrato|Doorgestuurd bericht)"
    r"\s*-{2,}|Begin forwarded message:|Anfang der weitergeleiteten Nachricht:)\n(?P<head>(?:[^\W\d_]+(?: el)?\s*:[^\n]*\n)+)",
    re.IGNORECASE,
)
FROM = re.compile(r"^(?:From|Von|De|Da|Van)\s*:\s*\"?(?P<name>[^\"<(\n]+)", re.IGNORECASE | re.MULTILINE)
SELLERS = {
    "rep", "ae", "sales", "seller", "agent", "support", "bot", "csm", "sdr", "bdr", "se", "host", "assistant", "advisor", "consultant",
    "vendor", "us", "me", "chatbot", "account executive", "account manager", "customer success", "sales rep", "support agent",
    "success manager", "solutions engineer",
}  # fmt: skip
CUSTOMERS = {
    "customer",
    "client",
    "prospect",
    "buyer",
    "user",
    "visitor",
    "guest",
    "lead",
    "caller",
    "contact",
    "kunde",
}
DIALOGUES = {"transcript", "chat"}


@dataclass(frozen=True)
class Turn:
    """One stretch of text by one speaker. `own` is whether that is the person on whose record the text hangs."""

    start: int
    end: int
    speaker: str
    role: str
    own: bool = True


def split(
    text: str, source: str, author: str, names: Sequence[str] = (), sellers: Iterable[str] = ()
) -> tuple[Turn, ...]:
    """The turns of a canonical text, in order and without gaps but for speaker labels; empty text has none.

    `names` are those of the person the text hangs on, `sellers` those of our own people.
    """
    if not text:
        return ()
    if author == "agent":
        return (Turn(0, len(text), "", OTHER, own=False),)
    if source in DIALOGUES and (labels := list(LABEL.finditer(text))):
        return _dialogue(text, labels, names, frozenset(sellers))
    if author == "customer":
        return _mailed(text)
    return (Turn(0, len(text), "", REP_NOTE if source in ("call_note", "form") else SELLER, own=False),)


def same_person(one: str, names: Iterable[str]) -> bool:
    """Whether a name as spoken ("Dana", "Dana K.") can be one of the full names."""
    spoken = _words(one)
    return bool(spoken) and any(spoken[0] == full[0] or spoken == full[-1:] for name in names if (full := _words(name)))


def _mailed(text: str) -> tuple[Turn, ...]:
    """The author's words, and below them those of somebody whose message is passed on."""
    forwarded = FORWARDED.search(text)
    if not forwarded:
        return (Turn(0, len(text), "", CUSTOMER),)
    writer = FROM.search(forwarded["head"])
    own = (Turn(0, forwarded.start(), "", CUSTOMER),) if forwarded.start() else ()
    passed_on = Turn(forwarded.end(), len(text), writer["name"].strip() if writer else "", CUSTOMER, own=False)
    return (*own, passed_on) if writer and passed_on.start < passed_on.end else own


def _dialogue(
    text: str, labels: list[re.Match[str]], names: Sequence[str], sellers: frozenset[str]
) -> tuple[Turn, ...]:
    roles = _roles({(label["name"], label["note"] or "") for label in labels}, names, sellers)
    turns = []
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        end = following.start() if following else len(text)
        role, own = roles[label["name"]]
        speaker = label["note"] if label["note"] and not own else label["name"]
        if label.end() < end:
            turns.append(Turn(label.end(), end, speaker, role, own))
    return tuple(turns)


def _roles(labels: set[tuple[str, str]], names: Sequence[str], sellers: frozenset[str]) -> dict[str, tuple[str, bool]]:
    """Role and whether it is the subject, per label; whoever cannot be placed is on the customer's side only where a seller is known."""
    found: dict[str, tuple[str, bool]] = {}
    for name, note in labels:
        if _is_seller(name, note, sellers):
            found[name] = (SELLER, False)
        elif name.lower() in CUSTOMERS or same_person(name, names):
            found[name] = (CUSTOMER, True)
    open_labels = {name for name, _ in labels} - found.keys()
    known = {role for role, _ in found.values()}
    two = len({name for name, _ in labels}) == 2
    for name in open_labels:
        if SELLER in known:
            found[name] = (CUSTOMER, two and not names)
        else:
            found[name] = (SELLER if two and CUSTOMER in known else OTHER, False)
    return found


def _is_seller(name: str, note: str, sellers: frozenset[str]) -> bool:
    return name.lower() in SELLERS or note.lower() in SELLERS or (bool(sellers) and same_person(name, sellers))


def _words(name: str) -> list[str]:
    return re.findall(r"\w+", name.lower())
