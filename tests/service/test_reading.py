"""`sidecar slots` and `sidecar extract`, as somebody at a terminal meets them."""

import json

import pytest

from models import Evidence, Interaction, Profile, Scope
from models.clock import FrozenClock
from pipelines.understand.observations import collect_observations
from pipelines.workspace import Workspace
from tests.pipelines.understand.batch_stub import BatchStub
from tests.pipelines.understand.conftest import World, key
from tests.pipelines.understand.test_extraction import claim
from tests.service.conftest import Door

TEXT = "Tom Weber thinks the trucks are too slow for Dana Kolbe."
NEW = (
    "slots",
    "add",
    "fleet",
    "--about",
    "the vehicles they run",
    "--example",
    "Their trucks are too slow",
    "--half-life",
    "90",
)


@pytest.fixture
def spoken(door: Door) -> Door:
    """One e-mail of Dana's that names another customer."""
    door.connect()
    with Workspace.from_environment() as here:
        world = World(here.lake, here.store, FrozenClock(here.clock.now()))
        names = {"dana": "Dana Kolbe", "tom": "Tom Weber"}
        people = [(f"Contact/{id_}", {}, [Profile(scope=Scope.person, name=name)]) for id_, name in names.items()]
        said = Interaction(
            subject=key("Contact", "dana"),
            field="Body",
            occurred_at=here.clock.now(),
            source="email",
            author="customer",
        )
        world.land(*people, ("Task/1", {"Body": TEXT}, [said]))
        collect_observations(here.lake, here.store, here.clock)
    return door


def quotes() -> list[tuple[str, str, str | None]]:
    with Workspace.from_environment() as here:
        rows = World(here.lake, here.store, here.clock).rows(Evidence)
    return [(row.slot, row.quote, row.holder) for row in rows if row.withdrawn_at is None]


def test_slots_are_added_changed_and_retired(door):
    """Every change is shown; what stands already is not written, what cannot be is said in one sentence."""
    door.connect()
    assert len(door.ask("slots", "list", "--json").json) == 17
    assert door.ask(*NEW, "--json").json["slot"]["half_life_days"] == 90
    assert door.ask(*NEW).code == 2
    assert door.ask("slots", "edit", "fleet", "--valence", "0.5", "--json").json["changed"]
    assert "nothing was written" in door.ask("slots", "edit", "fleet", "--valence", "0.5").said
    assert "Changed." in door.ask("slots", "retire", "price").said
    assert "price (retired)" in door.ask("slots", "list").said
    assert door.ask("slots", "edit", "price", "--active", "--json").json["slot"]["active"]
    assert "no slot nothing" in door.ask("slots", "edit", "nothing", "--valence", "0").said


@pytest.mark.parametrize(
    ("name", "about", "more", "says"),
    [
        ("wellbeing", "their health", (), "nobody's business"),
        ("party", "which party they voted for", (), "nobody's business"),
        ("Big Name", "something", (), "small letters"),
        ("fleet", "x", (), "3 to 200 characters"),
        ("fleet", "the vehicles\nthey run", (), "in one line"),
        ("fleet", "the vehicles", ("--half-life", "0"), "half-life"),
        ("fleet", "the vehicles", ("--valence", "2"), "valence"),
    ],
)
def test_what_no_slot_may_be_is_refused(door, name, about, more, says):
    """Special categories above all."""
    door.connect()
    refused = door.ask("slots", "add", name, "--about", about, "--example", "For example", *more)
    assert refused.code == 2
    assert says in refused.said


def test_a_slot_of_ones_own_is_read_into_without_a_change_of_code(spoken, serve, monkeypatch):
    """The model is told of it and may answer in it; before it was a row, that was no answer. Nobody is named in any request."""
    stub = BatchStub(
        always=lambda _: [claim("<PERSON_1> thinks the trucks are too slow", slot="fleet", holder="<PERSON_1>")]
    )
    monkeypatch.setenv("SIDECAR_LLM", "openai/m")
    monkeypatch.setenv("SIDECAR_LLM_BASE_URL", f"{serve(stub.app)}/v1")
    stub.always = lambda sent: [claim(f"{mark(sent)} thinks the trucks are too slow", slot="fleet", holder=mark(sent))]
    assert spoken.ask("extract", "--json").json["failed"] == 1
    spoken.ask(*NEW)
    done = spoken.ask("extract", "--json").json
    assert (done["read"], done["failed"], done["claims"]) == (1, 0, 1)
    assert quotes() == [("fleet", "Tom Weber thinks the trucks are too slow", "Tom Weber")]
    assert "fleet: the vehicles they run" in stub.sent[-1]
    assert not any(name in "".join(stub.sent) for name in ("Weber", "Kolbe", "Tom", "Dana"))


def mark(sent: str) -> str:
    """How the request calls whoever thinks."""
    return sent.split(" thinks the trucks", maxsplit=1)[0].rsplit(maxsplit=1)[-1]


def test_requests_are_answered_elsewhere_and_loaded(spoken, tmp_path):
    """Written, answered by whoever likes, read: with the same checks and the names back; a second look reads nothing."""
    out, back = tmp_path / "requests.jsonl", tmp_path / "answers.jsonl"
    assert spoken.ask("extract", "--dump-requests", str(out), "--model", "strong", "--json").json["requests"] == 1
    request = json.loads(out.read_text())
    assert out.stat().st_mode & 0o777 == 0o600
    assert "Weber" not in out.read_text()
    name = mark(request["messages"][1]["content"])
    back.write_text("")
    unanswered = spoken.ask("extract", "--load-answers", str(back), "--model", "strong", "--json")
    assert unanswered.json["waiting"] == {"no answer has come in for it": 1}
    back.write_text(
        json.dumps(
            {
                "id": request["id"],
                "answer": {"claims": [claim("the trucks are too slow", slot="performance", holder=name)]},
            }
        )
    )
    load = ("extract", "--load-answers", str(back), "--model", "strong", "--json")
    first, second = spoken.ask(*load).json, spoken.ask(*load).json
    assert (first["claims"], first["cached"], first["answers_unused"]) == (1, 0, 0)
    assert (second["claims"], second["cached"], second["answers_unused"]) == (0, 1, 1)
    assert quotes() == [("performance", "the trucks are too slow", "Tom Weber")]
    assert "There is no file" in spoken.ask("extract", "--load-answers", "nowhere").said
    back.write_bytes(b"\xff\xfe")
    assert f"Line 1 of {back} is no answer" in spoken.ask(*load).said


def test_batches_are_handed_over_and_collected(spoken, serve, monkeypatch):
    """Something is out: exit code 1; everything is read: 0."""
    assert "set SIDECAR_LLM" in spoken.ask("extract", "--batch").said
    stub = BatchStub(always=lambda _: [claim("the trucks are too slow", slot="performance")])
    monkeypatch.setenv("SIDECAR_LLM", "openai/m")
    monkeypatch.setenv("SIDECAR_LLM_BASE_URL", f"{serve(stub.app)}/v1")
    sent = spoken.ask("extract", "--batch")
    assert sent.code == 1
    assert "texts sent: 1" in sent.said
    stub.pass_a_day()
    done = spoken.ask("extract", "--batch", "--wait", "--json")
    assert (done.code, done.json["read"], done.json["batches_open"]) == (0, 1, 0)
    assert "Choose one" in spoken.ask("extract", "--batch", "--dump-requests", "x").said
