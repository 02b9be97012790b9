"""Which extractor reads: the language model that the environment names, else the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from models.clock import Clock
from pipelines.ingest.lake import Lake
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import tokens_since
from pipelines.understand.extractor import Extractor
from pipelines.understand.redaction import NOBODY, read_known
from pipelines.understand.settings import LanguageModelSettings


@contextmanager
def chosen_extractor(store: Engine, clock: Clock, lake: Lake | None = None) -> Iterator[Extractor]:
    """The extractor of one run; the lake knows whose names a language model must not be told. Errors: ExtractorUnusable, before any text is sent."""
    settings = LanguageModelSettings()
    if settings.name is None:
        yield Embedded()
        return
    from pipelines.understand.language_model import open_language_model  # noqa: PLC0415  # its SDKs take seconds

    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    known = read_known(lake) if lake and settings.redact else NOBODY
    with open_language_model(settings, known=known, spent_today=tokens_since(store, midnight)) as model:
        yield model
