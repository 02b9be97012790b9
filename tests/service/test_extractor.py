"""Which extractor reads is said before anything is read."""

import pytest

from tests.pipelines.understand.llm_stub import Stub


def extractor(door):
    door.connect()
    return next(
        finding for finding in door.ask("doctor", "--json").json["Workspace"] if finding["subject"] == "extractor"
    )


@pytest.fixture(autouse=True)
def no_model_of_the_developers_own(door):
    """Whatever the shell says."""
    for name in ("", "_BASE_URL", "_API_KEY", "_MODE", "_CONCURRENCY"):
        door.environment.delenv(f"SIDECAR_LLM{name}", raising=False)


def test_doctor_says_that_the_embedded_extractor_reads(door):
    """Nothing is configured, and that is no fault."""
    found = extractor(door)
    assert found["ok"]
    assert found["message"].startswith("embedded-4")


def test_doctor_finds_the_language_model_without_sending_it_a_text(door, serve):
    """Its name, its host and the version of its instructions."""
    stub = Stub()
    door.set(SIDECAR_LLM="openai/m", SIDECAR_LLM_BASE_URL=f"{serve(stub.app)}/v1")
    found = extractor(door)
    assert found["ok"]
    assert found["message"].startswith("openai/m at 127.0.0.1")
    assert stub.calls == []


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"SIDECAR_LLM": "openai/m", "SIDECAR_LLM_BASE_URL": "http://127.0.0.1:9/v1"}, "SIDECAR_LLM_BASE_URL"),
        ({"SIDECAR_LLM": "nonsense/m"}, "Unsupported provider"),
        ({"SIDECAR_LLM_MODE": "telepathy"}, "SIDECAR_LLM_MODE cannot be used"),
        ({"SIDECAR_LLM": "openai/m", "OPENAI_API_KEY": ""}, "set SIDECAR_LLM_API_KEY or OPENAI_API_KEY"),
    ],
    ids=["away", "unknown", "setting", "no key"],
)
def test_doctor_says_what_is_wrong_with_the_language_model(door, variables, said):
    """One sentence, as for every other finding."""
    door.set(**variables)
    found = extractor(door)
    assert not found["ok"]
    assert said in found["message"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("CONCURRENCY", "many"), ("MODE", "telepathy"), ("BASE_URL", "127.0.0.1:8080"), ("MAX_TOKENS_PER_DAY", "0")],
)
def test_a_setting_that_cannot_be_is_named(door, name, value):
    """The variable and what is wrong with it, before any work; never what it holds."""
    door.set(SIDECAR_LLM="openai/m", **{f"SIDECAR_LLM_{name}": value})
    answer = door.ask("run", "understand")
    assert answer.code == 2
    assert f"SIDECAR_LLM_{name} cannot be used" in answer.said
    assert "telepathy" not in answer.said
