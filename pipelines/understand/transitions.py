"""Words by which somebody says that something has changed, not only how it is now.

Such words are heard strictly, for they make forgotten what was said before: a condition, a wish, a question or a denial in the same quote
leaves it an ordinary one. Each language voids its own words only.
"""

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Cues:
    """One language's words of change, as patterns.

    Shape: `declared` says outright that it is so no longer, `told` by the way that it is otherwise now; `open` has not come, or is asked,
    and voids both; `pending` is wished, due or denied, and voids what is told.
    """

    declared: str
    told: str
    open: str
    pending: str

    @cached_property
    def _compiled(self) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
        one, two, three, four = (
            re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)
            for words in (self.declared, self.told, self.open, self.pending)
        )
        return one, two, three, four

    def declares(self, text: str) -> bool:
        """Whether the text says outright that something is so no longer."""
        declared, _, void, _ = self._compiled
        return declared.search(text) is not None and void.search(text) is None

    def tells(self, text: str) -> bool:
        """Whether the text says by the way that something is otherwise now."""
        _, told, void, pending = self._compiled
        return told.search(text) is not None and void.search(text) is None and pending.search(text) is None


LANGUAGES = (
    Cues(
        declared=r"no longer(?! than)|not any ?more(?! \w+ than| than)|\w+n't (?:\w+ ){0,4}any ?more(?! \w{3,}(?:s|ing)\b| (?:\w+ )?than)"
        r"|we(?:'ve| have)? switched|changed (?:my|our) minds?|used to (?:think|believe|worry)",
        told=r"(?<!for )(?<!up to )(?<!till )(?<!just )(?<!by )(?<!right )now(?! that| and then)|(?:is|are|was|were|has|have|all|\w's) gone(?! (?:through|over|into))"
        r"|settle[sd](?! on| in| for)|resolved(?! to| that)|solved|sorted out|won over",
        open=r"if|unless|until|till|once|would|could|should|will|\w+'ll|may|might",
        pending=r"not|never|cannot|\w+n't|nothing|none|nobody|neither|hardly|without|must|needs?|needed|to be|wants?|wanted|hop(?:e|es|ed|ing)|wish\w*"
        r"|expects?|when|before|after|as soon as|still|yet|first",
    ),
    Cues(
        declared=r"nicht mehr(?! als)|keine?[nrms]? (?:\w+ ){0,3}mehr(?! als| f\u00fcrs?)",  # codespell:ignore als
        told=r"(?<!bis )(?<!f\u00fcr )jetzt|inzwischen|mittlerweile|gekl\u00e4rt|erledigt|gel\u00f6st",
        open=r"wenn|falls|sobald|solange|ob|bis|wird|werden|w\u00fcrden?|k\u00f6nnten?",
        pending=r"nicht|nie|nichts|kein\w*|noch|muss|m\u00fcssen|m\u00fcsste\w*|soll\w*|will|wollen|hofft?|hoffen|bevor|ehe|nachdem|erst|ohne|zu",
    ),
    Cues(
        declared=r"(?<!on )n(?:e |')\w+ plus(?! (?:de|que))",
        told=r"(?<!pour )(?<!qu'\u00e0 )maintenant|d\u00e9sormais|r\u00e9gl\u00e9e?s?|r\u00e9solue?s?",
        open=r"si|quand|d\u00e8s|sera|seront|serait|aura|aurait",
        pending=r"pas|jamais|rien|aucune?|ni|doit|doivent|faut|faudra|avant|apr\u00e8s|encore|sans|esp\u00e8re\w*",
    ),
    Cues(
        declared=r"ya no",
        told=r"(?<!por )(?<!hasta )ahora|resuelt[oa]s?",
        open=r"si|cuando|hasta|ser\u00e1n?|ser\u00eda",
        pending=r"no|nunca|nada|ning\u00fan\w*|debe\w*|falta\w*|hay que|sin|a\u00fan|todav\u00eda|antes|espera\w*",
    ),
)


def declares_change(quote: str) -> bool:
    """Whether the quote says outright that something is so no longer."""
    text = _plain(quote)
    return any(language.declares(text) for language in LANGUAGES)


def tells_of_change(quote: str) -> bool:
    """Whether the quote says, outright or by the way ("is fine with it now"), that something has changed."""
    text = _plain(quote)
    return any(language.declares(text) or language.tells(text) for language in LANGUAGES)


def _plain(quote: str) -> str:
    """The quote in one line and with one kind of apostrophe; nothing of a question, which declares and tells nothing."""
    text = " ".join(quote.split()).replace("\u2019", "'")
    return "" if text.endswith("?") else text
