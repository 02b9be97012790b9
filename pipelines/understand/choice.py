"""Which extractor reads: the language model that the environment names, else the embedded one; and what its batches have answered."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from sqlalchemy import Engine

from models.clock import Clock
from pipelines.ingest.lake import Lake
from pipelines.understand.embedded import Embedded
from pipelines.understand.extraction import Extracted, open_batches, tokens_since
from pipelines.understand.extractor import Extractor, ExtractorUnusable
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

    known = read_known(lake) if lake and settings.redact else NOBODY
    with open_language_model(settings, known=known, spent_today=spent_today(store, clock)) as model:
        yield model


def collected(store: Engine, clock: Clock, lake: Lake) -> Extracted:
    """Read what the provider has answered of the model's batches; nobody is asked where none is out.

    What cannot be collected now waits, as a text does whose model is away.
    """
    settings = LanguageModelSettings()
    if settings.name is None or not open_batches(store, settings.name):
        return Extracted()
    from pipelines.understand.batches import collect, office  # noqa: PLC0415  # its SDKs take seconds

    known = read_known(lake) if settings.redact else NOBODY
    try:
        with office(lake, store, clock, settings, known=known, spent_today=spent_today(store, clock)) as at:
            return replace(collect(at).reading, cached=0, waiting=Counter())  # of both the run itself tells
    except ExtractorUnusable as error:
        return Extracted(waiting=Counter({str(error): len(open_batches(store, settings.name))}))


def spent_today(store: Engine, clock: Clock) -> int:
    """Tokens of all readings kept since midnight, UTC."""
    return tokens_since(store, clock.now().replace(hour=0, minute=0, second=0, microsecond=0))
