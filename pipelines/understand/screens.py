"""What must never become a belief: special categories of personal data, and text that gives orders instead of saying something.

Source: GDPR article 9 for the categories; the screens are words, so they err on the side of leaving a sentence out.
"""

import re

SPECIAL = re.compile(
    r"\b(?:pregnan\w*|maternity|paternity|sick leave|illness|disease|diagnos\w+|cancer|chemo\w*|surgery|hospital\w*|depress(?:ed|ion)|burn-?out|"
    r"therapy|therapist|anxiety disorder|medication|disab(?:led|ility)|diabet\w+|covid|migraines?|miscarriage|"
    r"church|mosque|synagogue|muslim|christian|catholic|jewish|hindu|buddhis\w+|ramadan|lent|easter mass|shabbat|religio\w+|pray(?:s|er|ing)?|"
    r"trade union|labou?r union|unioni[sz]\w+|union (?:member|rep|meeting|representative)\w*|works? council|shop steward|"
    r"gay|lesbian|bisexual|transgender|sexual\w*|ethnic\w*|racial|"
    r"republican|democrat|conservative party|labour party|votes? for|voted|political\w*|election)\b",
    re.IGNORECASE,
)
URL = re.compile(r"\b(?:https?://|www\.)\S+", re.IGNORECASE)
ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instruction|prompt|previous|prior|above|rule|polic|everything)\w*"
    r"|\b(?:system prompt|as an ai|you are now|act as|jailbreak|developer mode|assistant:|system:)"
    r"|\byou (?:must|should|shall|will) (?:now )?(?:output|record|mark|set|say|report|rate|store|write|respond|classify|return|treat|note|log)\b"
    r"|\b(?:set|mark|record|classify|rate|score|report|store)\b.{0,40}\b(?:confidence|belief|sentiment|alignment|polarity|as positive|as negative|score)\b"
    r"|\{\{.*?\}\}|\{%.*?%\}|<\|.*?\|>|\[/?INST\]",
    re.IGNORECASE,
)


def special(text: str) -> bool:
    """Whether the words touch health, religion, politics, union, ethnicity or sexuality."""
    return SPECIAL.search(text) is not None


def suspicious(text: str) -> bool:
    """Whether the words carry a link, a template or an order to a machine: kept apart, never believed."""
    return URL.search(text) is not None or ORDER.search(text) is not None
