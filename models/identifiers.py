"""Turning what a vendor holds into values that can be compared: the one place where identifiers are normalised."""

import re
import unicodedata
from collections.abc import Callable
from urllib.parse import urlsplit

import phonenumbers

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_HOST = re.compile(r"[^\s:]*\.[^\s:]*")
_STRIPE_CUSTOMER = re.compile(r"(?<![A-Za-z0-9])cus_[A-Za-z0-9]+")
_SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}([A-Z0-5]{3})?")
_BROWSER = re.compile(r"fb\.\d+\.\d+\.\d+")
_CHECKSUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def email(raw: str) -> str | None:
    """Trimmed and case-folded address (NFKC) with its domain in IDNA form; None if it is not an address."""
    folded = unicodedata.normalize("NFKC", raw).strip().casefold().removeprefix("mailto:").strip("<>")
    if not _EMAIL.fullmatch(folded):
        return None
    local, _, host = folded.rpartition("@")
    ascii_host = _idna(host)
    return f"{local}@{ascii_host}" if ascii_host else None


def phone(raw: str, region: str | None) -> str | None:
    """E.164 form; None if it cannot be a number of the region (ISO country, needed where no + is written)."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def international(raw: str) -> str | None:
    """E.164 form of a number that is written with its country; None for others."""
    return phone(raw, None)


def domain(raw: str) -> str | None:
    """Host of a web site or mail domain, case-folded, in IDNA form, without `www.`; None if there is none."""
    text = unicodedata.normalize("NFKC", raw).strip().casefold()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:  # brackets that hold no IPv6 address, as in "[none]"
        return None
    host = host.removeprefix("www.").rstrip(".")
    return _idna(host) if _HOST.fullmatch(host) else None


def stripe_customer(raw: str) -> str | None:
    """`cus_…`, alone or in an address of Stripe's dashboard as people paste it into a CRM; ids that a seller chose stay as they are."""
    found = _STRIPE_CUSTOMER.search(raw)
    return found.group() if found else verbatim(raw)


def salesforce_id(raw: str) -> str | None:
    """The 18 characters of an id; the 15 that old integrations keep are completed, for they mean the same record.

    Source: https://help.salesforce.com/s/articleView?id=000385585 (one check character for the capitals in every five).
    """
    text = raw.strip()
    if not _SALESFORCE_ID.fullmatch(text) or len(text) == 18:
        return text or None
    fives = (text[start : start + 5] for start in (0, 5, 10))
    return text + "".join(_CHECKSUM[sum(one.isupper() << bit for bit, one in enumerate(five))] for five in fives)


def browser(raw: str) -> str | None:
    """Meta's `fb.<subdomain>.<milliseconds>.<number>` from the cookie `_fbp`; None for anything else.

    Source: https://developers.facebook.com/docs/marketing-api/conversions-api/parameters/fbp-and-fbc.
    """
    found = _BROWSER.match(raw.strip())
    return found.group() if found else None


def caseless(raw: str) -> str | None:
    """For ids that people type: trimmed, NFKC, case-folded."""
    return unicodedata.normalize("NFKC", raw).strip().casefold() or None


def verbatim(raw: str) -> str | None:
    """Vendor ids are case-sensitive: only white space is trimmed."""
    return raw.strip() or None


NORMALISERS: dict[str, Callable[[str], str | None]] = {
    "email": email,
    "phone": international,
    "domain": domain,
    "stripe_customer": stripe_customer,
    "salesforce_id": salesforce_id,
    "fbp": browser,
    "caseless": caseless,
    "verbatim": verbatim,
}
"""By name, as rules call them."""


def normaliser_of(kind: str) -> str:
    """The name of what normalises this kind when it is read from a vendor."""
    return kind if kind in NORMALISERS else "verbatim"


def normalise(kind: str, raw: str | None, region: str | None = None) -> str | None:
    """Comparable form of an identifier of this kind; None where the value says nothing."""
    if not raw or not raw.strip():
        return None
    return phone(raw, region) if kind == "phone" else NORMALISERS[normaliser_of(kind)](raw)


def misplaced(kind: str, raw: str) -> tuple[str, str] | None:
    """What a value is that stands in the other's column: kind and comparable form of an address among phone numbers, or the reverse."""
    other = {"email": "phone", "phone": "email"}.get(kind)
    value = normalise(other, raw) if other else None
    return (other, value) if other and value else None


def _idna(host: str) -> str | None:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return None
