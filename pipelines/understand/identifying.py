"""What in a text tells who somebody is, by its form: addresses, numbers, ids, salutations. Names as such are `redaction.py`'s.

Rules err on the side of hiding: a quantity hidden by mistake comes back with its quote, a number that got out does not.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

CAPITAL = "A-Z\u00c0-\u00d6\u00d8-\u00de\u0104-\u017d"
NAME = rf"[{CAPITAL}][\w'\u2019-]+"


class Found(NamedTuple):
    """A stretch of a text that identifies somebody: offsets, and what kind of thing it is."""

    start: int
    end: int
    kind: str


FORMS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("MARK", re.compile(r"<[A-Z]+_\d+>")),  # a text may not hold a pseudonym of its own
    ("EMAIL", re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")),
    ("LINK", re.compile(r"(?:(?<=\bhttps://)|(?<=\bhttp://)|(?<=\bwww\.))[^\s<>\"]+", re.IGNORECASE)),
    ("IBAN", re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")),
    ("CARD", re.compile(r"\b\d(?:[ -]?\d){12,18}\b")),
    ("ID", re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)),
    ("ID", re.compile(r"\b(?:001|003|005|006|00Q|500|701)(?=\w*[A-Za-z])[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?\b")),
    ("ID", re.compile(r"\b(?:cus|sub|in|pi|ch|acct|pm|cs)_[A-Za-z0-9]{8,}\b")),
    ("ID", re.compile(r"\b\d{3}-\d{2}-\d{4}\b|\b[A-Z]{2,3}\d{8,12}\b|\b\d{1,3}(?:\.\d{1,3}){3}\b")),
    ("PHONE", re.compile(r"(?<![\w.,])(?:\+|00)[1-9](?:[\s()./-]{0,2}\d){6,14}(?!\w)")),
    ("PHONE", re.compile(r"(?<![\w.,/-])(?!\d\d?[/-]\d\d?[/-]\d)\(?0\d{1,4}\)?(?:[\s/-]{1,3}\d{2,}){1,5}(?![\w/-])")),
    ("PHONE", re.compile(r"(?<![\w.,/-])(?:1[-. ])?\(?\d{3}\)?[-. ]\d{3}[-.]\d{4}(?!\w)|(?<![\w-])\d{3}-\d{4}(?![\w-])")),
    ("ID", re.compile(r"(?<![\w.,])\d{8,}(?![\w.,]\d|\w)")),
    ("ADDRESS", re.compile(
        rf"\b\d{{1,5}}\s+(?:{NAME}\s+){{1,3}}(?:Street|St|Road|Rd|Avenue|Ave|Lane|Ln|Drive|Dr|Boulevard|Blvd|Way|Court|Place|Square)\b"
    )),
    ("ADDRESS", re.compile(rf"\b[{CAPITAL}][\w-]*(?:stra\u00dfe|strasse|str\.|weg|platz|allee|gasse)\s+\d{{1,4}}(?:\s?[a-z])?\b")),
    ("ADDRESS", re.compile(
        rf"\b\d{{1,4}},?\s+(?:bis\s+)?(?:rue|avenue|boulevard|place|chemin|impasse)\s+(?:(?:de|du|des|la|le)\s+|l['\u2019]|d['\u2019])*"
        rf"{NAME}(?:[\s-]{NAME})*"
    )),
    ("ADDRESS", re.compile(rf"\b(?:Calle|C/|Avenida|Av\.|Plaza|Paseo|Via)\s+(?:(?:de|del|la|las|los)\s+)*{NAME}(?:\s{NAME})*,?\s+\d{{1,4}}\b")),
    ("ADDRESS", re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}\b")),
)  # fmt: skip
"""Kinds by form, the surer first. LINK leaves the beginning of an address, by which a sentence with a link is still known for one."""
NOBODY = {
    "all",
    "team",
    "there",
    "everyone",
    "everybody",
    "folks",
    "sir",
    "madam",
    "both",
    "again",
    "support",
    "zusammen",
    "you",
    "the",
}
TITLES = r"Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Herr|Herrn|Frau|Monsieur|Madame|Mme|Mlle|Se\u00f1or|Se\u00f1ora|Sr|Sra|Signor|Signora|Sig|Mevrouw|Meneer"
TITLED = re.compile(
    rf"\b(?:{TITLES})\.?\s+(?:(?:{TITLES})\.?\s+)*(?P<name>{NAME}(?:\s(?:von|van|de|der|di)){{0,2}}(?:\s{NAME})?)"
)
GREETED = re.compile(
    r"^(?:Hi|Hello|Hey|Dear|Hallo|Liebe[rs]?|Bonjour|Cher|Ch\u00e8re|Hola|Estimad[oa]|Ciao|Beste|Ol\u00e1)\s+"
    rf"(?P<name>{NAME}(?:\s{NAME})?)\s*(?=[,!.:\n]|$)",
    re.MULTILINE,
)


def by_form(text: str) -> Iterator[Found]:
    """What identifies somebody by its form; stretches may overlap, and the earlier counts then."""
    for kind, form in FORMS:
        yield from (Found(*found.span(), kind) for found in form.finditer(text))
    for form in (TITLED, GREETED):
        for found in form.finditer(text):
            if found["name"].split()[0].lower() not in NOBODY:
                yield Found(*found.span("name"), "PERSON")
