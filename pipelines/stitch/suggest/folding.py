"""Names and addresses as they are compared: folded, taken apart, and emptied of what says nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.stitch.names import LEGAL_FORMS, TITLES, words
from pipelines.stitch.rules import FREEMAIL

SHORT_FORMS: Mapping[str, str] = {
    "alexander": "alex al sandy sascha xander", "alexandra": "alex sandra sandy sascha", "andrew": "andy drew", "anthony": "tony",
    "barbara": "barb babs", "benjamin": "ben benny", "catherine": "cathy kate katie cat", "charles": "charlie chuck",
    "christian": "chris", "christina": "chris tina chrissy", "christine": "chris tina chrissy", "christopher": "chris kit topher",
    "daniel": "dan danny", "david": "dave", "deborah": "deb debbie", "dorothy": "dot dottie", "edward": "ed eddie ted ned",
    "eleanor": "ellie nell nora", "elizabeth": "liz lizzy beth betty eliza libby", "elisabeth": "liz lisa beth sisi elli",
    "emily": "em emmy", "frances": "fran frankie", "francis": "frank", "franziska": "franzi", "frederick": "fred freddie rick",
    "friedrich": "fritz", "gabriel": "gabe", "geoffrey": "geoff jeff", "george": "georgie", "gregory": "greg", "harold": "harry hal",
    "henry": "harry hank hal", "isabella": "bella izzy isa", "jacob": "jake", "jakob": "jake", "james": "jim jimmy jamie",
    "jacqueline": "jackie", "jennifer": "jen jenny", "jessica": "jess jessie", "johannes": "hannes jo hans", "john": "jack johnny jon",
    "jonathan": "jon johnny", "joseph": "joe joey", "josef": "sepp", "joshua": "josh", "judith": "judy", "julian": "jules",
    "katherine": "kathy kate katie kat", "katharina": "kathi kati", "kenneth": "ken kenny", "lawrence": "larry laurie",
    "leonard": "leo len lenny", "louis": "lou louie", "lucas": "luke luc", "madeline": "maddie", "margaret": "maggie meg peggy greta",
    "maria": "mia", "martin": "marty", "matthew": "matt", "matthias": "matze hias", "maximilian": "max", "megan": "meg",
    "michael": "mike mick micky mikey michi", "natalie": "nat", "nathaniel": "nate nathan", "nicholas": "nick nicky", "nicolas": "nick nico",
    "nikolaus": "klaus niko", "oliver": "ollie oli", "olivia": "liv livvy", "pamela": "pam", "patricia": "pat patty trish",
    "patrick": "pat paddy", "peter": "pete", "philip": "phil pip", "philipp": "phil", "rachel": "rach", "raymond": "ray", "rebecca": "becky becca",
    "richard": "rick dick rich richie", "robert": "rob bob bobby robbie bert", "ronald": "ron ronnie", "samantha": "sam sammy",
    "samuel": "sam sammy", "sarah": "sally", "sebastian": "seb basti", "sophia": "sophie", "stephanie": "steph steffi",
    "stephen": "steve", "steven": "steve", "stefan": "steff", "susan": "sue susie", "suzanne": "sue suzy", "theodore": "ted teddy theo",
    "theresa": "terry tess resi", "thomas": "tom tommy", "timothy": "tim timmy", "ulrich": "uli", "valerie": "val", "victoria": "vicky tori",
    "vincent": "vince vinny", "walter": "walt wally", "wilhelm": "willi", "william": "will bill billy willy liam", "wolfgang": "wolf",
    "zachary": "zach zack",
}  # fmt: skip
"""First names and what their bearers are called, in English and German."""
_LONG_FORMS: dict[str, list[str]] = {}
for _long, _short in SHORT_FORMS.items():
    for _called in _short.split():
        _LONG_FORMS.setdefault(_called, []).append(_long)


@dataclass(frozen=True)
class Named:
    """A person's name, folded.

    `full_name` is empty unless both parts are known; `called` are the first names that the first can stand for, itself among them.
    """

    given: str | None = None
    family: str | None = None
    full_name: str | None = None
    called: list[str] | None = None


def person(raw: str | None) -> Named:
    """First and last name of what people write: `Dr. Jane Q. Doe`, `Doe, Jane`, `J. Doe`, `山田太郎`. One word is a last name."""
    if not raw:
        return Named()
    before, comma, after = raw.partition(",")
    found = [word for word in words(f"{after} {before}" if comma else raw, spelled_out=True) if word not in TITLES]
    if not found:
        return Named()
    return named(found[0] if len(found) > 1 else None, found[-1])


def named(given: str | None, family: str | None) -> Named:
    """The same from a first and last name that are kept apart; either may be missing."""
    full_name = f"{given} {family}" if given and family else None
    return Named(given, family, full_name, stands_for(given) if given else None)


def stands_for(given: str) -> list[str]:
    """A first name and the names that it is short for; an initial stands for itself alone."""
    return sorted({given, *_LONG_FORMS.get(given, ())})


def company(raw: str | None) -> list[str] | None:
    """Words of a company's name without its legal form, in their order; None where nothing is left."""
    return [word for word in words(raw, spelled_out=True) if word not in LEGAL_FORMS] or None if raw else None


def mailbox(address: str, name: Named) -> str | None:
    """The part before the @, where it says more than the name does: `jane.doe` says nothing new of Jane Doe, `moonchild77` does."""
    local = address.rpartition("@")[0].partition("+")[0]
    rest = re.sub(r"[\W_]+", "", local)
    for part in sorted((part for part in (name.given, name.family) if part), key=len, reverse=True):
        rest = rest.replace(part, "")
    return local if len(rest) > 1 else None


def mail_domain(address: str) -> str | None:
    """The company's part of an address; None for a provider of mailboxes, where anybody has one."""
    domain = address.rpartition("@")[2]
    return None if any(re.search(pattern, domain) for pattern in FREEMAIL) else domain


def place(raw: str | None) -> str | None:
    """A city or street, folded."""
    return " ".join(words(raw)) or None if raw else None


def number(raw: str | None) -> str | None:
    """A post code, without spaces and dashes."""
    return re.sub(r"[\W_]+", "", raw).casefold() or None if raw else None
