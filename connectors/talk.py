"""How customer texts look wherever they are kept: talk or notes about it, markup or plain, sent by a human or by a machine."""

import re

SPEAKER = re.compile(r"^(?:\[[\d:. ]+\] *)?([^\W\d_][^:\n]{0,40}):\s+\S", re.MULTILINE)
"""A line that opens with who speaks."""

MARKUP = re.compile(r"\s*<(?:!doctype|html|head|body|style|div|span|table|p|br)\b", re.IGNORECASE)
"""How a text begins that is markup though its field is not."""

ROBOTS = frozenset({"noreply", "no-reply", "donotreply", "do-not-reply", "mailer-daemon", "postmaster"})
"""Mailboxes behind which nobody sits."""

LINE_END = re.compile(r"<(?:br|/p|/div|/li|/tr)\b[^>]*>", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>")

FEWEST_TURNS = 3  # two labelled lines are as likely a list ("Next: …", "Owner: …") as a talk


def is_markup(text: str | None) -> bool:
    """Whether a plain field holds a pasted web page or mail."""
    return bool(text and MARKUP.match(text))


def is_transcript(subject: str, text: str | None) -> bool:
    """Whether the words are what was said, turn by turn, rather than notes about it."""
    if text is None:
        return False
    lines = TAG.sub("", LINE_END.sub("\n", text)) if is_markup(text) else text
    speakers = [match[1].strip().casefold() for match in SPEAKER.finditer(lines)]
    talk = len(speakers) >= FEWEST_TURNS and 2 <= len(set(speakers)) < len(speakers)
    return talk or "transcript" in subject.casefold()


def is_robot(address: str | None) -> bool:
    """Whether mail from this address was written by a machine."""
    return (address or "").casefold().split("@")[0] in ROBOTS
