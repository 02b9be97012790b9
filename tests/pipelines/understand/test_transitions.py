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
    assert tells_of_change(quote)


@pytest.mark.parametrize("quote", [
    "now satisfied on sec 7", "it works, the scripts are gone", "EU hosting settles the question for her", "so that is solved for us",
    "inzwischen zufrieden", "das ist gekl\u00e4rt", "ahora va bien", "c'est r\u00e9gl\u00e9",
])  # fmt: skip
def test_a_change_is_told_of(quote):
    """By the way, as notes have it."""
    assert tells_of_change(quote)
    assert not declares_change(quote)


@pytest.mark.parametrize("quote", [
    "fine for now", "up to now it has been slow", "once that is solved we sign", "if it were settled I would go now", "it is still not resolved",
    "he has gone through the contract", "know-how", "it isn't any more expensive than theirs", "please don't send me any more surveys", "bis jetzt zufrieden", "por ahora bien", "wenn das gekl\u00e4rt ist", "",
])  # fmt: skip
def test_conditions_denials_and_stays_are_no_change(quote):
    """What would, will, or has not come."""
    assert not tells_of_change(quote)
