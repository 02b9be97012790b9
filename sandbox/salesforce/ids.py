"""Record ids: a key prefix, an instance, a counter and three characters that make the case-sensitive 15 comparable without case.

Source: Object Reference, "ID Field Type"; the last three characters encode which of the first fifteen are capitals.
"""

import string

DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECK = string.ascii_uppercase + "012345"
INSTANCE = "5g000"  # where our org lives; the same for all its records
LOCAL = 15  # characters before the checksum


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of the object's n-th record."""
    digits = ""
    while number:
        number, rest = divmod(number, len(DIGITS))
        digits = DIGITS[rest] + digits
    body = prefix + INSTANCE + digits.rjust(LOCAL - len(prefix) - len(INSTANCE), "0")
    return body + checksum(body)


def checksum(body: str) -> str:
    """The three characters that follow the first fifteen."""
    parts = (body[start : start + 5] for start in range(0, LOCAL, 5))
    return "".join(CHECK[sum(1 << place for place, char in enumerate(part) if char.isupper())] for part in parts)


def full_id(text: str) -> str | None:
    """The 18-character form of an id of 15 or 18 characters; None if it is not an id."""
    if not (text.isascii() and text.isalnum()):
        return None
    if len(text) == LOCAL:
        return text + checksum(text)
    return text if len(text) == LOCAL + 3 and checksum(text) == text[LOCAL:].upper() else None
