"""Which share of the open pipeline has words to read: what doctor says before anybody wonders why nothing is believed."""

from models import Outcome, Relation
from service.coverage import words_on_deals
from tests.pipelines.understand.conftest import key


def deal(id_: str, status: str = "open"):
    return f"Opportunity/{id_}", {}, [Outcome(subject=None, status=status, stage="x")]


def test_nothing_pulled_yet_is_no_fault(office):
    """Before the first pull there is nothing to say, and nothing to mend."""
    assert words_on_deals(office.models.workspace).ok


def test_open_deals_are_counted_by_the_sources_that_reach_them(office):
    """Words on the deal itself and words of who plays a part in it count; old words, closed deals and strangers' words do not."""
    world = office.world
    role = Relation(kind="contact_role", subject=key("Contact", "otto"), other=key("Opportunity", "b"), role="Buyer")
    world.person("person-otto", key("Contact", "otto"))
    world.land(deal("a"), deal("b"), deal("c"), deal("d", "won"), ("OpportunityContactRole/1", {}, [role]))
    world.say("1", "Hello, a question.", day=190, regarding=key("Opportunity", "a"))
    world.say("2", "They asked again.", day=150, who="otto", source="call_note", author="rep")
    world.say("3", "Too long ago.", day=20, regarding=key("Opportunity", "c"))
    world.say("4", "About something won.", day=190, regarding=key("Opportunity", "d"), source="chat")
    office.think()
    finding = words_on_deals(office.models.workspace)
    assert finding.ok
    assert finding.message == "2 of 3 (67%) have words of the last 90 days: call_note 33%, email 33%"


def test_a_pipeline_without_words_is_a_finding_with_a_remedy(office):
    """No extractor helps where nobody wrote anything down; doctor says what would."""
    office.world.land(deal("a"))
    finding = words_on_deals(office.models.workspace)
    assert not finding.ok
    assert finding.message == "0 of 1 (0%) have words of the last 90 days: no source at all"
    assert "contact roles" in finding.remedy
