"""Turning what a vendor holds into values that can be compared: the one place where identifiers are normalised."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import phonenumbers

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_HOST = re.compile(r"[^\s:]*\.[^\s:]*")


def email(raw: str) -> str | None:
    """Trimmed and case-folded address with its domain in IDNA form; None if it is not an address."""
    folded = raw.strip().strip("<>").casefold()
    if not _EMAIL.fullmatch(folded):
        return None
    local, _, domain = folded.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        return None


def phone(raw: str, region: str | None) -> str | None:
    """E.164 form; None if it cannot be a number of the region (ISO country, needed where no + is written)."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def domain(raw: str) -> str | None:
    """Host of a web site or mail domain, case-folded, without `www.`; None if there is none."""
    text = raw.strip().casefold()
    try:
        host = urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:  # brackets that hold no IPv6 address, as in "[none]"
        return None
    return host.removeprefix("www.") or None if _HOST.fullmatch(host) else None


def verbatim(raw: str) -> str | None:
    """Vendor ids are case-sensitive: only white space is trimmed."""
    return raw.strip() or None


NORMALISERS: dict[str, Callable[[str], str | None]] = {"email": email, "domain": domain}


def normalise(kind: str, raw: str | None, region: str | None = None) -> str | None:
    """Comparable form of an identifier of this kind; None where the value says nothing."""
    if not raw or not raw.strip():
        return None
    return phone(raw, region) if kind == "phone" else NORMALISERS.get(kind, verbatim)(raw)
