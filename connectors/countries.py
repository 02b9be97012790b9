"""Countries as people write them: names in every language to the ISO code that a telephone number is read by."""

from functools import cache, lru_cache
from importlib.machinery import PathFinder
from importlib.util import module_from_spec

import phonenumbers

ALSO_CALLED = {"usa": "US", "u.s.a.": "US", "united states of america": "US", "uk": "GB", "great britain": "GB", "england": "GB"}  # fmt: skip
"""Names people type that no list of countries has."""


@cache
def _names() -> dict[str, dict[str, str]]:
    """Names of countries by ISO code and language, as phonenumbers has them."""
    # loaded by itself: the package it lies in brings 20 MB of telephone prefixes along, seconds before they are compiled
    spec = PathFinder.find_spec("phonenumbers.geodata.locale", [f"{phonenumbers.__path__[0]}/geodata"])
    assert spec is not None  # noqa: S101  # it ships with phonenumbers
    assert spec.loader is not None  # noqa: S101
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    names: dict[str, dict[str, str]] = module.LOCALE_DATA
    return names


@cache
def _regions() -> dict[str, str]:
    """ISO code by country name in every language that phonenumbers knows; English wins where two countries share a name."""
    named: dict[str, str] = {}
    for code, names in _names().items():
        english = names.get("en", "")
        named.setdefault(names.get(english.removeprefix("*"), english).casefold(), code)  # "*aa" points at language aa
    for code, names in _names().items():
        for name in names.values():
            if not name.startswith("*"):
                named.setdefault(name.casefold(), code)
    return named | ALSO_CALLED


@lru_cache(maxsize=1_024)  # asked four times per contact, and of few countries
def region(country: str | None) -> str | None:
    """ISO code of a country as people write it; None if we cannot tell, and then only numbers with a + are phones."""
    if not country:
        return None
    name = country.strip()
    return name.upper() if name.upper() in _names() else _regions().get(name.casefold())
