"""Where texts that are kept as JSON call somebody by name: in the form in which they were told, or in which a CRM field holds them."""

import json
import re
from collections.abc import Sequence

from pipelines.understand.words import harmless

BLANKS = re.compile(r"\s+")


def is_full(name: str) -> bool:
    """Whether a name, or an address, tells somebody from others in any text; one word alone may be a word of the language."""
    return " " in name.strip() or "@" in name


def written_forms(name: str) -> list[str]:
    """How a name may stand in JSON text: with the blanks that it has or single ones, and with no tag that opens, each escaped."""
    told = {name.strip(), BLANKS.sub(" ", name.strip())}
    return sorted({json.dumps(form, ensure_ascii=False)[1:-1] for one in told for form in (one, harmless(one))})


def calls(kept: str, forms: Sequence[str]) -> bool:
    """Whether a value that is kept as JSON has one of these written forms as words of their own, written just so."""
    text = json.loads(kept)
    names = (re.escape(json.loads(f'"{form}"')) for form in forms)
    return isinstance(text, str) and re.search(rf"(?<!\w)(?:{'|'.join(names)})(?!\w)", text) is not None
