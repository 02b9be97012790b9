"""Which extractor reads: the language model that the environment names, else the embedded one."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from models.clock import Clock
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import tokens_since
from pipelines.understand.extractor import Extractor
from pipelines.understand.settings import LanguageModelSettings


@contextmanager
def chosen_extractor(store: Engine, clock: Clock) -> Iterator[Extractor]:
    """The extractor of one run. Errors: ExtractorUnusable, before any text is sent."""
    settings = LanguageModelSettings()
    if settings.name is None:
        yield Embedded()
        return
    from pipelines.understand.language_model import open_language_model  # noqa: PLC0415  # its SDKs take seconds

    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    with open_language_model(settings, spent_today=tokens_since(store, midnight)) as model:
        yield model
