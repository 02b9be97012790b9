"""How a clause is said: where it begins and ends, whose view it is, and how plainly. Rules only; no word here names a topic."""

import re
from collections.abc import Sequence

from models import Strength
from pipelines.understand.languages import NEGATION
from pipelines.understand.sentences import Span
from pipelines.understand.turns import same_person

BREAK = re.compile(
    r"\s*;\s*|\s+[\u2014\u2013-]+\s+|,?\s+(?=(?:but|although|though|however|whereas|yet|except)\b)"
    r"|,?\s+(?=and (?:we|i|the|our|my|it|they|he|she|that|this|your|you|now|nobody|everyone)\b)|,\s+(?=(?:we|i|the|our|it|they|he|she|which|so)\b)",
    re.IGNORECASE,
)
LEAD = re.compile(
    r"^(?:[-*\u2022\u2013\u2014>#\s,;:]|(?:but|and|although|though|however|yet|so|also|plus|because|except)\b,?\s)+",
    re.IGNORECASE,
)
HEDGE = re.compile(
    r"\b(?:might|maybe|perhaps|probably|possibly|presumably|apparently|supposedly|i guess|i suppose|i assume|i suspect|i wonder"
    r"|not (?:entirely |completely |quite |really )?sure|unsure|seems?|seemed|could be|sort of|kind of|may (?:be|have|not|need|want|go|look|well)"
    r"|rumou?r\w*|sounds? like|i (?:think|believe|feel) (?:he|she|they|our|the|my)|leaning|in theory|could imagine)\b",
    re.IGNORECASE,
)
CONDITION = re.compile(
    r"\b(?:if|unless|once|as long as|provided(?: that)?|assuming|until|would|in case|depends on)\b", re.IGNORECASE
)
SHORT_CONDITION = re.compile(
    r"\b(?:if|unless|once|as long as|provided(?: that)?|assuming|otherwise|or else)\b", re.IGNORECASE
)
CONDITION_HALF = re.compile(
    r"^(?:only |but |and |even |so )?(?:if|unless|assuming|provided(?: that)?|in case|had (?:we|i))\b", re.IGNORECASE
)
ASIDE = re.compile(
    r"\b(?:could|can|would|will) you\b|\b(?:please )?let (?:me|us) know\b|\b(?:wonder(?:s|ed|ing)?|asked|asks|asking|wants? to know|curious|check(?:ing)?) (?:\w+ )?(?:if|whether|about|how|what|when|which|who)\b"
    r"|\b(?:previous|former|predecessors?|rival|last) (?:tool|system|vendor|provider|supplier|software|platform|one|job|company|employer)\b|\bpredecessors?\b|\bback then\b|\bbefore my time\b|\bat my old\b"
    r"|\b(?:i(?:['\u2019]m| am)|was|been|were) told\b|\btold by\b|\brumou?rs?\b|\bpeople say\b|\bi(?:['\u2019]ve)? hear(?:d)?\b|\bread (?:online|somewhere|that)\b|\bhas it that\b"
    r"|\b(?:nothing|not) (?:much )?(?:to do with|about) you\b"
    r"|\b(?:wrote|writes):|\bfyi\b|\bin theory\b",
    re.IGNORECASE,
)
"""Requests, the time before us, and what somebody has heard: no stance of whoever says it."""
IRONY = re.compile(
    r"^(?:oh|ah|wow|lol|well done|great|brilliant|fantastic|lovely|wonderful|super|perfect|nice),? (?:another|yet another|so|now|great|brilliant|lovely|fantastic|wonderful|perfect|job)\b"
    r"|\b(?:exactly|just) what (?:we|i) (?:pay|paid)\b|\bthanks for nothing\b|\byeah,? right\b|\blol\b|\bas if\b|\ud83d\ude44",
    re.IGNORECASE,
)
NO_NEGATION = re.compile(
    r"\b(?:not only|not just|no doubt|no question|no wonder|not to mention|without (?:a )?doubt)\b", re.IGNORECASE
)
ROLE = (
    r"(?:cto|cfo|ceo|coo|ciso|cio|cmo|cpo|dpo|md|vp(?: of)?(?: \w+)?|head of [\w-]+|director(?: of \w+)?|boss|manager|management|board|founder|owner"  # codespell:ignore coo
    r"|partners?|procurement|purchasing|legal|finance|controlling|accounting|marketing|sales team|operations|ops|it|security|compliance|hr|engineering"
    r"|drivers?|engineers?|developers?|devs|analysts?|reps|teachers?|nurses|staff|colleagues?|users|technicians?|planners?|agents|buyers|crew|teams?)"
)
VIEW = (
    r"(?:thinks?|believes?|feels?|fears?|worr(?:y|ies)|wants?|loves?|hates?|likes?|dislikes?|prefers?|insists?|refuses?|doubts?|says?|said|told|"
    r"complains?|complained|expects?|hopes?|finds?|keeps? (?:asking|saying|complaining)|objects?|disagrees?|argues?|mentioned|considers?|"
    r"(?:is|are|was|were|remains?|isn['\u2019]t|aren['\u2019]t) (?:\w+ ){0,2}(?:worried|sceptical|skeptical|concerned|convinced|happy|unhappy|keen|against|afraid|"
    r"nervous|annoyed|frustrated|impressed|excited|unconvinced|sold|fan|fed up|furious|reluctant|hesitant|pleased|sure|cautious|thrilled|on board))"
)
OTHERS = re.compile(
    rf"\b(?P<holder>(?:(?:our|my|their|the|his|her) )?(?:[\w-]+ )?{ROLE}(?: (?:team|department|guys|people|lead|manager|director))?) (?:also |still |really |now |just |all )?{VIEW}\b",
    re.IGNORECASE,
)
ONE_VIEWS = (
    r"(?:thinks|believes|feels|fears|worries|wants|loves|hates|likes|dislikes|prefers|insists|refuses|doubts|says|said|told|complains|complained"
    r"|expects|hopes|finds|keeps (?:asking|saying|complaining)|objects|disagrees|argues|mentioned|considers"
    r"|(?:is|was|remains|isn['\u2019]t) (?:\w+ ){0,2}(?:worried|sceptical|skeptical|concerned|convinced|happy|unhappy|keen|against|afraid|nervous"
    r"|annoyed|frustrated|impressed|excited|unconvinced|sold|fan|fed up|furious|reluctant|hesitant|pleased|sure|cautious|thrilled|on board))"
)
NAMED = re.compile(
    r"\b(?P<holder>[A-Z][a-z\u00e0-\u017e]{2,})(?: \((?P<role>[^)]{2,30})\)| from \w+)?,? (?:also |still |really |now |just )?"
    + ONE_VIEWS
    + r"\b"
)
NOT_NAMES = {"She", "They", "The", "That", "This", "Who", "Everyone", "Everybody", "Nobody", "Customer", "Client", "Prospect", "Team", "Also", "And", "But", "Still", "Really", "Now", "Just", "Buyer", "Which", "What", "Someone", "Contact", "Lead"}  # fmt: skip
DETERMINER = re.compile(r"^(?:our|my|their|the|his|her|and|but|that|says?|said|because|while)\s+", re.IGNORECASE)
WRITER = re.compile(
    r"^(?:i|we|my|our)\b|\b(?:i (?:think|feel|guess|believe|suspect|expect|reckon|told|explained|said)|my (?:gut|take|feeling|read|view|impression)|imho|imo|we (?:offered|explained|told|should|could|need to|will))\b|^(?:told|reminded|reassured|showed|walked|offered|gave) (?:him|her|them)\b|^(?:explained|pitched|proposed|suggested|positioned)\b",
    re.IGNORECASE,
)
REACH = 5
"""Words over which a negation reaches what follows it in the same clause."""


def clauses(text: str, sentence: Span) -> list[Span]:
    """A sentence cut where the speaker turns: at but, although, dashes, semicolons and new subjects."""
    start, end = sentence
    cuts = [start]
    for mark in BREAK.finditer(text, start, end):
        cuts += [mark.start(), mark.end()]
    cuts.append(end)
    spans = (_trimmed(text, first, last) for first, last in zip(cuts[::2], cuts[1::2], strict=True))
    return [span for span in spans if span[1] - span[0] >= 4]


def negated(before: str) -> bool:
    """Whether a negation shortly before reaches what follows."""
    near = " ".join(NO_NEGATION.sub(" ", before).split()[-REACH:])
    return NEGATION.search(near) is not None


def beside_the_point(sentence: str) -> bool:
    """Whether a sentence asks, reports what others said, speaks of the time before us, or is meant the other way round."""
    return ASIDE.search(sentence) is not None or IRONY.search(sentence) is not None


def conditional(words: str, *, anywhere: bool = False) -> bool:
    """Whether a clause is the condition itself; with `anywhere`, whether one stands in the sentence."""
    return (SHORT_CONDITION if anywhere else CONDITION_HALF).search(words) is not None


def strength(clause: str, sentence: str) -> Strength:
    """How plainly a first-person clause is said, from its hedges and conditions."""
    if HEDGE.search(clause):
        return Strength.speculative
    return Strength.implied if CONDITION.search(clause) or SHORT_CONDITION.search(sentence) else Strength.explicit


def other_holder(clause: str, names: Sequence[str]) -> str | None:
    """The colleague or role whose view a clause reports; None if it is the speaker's own, or the subject's."""
    if named := NAMED.search(clause):
        name = named["holder"]
        if name not in NOT_NAMES and not same_person(name, names):
            return named["role"] or name
    if role := OTHERS.search(clause):
        return DETERMINER.sub("", DETERMINER.sub("", role["holder"]))
    return None


def writers_view(clause: str) -> bool:
    """Whether a note states what the rep thinks or did rather than what the customer said."""
    return WRITER.search(clause) is not None


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    if lead := LEAD.match(piece):
        start += lead.end()
    while end > start and text[end - 1] in " ,;:-\u2013\u2014\n":
        end -= 1
    return start, end
