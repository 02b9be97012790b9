"""Words by which somebody says that they changed their mind, not only what they think now."""

import re

CHANGED = re.compile(
    r"\b(no longer|not any ?more|n['\u2019]t (?:\w+ ){0,4}any ?more|we(?:['\u2019]ve| have)? switched|changed (?:my|our) minds?|"
    r"came around|not since|used to (?:think|believe|worry)|nicht mehr(?! als)|keine?[nrms]? (?:\w+ ){0,3}mehr|ya no"  # codespell:ignore als
    r"|n(?:e |['\u2019])\w+ plus(?! (?:de|que)\b))\b",
    re.IGNORECASE,
)


def turns_around(quote: str) -> bool:
    """Whether the quote itself declares a change; such a quote outweighs what was said before."""
    return CHANGED.search(quote) is not None
