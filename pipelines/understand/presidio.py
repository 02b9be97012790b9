"""More that identifies somebody, as Microsoft's Presidio finds it: the optional extra `presidio`, with a spaCy pipeline that the user brings.

It knows first names of strangers and places, which forms and the CRM's names do not. Nothing is fetched: Presidio would download a
pipeline that is not there, and the public suffixes of domains for addresses, which `identifying.py` finds by itself.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.identifying import Found
from pipelines.understand.redaction import Finder

LEAST = 0.4
"""Presidio's own score from which a find counts: patterns that any number fits have less, a name by a pipeline .85."""
KINDS = {"PERSON": "PERSON", "LOCATION": "PLACE", "PHONE_NUMBER": "PHONE", "CREDIT_CARD": "CARD", "IBAN_CODE": "IBAN"}
"""What Presidio's kinds are called here; an `ID` is every other."""
LEFT = {"DATE_TIME", "NRP", "EMAIL_ADDRESS", "URL", "DOMAIN_NAME", "ORGANIZATION"}
"""Kinds not asked for: when and of which nation something is identifies nobody, and a competitor's name is what a belief is about."""


def presidio(pipeline: str) -> Finder:
    """Presidio with the spaCy pipeline of this name or in this folder. ExtractorUnusable without the extra, or where there is no such pipeline."""
    try:
        import spacy  # noqa: PLC0415  # an optional extra
        from presidio_analyzer import AnalyzerEngine  # noqa: PLC0415
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ExtractorUnusable(
            "SIDECAR_LLM_PRESIDIO needs the extra: uv sync --extra presidio; or unset it"
        ) from error
    if not (spacy.util.is_package(pipeline) or Path(pipeline).is_dir()):
        raise ExtractorUnusable(
            f"SIDECAR_LLM_PRESIDIO names {pipeline!r}, which is neither an installed spaCy pipeline nor a folder that holds one; "
            "install it from https://spacy.io/models, or unset it"
        )
    loaded = spacy.load(pipeline)
    engine = SpacyNlpEngine(models=[{"lang_code": loaded.lang, "model_name": pipeline}])
    engine.nlp = {loaded.lang: loaded}
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=[loaded.lang])
    asked = sorted({*analyzer.get_supported_entities(loaded.lang)} - LEFT)

    def find(text: str) -> Iterator[Found]:
        results: list[Any] = analyzer.analyze(text, loaded.lang, entities=asked, score_threshold=LEAST)
        for result in sorted(results, key=lambda one: (-one.score, one.start, -one.end)):
            yield Found(result.start, result.end, KINDS.get(result.entity_type, "ID"))

    return find
