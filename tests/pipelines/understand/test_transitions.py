"""Which words tell that something has changed, in four languages, and which do not."""

import pytest

from pipelines.understand.transitions import declares_change, tells_of_change


@pytest.mark.parametrize("quote", [
    "we no longer worry about it", "it isn\u2019t an issue any more", "we've switched", "das ist nicht mehr so", "ya no es un problema",
    "ce n'est plus un souci",
])  # fmt: skip
def test_a_change_is_declared(quote):
    """Outright, with which the holder makes forgotten what they said before."""
    assert declares_change(quote)
    assert tells_of_change(quote.replace(" ", "\n"))


@pytest.mark.parametrize("quote", [
    "now satisfied on sec 7", "it works, the scripts are gone", "EU hosting settles the question for her", "so that is solved for us",
    "inzwischen zufrieden", "das ist gekl\u00e4rt", "ahora va bien", "c'est r\u00e9gl\u00e9",
])  # fmt: skip
def test_a_change_is_told_of(quote):
    """By the way, as notes have it."""
    assert tells_of_change(quote)
    assert not declares_change(quote)


@pytest.mark.parametrize("quote", [
    "fine for now", "up to now it has been slow", "we are at capacity right now", "now that you mention it", "he has gone through the contract",
    "know-how", "we settled on HubSpot", "the board resolved to wait", "",
    # conditions, and what has yet to come
    "once that is solved we sign", "if it were settled I would go now", "when SSO is settled we sign", "as soon as SSO ships it is settled",
    "price needs to be resolved first", "wants price settled before signing", "will be resolved next quarter", "hopes it gets resolved",
    "still to be sorted out", "If you no longer support on-prem we leave", "would no longer be a problem",
    "it will no longer be a problem once SSO ships", "I wouldn't worry about price any more if you offered SSO",
    # denials, comparisons, questions and idioms
    "it is still not resolved", "nothing is resolved", "none of it is settled", "it cannot be solved", "is the SSO issue solved?",
    "is it no longer possible to export?", "Setup took no longer than a day", "it isn't any more expensive than theirs",
    "it is not any more expensive than theirs", "please don't send me any more surveys", "we don't need any more convincing",
    # other languages
    "bis jetzt zufrieden", "wenn das gekl\u00e4rt ist", "muss noch gekl\u00e4rt werden", "bevor das gekl\u00e4rt ist", "keiner bietet mehr f\u00fcrs Geld",
    "por ahora bien", "debe estar resuelto", "sin resolver, hasta que est\u00e9 resuelto", "avant que ce soit r\u00e9gl\u00e9", "doit \u00eatre r\u00e9gl\u00e9",
    "on ne peut plus satisfaits",
])  # fmt: skip
def test_what_is_open_wished_asked_or_denied_is_no_change(quote):
    """What would, will, or has not come, however it is broken into lines."""
    assert not tells_of_change(quote)
    assert not tells_of_change(quote.replace(" ", "\n"))
