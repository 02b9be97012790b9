"""Words by which six languages of customers negate, go on to another clause, and are told from English."""

import re

WORD = re.compile(r"[^\W\d_]+")
NEGATIONS = {
    "en": r"not|no|never|nobody|nothing|without|hardly|cannot|neither|nor|none",
    "de": r"nicht|kein|keine|keinen|keinem|keiner|keines|nie|niemals|niemand|nichts|ohne|weder|kaum",
    "fr": r"pas|jamais|rien|personne|sans|aucun|aucune|gu\u00e8re",
    "es": r"nunca|nadie|nada|tampoco|ning\u00fan|ninguna|ninguno|jam\u00e1s",
    "it": r"non|nessuno|nessuna|niente|senza|neanche",
    "nl": r"niet|geen|nooit|niemand|niets|zonder|nauwelijks",
    "pt": r"n\u00e3o|nunca|ningu\u00e9m|nenhum|nenhuma|sem",
}
"""Those that are words of another kind elsewhere ("pas si cher", but no English word) are fine; ambiguous ones are left out."""
CLAUSES = {
    "en": r"but|although|though|however|because|so|and|yet|while|if",
    "de": r"aber|sondern|obwohl|weil|denn|und|doch|wenn|dass",
    "fr": r"mais|parce|quoique|et|donc",
    "es": r"pero|sino|porque|aunque|pues",
    "it": r"per\u00f2|perch\u00e9|sebbene|quindi",
    "nl": r"maar|omdat|hoewel",
    "pt": r"por\u00e9m|embora|ent\u00e3o",
}
FUNCTION_WORDS = {
    "de": WORD.findall("der die das den dem ein eine einen ist sind wird werden hat haben nicht kein keine f\u00fcr mit auf und oder zu von dass sie er wir ihre sein zum zur \u00fcber"),
    "fr": WORD.findall("le la les un une des est sont du de que qui pour avec dans sur pas et ou il elle nous leur leurs ce cette aux trop plus"),
    "es": WORD.findall("el la los las un una es son del de que para con en por no y o muy su sus esta este demasiado m\u00e1s"),
    "it": WORD.findall("il lo la gli le un una \u00e8 sono del della di che per con non e o troppo molto suo loro questo questa pi\u00f9"),
    "nl": WORD.findall("de het een is zijn van dat voor met op niet geen en of te hij zij wij hun veel"),
    "pt": WORD.findall("o a os as um uma \u00e9 s\u00e3o do da de que para com em por n\u00e3o e ou muito seu sua mais"),
}  # fmt: skip
ENGLISH = frozenset(
    WORD.findall(
        "the a an is are was be been will would has have had can could should must may might do does did not no of to in on for with by from at "
        "as than that this their they them it its and or if but when until without who more less too very finds believes wants needs expects "
        "fears prefers plans thinks sees says likes doubts values feels considers"
    )
)
CLEAR = 2
"""Words of another language, beyond those of English, from which on a sentence is taken to be in it."""
NEGATION = re.compile(rf"\b(?:{'|'.join(NEGATIONS.values())})\b(?!-)|n['\u2019]t\b", re.IGNORECASE)
CLAUSE_END = re.compile(rf"[.!?;:,\u2014]|\b(?:{'|'.join(CLAUSES.values())})\b", re.IGNORECASE)


def in_english(sentence: str) -> bool:
    """Whether a sentence can be English: false only where its letters or its small words are plainly another language's."""
    letters = [letter for letter in sentence if letter.isalpha()]
    if sum(letter > "\u024f" for letter in letters) > len(letters) / 2:
        return False
    words = WORD.findall(sentence.lower())
    english = sum(word in ENGLISH for word in words)
    return all(sum(word in small for word in words) < english + CLEAR for small in FUNCTION_WORDS.values())
