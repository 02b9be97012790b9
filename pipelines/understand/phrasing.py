"""How a clause is said: where it begins and ends, whose view it is, how plainly, and how it is told in our words.

Rules look at words, none of which names a topic. A statement is a sentence of ours per slot and side that claims no more than these
two; where that alone would tell nobody anything (what do they want?) the customer's own words stand in it.
"""

import re
from collections.abc import Sequence

from models import Polarity, Strength
from pipelines.understand.claims import STATEMENT_LENGTH
from pipelines.understand.languages import in_english
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
    r"\b(?:if|unless|once|as long as|provided(?: that)?|assuming|otherwise|or else)\b", re.IGNORECASE
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

STATEMENTS: dict[str, tuple[str, str, str]] = {
    "value": ("Expects a gain from us", "Sees no gain in it", "Says what the gain would have to be"),
    "need": ("Has a problem we could solve", "Sees no need for it", "Describes what is needed"),
    "price": ("Finds the price worth it", "Finds the price too high for what it brings", "Has the price in mind"),
    "budget": ("There is money for it", "There is no money for it", "The budget is still open"),
    "timeline": ("Wants it soon", "Is in no hurry", "Has a date in mind"),
    "authority": ("Somebody with a say backs it", "Somebody with a say is against it", "Somebody else has a say"),
    "fit": ("Finds that it does what they need", "Finds that it lacks what they need", "Is weighing whether it fits"),
    "integration": ("Expects connecting it to be easy", "Finds connecting it hard", "Has the effort of connecting it in mind"),
    "performance": ("Finds it fast and dependable", "Finds it slow or unreliable", "Has speed and reliability in mind"),
    "security": ("Trusts the security", "Has doubts about security or compliance", "Has security requirements"),
    "lock_in": ("Feels free to leave again", "Fears being tied in", "Has the way out in mind"),
    "support": ("Feels well looked after", "Feels badly looked after", "Has wishes about the support"),
    "usability": ("Finds it easy to use", "Finds it hard to use, or their people will not", "Has the use by their people in mind"),
    "competitor": ("Finds us better than the alternative", "Finds an alternative attractive", "Is looking at an alternative"),
    "contract": ("Is fine with the terms", "Objects to the terms", "Has the terms in mind"),
    "intent": ("Means to buy, stay or grow", "Means to leave, reduce or not to buy", "Has not decided yet"),
    "preference": ("Likes how we deal with them", "Dislikes how we deal with them", "Wants to be dealt with in a way of their own"),
}  # fmt: skip
"""Per slot, in our words: positive, negative, neutral."""
TOLD_IN_THEIR_WORDS = {"value", "need", "timeline", "preference", "contract"}
SIDES = (Polarity.positive, Polarity.negative, Polarity.neutral)


def clauses(text: str, sentence: Span) -> list[Span]:
    """A sentence cut where the speaker turns: at but, although, dashes, semicolons and new subjects."""
    start, end = sentence
    cuts = [start]
    for mark in BREAK.finditer(text, start, end):
        cuts += [mark.start(), mark.end()]
    cuts.append(end)
    spans = (_trimmed(text, first, last) for first, last in zip(cuts[::2], cuts[1::2], strict=True))
    return [span for span in spans if span[1] - span[0] >= 4]


def conditional(sentence: str) -> bool:
    """Whether a sentence holds a condition: what it says then is promised, not done."""
    return CONDITION.search(sentence) is not None


def hedged(sentence: str) -> bool:
    """Whether a sentence is a guess."""
    return HEDGE.search(sentence) is not None


def other_holder(clause: str, names: Sequence[str]) -> str | None:
    """The colleague or role whose view a clause reports; None if it is the speaker's own, or the subject's."""
    if named := NAMED.search(clause):
        name = named["holder"]
        if name not in NOT_NAMES and not same_person(name, names):
            return named["role"] or name
    if role := OTHERS.search(clause):
        return DETERMINER.sub("", DETERMINER.sub("", role["holder"]))
    return None


def statement(slot: str, side: Polarity, strength: Strength, quote: str) -> str:
    """A stance in our words, no firmer than theirs, and in English. Shape: at most 160 characters."""
    ours = STATEMENTS[slot][SIDES.index(side)]
    told = f"Perhaps {ours[:1].lower()}{ours[1:]}" if strength == Strength.speculative else ours
    theirs = " ".join(quote.split())
    whole = f"{told}: \u201c{theirs}\u201d"
    fits = slot in TOLD_IN_THEIR_WORDS and len(whole) <= STATEMENT_LENGTH and in_english(whole)
    return whole if fits else told


def _trimmed(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    if lead := LEAD.match(piece):
        start += lead.end()
    while end > start and text[end - 1] in " ,;:-\u2013\u2014\n":
        end -= 1
    return start, end
