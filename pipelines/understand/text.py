"""The canonical text of an observation: what its author wrote, nothing else. Evidence offsets point into it.

NFC; one space between words, one line break between lines (turns begin at lines); without hidden markup, zero-width
characters, quoted replies and signatures. Canonical text stays the same when it is made canonical again.
"""

import re
import unicodedata
from html.parser import HTMLParser

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
SURROGATE = re.compile("[\ud800-\udfff]")
MARKUP = re.compile(r"<(?:html|body|div|span|p|br|table|style|font)\b[^>]*>", re.IGNORECASE)
HIDDEN = re.compile(
    r"display:none|visibility:hidden|font-size:0(?![.\d]*[1-9])|opacity:0(?![.]\d*[1-9])|mso-hide:all|max-height:0"
    r"|(?<![-\w])color:(?:white|#fff(?:fff)?|rgb\(255,255,255\))(?![\w])",
    re.IGNORECASE,
)
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SILENT = {"script", "style", "head", "title", "template", "noscript", "blockquote"}
BLOCKS = {"p", "div", "br", "li", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "section"}
QUOTE_CLASSES = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "divRplyFwdMsg")

REPLY = re.compile(
    r"^(?:On\b.{0,200}\bwrote\s*:|Am\b.{0,200}\bschrieb\b.{0,80}:|Le\b.{0,200}\ba \u00e9crit\s*:|El\b.{0,200}\bescribi\u00f3\s*:"
    r"|Op\b.{0,200}\bschreef\b.{0,80}:|Il\b.{0,200}\bha scritto\s*:|Em\b.{0,200}\bescreveu\s*:|Den\b.{0,200}\bskrev\b.{0,80}:|W dniu\b.{0,200}\bnapisa\u0142.{0,80}:"
    r"|.{0,120}\b\d{4}.{0,120}<[^<>\s@]+@[^<>\s]+>\s*:"
    r"|-{2,}\s*(?:Original Message|Urspr\u00fcngliche Nachricht|Message d.origine|Mensaje original|Messaggio originale|Oorspronkelijk bericht|Mensagem original"
    r"|Oprindelig meddelelse|Wiadomo\u015b\u0107 oryginalna)\s*-{2,}|_{10,})\s*$",
    re.IGNORECASE,
)
"""How mail programs announce what is replied to, in nine languages; Gmail's line in any other ends in an address and a colon."""
REPLY_BEGINS = ("On ", "Am ", "Le ", "El ", "Op ", "Il ", "Em ", "Den ", "W dniu ")
HEADER = re.compile(r"^(?:From|Von|De|Van|Da|Fra|Fr\u00e5n|Od)\s*:\s*\S", re.IGNORECASE)
HEADER_NEXT = re.compile(
    r"^(?:Sent|Date|To|Subject|Gesendet|Datum|An|Betreff|Envoy\u00e9|Objet|\u00c0|Enviado(?: el)?|Fecha|Para|Asunto|Verzonden|Aan|Onderwerp|Inviato|Data|A|Oggetto"
    r"|Assunto|Sendt|Til|Emne|Skickat|Till|\u00c4mne|Wys\u0142ano|Do|Temat)\s*:",
    re.IGNORECASE,
)
FORWARDED = re.compile(
    r"^-{2,}\s*(?:Forwarded message|Weitergeleitete Nachricht|Message transf\u00e9r\u00e9|Mensaje reenviado|Messaggio inoltrato|Doorgestuurd bericht)\s*-{2,}$"
    r"|^Begin forwarded message:$|^Anfang der weitergeleiteten Nachricht:$",
    re.IGNORECASE,
)
SIGN_OFF = re.compile(
    r"^(?:(?:best|kind|warm|many|with best|with kind)\s+)?(?:regards|wishes|best|cheers|thanks|thank you|many thanks|sincerely|yours(?: (?:sincerely|truly|faithfully))?|br|rgds"
    r"|(?:viele|sch\u00f6ne|mit freundlichen|mit besten|freundliche|beste|liebe|herzliche) gr\u00fc(?:\u00df|ss)en?|(?:viele|freundliche|liebe) gr\u00fcsse|mfg|vg|lg|gru\u00df"
    r"|(?:bien )?cordialement|bien \u00e0 vous|salutations(?: distingu\u00e9es)?|(?:un )?saludos?(?: cordiales)?|atentamente"
    r"|(?:met vriendelijke )?groet(?:en|jes)?|mvg|(?:cordiali|distinti) saluti|un saluto|saluti|atenciosamente|cumprimentos|abra\u00e7os"
    r"|(?:med )?v\u00e4nliga? h\u00e4lsningar|mvh|med venlig hilsen|venlig hilsen|pozdrawiam|z powa\u017caniem)"
    r"\s*[,!.]?$",
    re.IGNORECASE,
)
FOOTER = re.compile(
    r"^(?:--|sent from my .{0,40}|get outlook for .{0,20}|von meinem .{0,30} gesendet|envoy\u00e9 de(?:puis)? mon .{0,30}|enviado desde mi .{0,30}|inviato da .{0,30}"
    r"|verzonden vanaf mijn .{0,30}|enviado do meu .{0,30}|skickat fr\u00e5n min .{0,30}|wys\u0142ano z .{0,30}"
    r"|(?:this|the information in this) (?:e-?mail|message)\b.{0,80}\b(?:confidential|intended)\b.*"
    r"|diese e-?mail (?:kann|enth\u00e4lt) .{0,60}vertraulich.*|ce (?:message|courriel) .{0,60}confidentiel.*|este (?:mensaje|correo) .{0,60}confidencial.*)$",
    re.IGNORECASE,
)
SIGNATURE_LINES, SIGNATURE_WIDTH = 8, 70
"""A signature is short: more or longer lines after a sign-off are text again."""
MAIL = {"email", "ticket", "form"}


def canonical(raw: str, source: str, *, html: bool = False) -> str:
    """The author's own words out of a vendor's text field; empty if there are none.

    Shape: lines joined by single breaks, no space at their ends. Quoted replies and signatures are cut from what is mailed.
    """
    text = SURROGATE.sub("\ufffd", raw)
    if html or MARKUP.search(text):
        text = _visible(text)
    text = CONTROL.sub(" ", INVISIBLE.sub("", unicodedata.normalize("NFC", text)))
    lines = [folded for line in text.splitlines() if (folded := " ".join(line.split()))]
    if source in MAIL:
        lines = _without_signature(_above_the_line(lines))
    return "\n".join(lines)


class _Visible(HTMLParser):
    """Collects what a reader would see; knows hidden elements by tag, attribute and inline style."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.open: list[tuple[str, bool]] = []

    @property
    def silent(self) -> bool:
        return bool(self.open) and self.open[-1][1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in BLOCKS:
            self.parts.append("\n")
        if tag not in VOID:
            self.open.append((tag, self.silent or _hidden(tag, dict(attrs))))

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.parts.append("\n")
        # browsers close what was left open inside; a stray end tag closes nothing
        if any(name == tag for name, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.parts.append(data)


def _hidden(tag: str, attributes: dict[str, str | None]) -> bool:
    style = "".join((attributes.get("style") or "").split())
    css = f"{attributes.get('class') or ''} {attributes.get('id') or ''}"
    return (
        tag in SILENT
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or (attributes.get("color") or "").lower() in ("white", "#fff", "#ffffff")
        or HIDDEN.search(style) is not None
        or any(name in css for name in QUOTE_CLASSES)
    )


def _visible(markup: str) -> str:
    parser = _Visible()
    parser.feed(markup)
    parser.close()
    return "".join(parser.parts)


def _above_the_line(lines: list[str]) -> list[str]:
    """Lines before the first quoted reply, without quoted lines; a forwarded message is no reply and stays."""
    kept: list[str] = []
    forwarded = False
    for number, line in enumerate(lines):
        forwarded = forwarded or FORWARDED.match(line) is not None
        if REPLY.match(line) or (REPLY.match(" ".join(lines[number : number + 2])) and line.startswith(REPLY_BEGINS)):
            break
        if (
            not forwarded
            and HEADER.match(line)
            and any(HEADER_NEXT.match(near) for near in lines[number + 1 : number + 4])
        ):
            break
        if not line.startswith(">"):
            kept.append(line)
    return kept


def _without_signature(lines: list[str]) -> list[str]:
    for number, line in enumerate(lines):
        rest = lines[number + 1 :]
        short = len(rest) <= SIGNATURE_LINES and all(len(after) <= SIGNATURE_WIDTH for after in rest)
        if FOOTER.match(line) or (number and SIGN_OFF.match(line) and short):
            if any(FORWARDED.match(after) for after in rest):
                continue
            return lines[:number]
    return lines
