"""Words by which somebody says that something has changed, not only how it is now.

Such words are heard strictly, for they make forgotten what was said before: a condition, a wish, a question or a denial in the same quote
leaves it an ordinary one. Each language voids its own words only.
"""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Cues:
    """One language's words of change, as patterns of whole words in small letters.

    Shape: `declared` says outright that it is so no longer, `told` by the way that it is otherwise now; `open` has not come, is compared
    or is an idiom, and voids both; `pending` is wished, due or denied, and voids what is told.
    """

    declared: str
    told: str
    open: str
    pending: str

    @cached_property
    def _words(self) -> tuple[re.Pattern[str], ...]:
        kinds = (self.declared, self.told, self.open, self.pending)
        return tuple(re.compile(rf"\b(?:{words})\b") for words in kinds)

    def declares(self, text: str) -> bool:
        """Whether the text says outright that something is so no longer."""
        declared, _, void, _ = self._words
        return declared.search(text) is not None and void.search(text) is None

    def tells(self, text: str) -> bool:
        """Whether the text says by the way that something is otherwise now."""
        _, told, void, pending = self._words
        return told.search(text) is not None and void.search(text) is None and pending.search(text) is None


LANGUAGES = (
    Cues(
        declared=r"no longer|not any ?more|t (?:\w+ ){0,4}any ?more|we(?:'ve| have)? switched|changed (?:my|our) minds?|used to (?:think|believe|worry)",
        told=r"now|gone|settle[sd]|resolved|solved|sorted out|won over",
        open=r"if|unless|until|till|once|would|could|should|will|ll|may|might|no longer than|any ?more (?:\w+ )?than|any ?more \w{3,}(?:s|ing)",
        pending=r"not|never|cannot|t|nothing|none|nobody|neither|hardly|without|must|needs?|needed|to be|wants?|wanted|hop(?:e|es|ed|ing)|wish\w*"
        r"|expects?|when|before|after|as soon as|still|yet|first|(?:for|to|just|by|right) now|now that|now and then|gone (?:through|over|into)"
        r"|settled? (?:on|in|for)|resolved (?:to|that)",
    ),
    Cues(
        declared=r"nicht mehr|keine?[nrms]? (?:\w+ ){0,3}mehr",
        told=r"jetzt|inzwischen|mittlerweile|gekl\u00e4rt|erledigt|gel\u00f6st",
        open=r"wenn|falls|sobald|solange|ob|bis|wird|werden|w\u00fcrden?|k\u00f6nnten?|mehr (?:als|f\u00fcrs?)",  # codespell:ignore als
        pending=r"nicht|nie|nichts|kein\w*|noch|muss|m\u00fcssen|m\u00fcsste\w*|soll\w*|will|wollen|hofft?|hoffen|bevor|ehe|nachdem|erst|ohne|zu|f\u00fcr jetzt",
    ),
    Cues(
        declared=r"n(?:e |')\w+ plus",
        told=r"maintenant|d\u00e9sormais|r\u00e9gl\u00e9e?s?|r\u00e9solue?s?",
        open=r"si|quand|d\u00e8s|sera|seront|serait|aura|aurait|on ne peut plus|plus (?:de|que)",
        pending=r"pas|jamais|rien|aucune?|ni|doit|doivent|faut|faudra|avant|apr\u00e8s|encore|sans|esp\u00e8re\w*|pour maintenant|\u00e0 maintenant",
    ),
    Cues(
        declared=r"ya no",
        told=r"ahora|resuelt[oa]s?",
        open=r"si|cuando|hasta|ser\u00e1n?|ser\u00eda",  # codespell:ignore ser
        pending=r"no|nunca|nada|ning\u00fan\w*|debe\w*|falta\w*|hay que|sin|a\u00fan|todav\u00eda|antes|espera\w*|por ahora",
    ),
)


ANY = re.compile(rf"\b(?:{'|'.join(f'{language.told}|{language.declared}' for language in LANGUAGES)})\b")
"""A word of change of any language; most quotes have none, and are looked at once."""


def declares_change(quote: str) -> bool:
    """Whether the quote says outright that something is so no longer."""
    text = _plain(quote)
    return ANY.search(text) is not None and any(language.declares(text) for language in LANGUAGES)


def tells_of_change(quote: str) -> bool:
    """Whether the quote says, outright or by the way ("is fine with it now"), that something has changed."""
    text = _plain(quote)
    return ANY.search(text) is not None and any(
        language.declares(text) or language.tells(text) for language in LANGUAGES
    )


def _plain(quote: str) -> str:
    """The quote in one line, small letters and one kind of apostrophe; nothing of a question, which declares and tells nothing."""
    text = " ".join(quote.lower().split()).replace("\u2019", "'")
    return "" if text.endswith("?") else text
