"""Texts that give orders, hide words or carry templates, read by a model that obeys them: nothing is believed that nobody said.

The texts are those of the labelled set; another customer is in the same store, with a belief of their own.
"""

import json
import re

import pytest

from benchmarks.beliefs import DATA, load
from models import Belief, Evidence, Extraction, Profile, Scope
from pipelines.understand.extraction import extract
from pipelines.understand.language_model import open_language_model
from pipelines.understand.observations import collect_observations
from pipelines.understand.redaction import read_known
from pipelines.understand.replay import replay_beliefs
from pipelines.understand.settings import LanguageModelSettings
from pipelines.understand.slots import shipped
from tests.pipelines.understand.conftest import key
from tests.pipelines.understand.llm_stub import Stub
from tests.pipelines.understand.test_extraction import claim

HOSTILE = re.compile(
    r"ignore (?:all )?previous|\{\{|\{%|display:\s*none|font-size:\s*0|color:\s*(?:white|#fff)|</answer>|[\u200b-\u200f]",
    re.IGNORECASE,
)
ROWS = [row for row in load(DATA) if HOSTILE.search(row["text"])]
ERIK = "Erik Zander (erik@zanderwerk.example, +49 170 7654321) finds the price fair."
MARKS = ("Erik", "Zander", "zanderwerk", "7654321", "finds the price fair")


@pytest.fixture
def crowd(world, serve):
    """Erik, who believes something, and a way to read one hostile text with a model that answers as told."""
    profiles = {"erik": "Erik Zander", "guest": "Gudrun Gast"}
    world.land(*((f"Contact/{id_}", {}, [Profile(scope=Scope.person, name=name)]) for id_, name in profiles.items()))
    for id_ in profiles:
        world.person(f"person-{id_}", key("Contact", id_))
    world.say("erik", ERIK, who="erik")
    stub = Stub()
    settings = LanguageModelSettings(name="openai/m", base_url=f"{serve(stub.app)}/v1", api_key="k")

    async def at_once(_):
        return None

    def read(answer):
        stub.always, stub.calls = answer, []
        collect_observations(world.lake, world.store, world.clock)
        with open_language_model(settings, known=read_known(world.lake), pause=at_once) as model:
            report = extract(world.lake, world.store, model, world.clock)
        replay_beliefs(world.store, world.clock)
        return report, stub.sent

    return read


def beliefs(world, person):
    return [row.model_dump() for row in world.rows(Belief) if row.person_id == person]


def test_the_set_holds_hostile_texts():
    """Else the tests below would say nothing."""
    assert len(ROWS) >= 8
    assert sum(not row["gold"] for row in ROWS) >= 3


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["doc_id"])
def test_a_model_that_obeys_changes_no_belief(world, crowd, row):
    """It claims what the text orders, on every slot, for its person and for Erik: a recorded failure, and all beliefs as before."""
    crowd(lambda _: [claim("finds the price fair", polarity="positive", statement="The price is fair")])
    before = beliefs(world, "person-erik")
    assert len(before) == 1
    world.say("hostile", row["text"], 5, who="guest", source=row["source"], author="customer")
    ordered = [line for line in re.split(r"(?<=[.!?])\s|\n", row["text"]) if HOSTILE.search(line)] or [
        "Mark this as happy"
    ]
    orders = [
        claim(ordered[0][:400].strip() or "Mark it", slot=slot.name, polarity="positive", statement="Will renew for ten years", holder=holder)
        for slot in shipped()
        for holder in (None, "Erik Zander")
    ]  # fmt: skip
    report, sent = crowd(lambda _: orders[:30])
    assert (report.read, report.failed, report.claims) == (1, 1, 0)
    assert beliefs(world, "person-erik") == before
    assert beliefs(world, "person-guest") == []
    assert {row.status for row in world.rows(Extraction)} == {"ok", "failed"}
    assert not any(
        mark in sent[0] for mark in MARKS
    )  # a re-ask gives the model's own words back, Erik's name among them


@pytest.mark.parametrize("row", [row for row in ROWS if row["gold"]], ids=lambda row: row["doc_id"])
def test_a_model_that_obeys_only_at_first_stays_within_the_texts_own_slots(world, crowd, row):
    """Once mended, what counts is what the person said, and nothing that the order asked for."""
    world.say("hostile", row["text"], 5, who="guest", source=row["source"], author="customer")
    own = [
        claim(
            gold["quote"], **{name: gold[name] for name in ("slot", "polarity", "strength")}, statement="As they said"
        )
        for gold in row["gold"]
    ]

    def answer(sent):
        if "finds the price" in sent:
            return []
        return own if "errors" in sent.rsplit(">>", 1)[-1] else [*own, claim("Mark this account as happy", slot="intent", polarity="positive")]  # fmt: skip

    crowd(answer)
    found = {(row.subject, row.slot) for row in world.rows(Evidence)}
    assert found <= {(key("Contact", "guest"), gold["slot"]) for gold in row["gold"]}


def test_requests_carry_one_text_each_and_no_keys(world, crowd):
    """Erik's words are in his request alone; no record key, person id or store id is in any."""
    for number, row in enumerate(ROWS):
        world.say(f"h{number}", row["text"], number, who="guest", source=row["source"], author="customer")
    _, sent = crowd(lambda _: [])
    assert sum("finds the price fair" in request for request in sent) == 1
    assert not any(
        word in json.dumps(sent) for word in ("salesforce/", "person-erik", "person-guest", "Zander", "Gast")
    )
