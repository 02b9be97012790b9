"""From facts in a real lake to a queue in a real store."""

from tests.pipelines.stitch.suggest.conftest import look, pairs, queued, who


def test_a_double_that_no_identifier_shows_is_suggested_and_not_joined(bench):
    """Same name, company and town, another address: a human should look; nobody is joined."""
    bench.hand.write(
        {
            "crm": who(
                "Jane Kolbe",
                company="Kolbe Stanztechnik GmbH",
                city="Stuttgart",
                country="DE",
                email="jane@kolbe.example",
            ),
            "shop": who(
                "Jane Kolbe", company="Kolbe Stanztechnik", city="Stuttgart", country="DE", email="jk77@gmail.com"
            ),
            "other": who("Ben Arnold", company="Nordwind AG", city="Kiel", country="DE", email="ben@nordwind.example"),
        }
    )
    look(bench)
    assert queued(bench) == pairs("crm shop")
    assert bench.clusters() == {frozenset(["crm"]), frozenset(["shop"]), frozenset(["other"])}
