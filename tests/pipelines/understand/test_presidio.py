"""Names that neither a form nor the CRM tells, found by the real Presidio with a spaCy pipeline on disk; `make test-presidio` installs the extra."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from pipelines.understand.claims import Document
from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.language_model import open_language_model
from pipelines.understand.presidio import presidio
from pipelines.understand.redaction import NOBODY, masked
from pipelines.understand.settings import LanguageModelSettings
from pipelines.understand.slots import shipped
from pipelines.understand.turns import split

INSTALLED = find_spec("presidio_analyzer") is not None
extra = pytest.mark.skipif(not INSTALLED, reason="runs with `make test-presidio`: needs the extra")
TEXT = "Zsofia told me that the clinic in Debrecen will not sign before 3 March. Her card is 4111 1111 1111 1111."


@pytest.fixture
def pipeline(tmp_path: Path) -> str:
    """A pipeline that knows one name and one place."""
    import spacy

    nlp = spacy.blank("en")
    patterns = [{"label": "PERSON", "pattern": "Zsofia"}, {"label": "GPE", "pattern": "Debrecen"}]
    nlp.add_pipe("entity_ruler").add_patterns(patterns)
    nlp.to_disk(tmp_path / "names")
    return str(tmp_path / "names")


def written(text: str, names: Sequence[str] = ("Mia",)) -> Document:
    return Document(text, split(text, "email", "customer", names), "email", "customer", names, tuple(shipped()))


@extra
def test_a_strangers_first_name_and_a_place_become_pseudonyms_and_come_back(pipeline):
    document = written(TEXT)
    assert "Zsofia" in masked(document, NOBODY).shown.text
    hidden = masked(document, NOBODY, [presidio(pipeline)])
    assert (
        hidden.shown.text
        == "<PERSON_2> told me that the clinic in <PLACE_1> will not sign before 3 March. Her card is <CARD_1>."
    )
    assert hidden.words(hidden.shown.text) == TEXT


@extra
def test_offsets_lead_back_to_the_text_that_is_kept(pipeline):
    hidden = masked(written(TEXT), NOBODY, [presidio(pipeline)])
    start = hidden.shown.text.index("will not sign")
    assert TEXT[hidden.start(start) : hidden.end(start + len("will not sign"))] == "will not sign"


@extra
def test_a_model_is_sent_what_presidio_has_left(pipeline):
    settings = LanguageModelSettings(name="openai/some-model", api_key="k", presidio=pipeline)
    with open_language_model(settings) as model:
        assert "Zsofia" not in model.hidden(written(TEXT)).shown.text
    with open_language_model(settings.model_copy(update={"redact": False})) as model:
        assert "Zsofia" in model.hidden(written(TEXT)).shown.text


@extra
def test_a_pipeline_that_is_not_there_is_named_and_never_fetched(tmp_path):
    with pytest.raises(ExtractorUnusable, match="neither an installed spaCy pipeline nor a folder"):
        presidio(str(tmp_path / "nowhere"))


@pytest.mark.skipif(INSTALLED, reason="the extra is installed")
def test_without_the_extra_the_message_says_how_to_get_it():
    with (
        pytest.raises(ExtractorUnusable, match="uv sync --extra presidio"),
        open_language_model(LanguageModelSettings(name="openai/some-model", api_key="k", presidio="en_core_web_lg")),
    ):
        pass
