"""`sidecar extract`: read what customers said, at once, through a provider's batches, or with answers that somebody else's model gave."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer

from pipelines.understand.choice import chosen_extractor, spent_today
from pipelines.understand.extraction import Extracted, due, extract
from pipelines.understand.extractor import ExtractorUnusable
from pipelines.understand.redaction import NOBODY, Known, read_known
from pipelines.understand.settings import LanguageModelSettings
from pipelines.understand.slots import seed
from pipelines.workspace import Workspace
from service import terminal
from service.environment import opened
from service.errors import UsageError
from service.options import Json

app = typer.Typer(pretty_exceptions_enable=False)
LOOK_AGAIN = 60.0
"""Seconds between two looks at batches that are waited for; providers answer within hours."""


@app.command("extract")
def read(
    dump: Annotated[Path | None, typer.Option("--dump-requests", metavar="FILE", help="Write the requests, one JSON object a line, and send none.")] = None,
    load: Annotated[Path | None, typer.Option("--load-answers", metavar="FILE", help="Read with the answers in a file: `id` and `answer` a line.")] = None,
    model: Annotated[str, typer.Option("--model", help="With --dump-requests and --load-answers: whose answers they are.")] = "model",
    *,
    batch: Annotated[bool, typer.Option("--batch", help="Through the provider's batches, at half the price: hands over, and collects what is answered.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="With --batch: until nothing is out any more.")] = False,
    json: Json = False,
) -> None:  # fmt: skip
    """Read every text that has not been read yet; beliefs follow with `sidecar run understand`."""
    if sum((batch, dump is not None, load is not None)) > 1:
        raise UsageError("Choose one of --batch, --dump-requests and --load-answers.")
    with opened() as workspace, _plainly():
        seed(workspace.store)
        if dump:
            _say({"requests": _dumped(workspace, dump, model), "file": str(dump)}, json=json)
        elif batch:
            _in_batches(workspace, wait=wait, json=json)
        elif load:
            _told(*_loaded(workspace, load, model), json=json)
        else:
            _told(_live(workspace), {}, json=json)


def _live(workspace: Workspace) -> Extracted:
    with chosen_extractor(workspace.store, workspace.clock, workspace.lake) as extractor:
        return extract(workspace.lake, workspace.store, extractor, workspace.clock)


def _dumped(workspace: Workspace, path: Path, model: str) -> int:
    from pipelines.understand.offline import dump, named  # noqa: PLC0415  # its SDKs take seconds

    with named(model) as extractor:
        texts = (text for some in due(workspace.lake, workspace.store, extractor, Extracted()) for _, text in some)
        number = 0
        if not path.absolute().parent.is_dir():
            raise UsageError(f"There is no folder {path.absolute().parent} to write the requests in; make it first.")
        path.touch(mode=0o600)  # customers' words
        with path.open("wb") as file:
            for number, request in enumerate(dump(texts, _known(workspace)), 1):  # noqa: B007  # counted
                file.write(orjson.dumps(request) + b"\n")
    return number


def _loaded(workspace: Workspace, path: Path, model: str) -> tuple[Extracted, dict[str, int]]:
    """What was read, and how many answers no text waited for: read already, or not of our requests."""
    from pipelines.understand.offline import answered  # noqa: PLC0415  # its SDKs take seconds

    if not path.exists():
        raise UsageError(f"There is no file {path}.")
    with answered(path, model, _known(workspace)) as extractor:
        return extract(workspace.lake, workspace.store, extractor, workspace.clock), {
            "answers_unused": extractor.unused
        }


def _in_batches(workspace: Workspace, *, wait: bool, json: bool) -> None:
    settings = LanguageModelSettings()
    if settings.name is None:
        raise UsageError("--batch needs a language model: set SIDECAR_LLM to a model of OpenAI or Anthropic.")
    from pipelines.understand.batches import office, visit  # noqa: PLC0415  # its SDKs take seconds

    spent = spent_today(workspace.store, workspace.clock)
    with office(
        workspace.lake, workspace.store, workspace.clock, settings, known=_known(workspace), spent_today=spent
    ) as at:
        done = visit(at, spent_today=spent)
        while wait and done.batches_open:
            time.sleep(LOOK_AGAIN)
            done.add(visit(at, spent_today=spent_today(workspace.store, workspace.clock)))
    counts = {name: number for name, number in vars(done).items() if isinstance(number, int)}
    _told(done.reading, counts, json=json)


def _known(workspace: Workspace) -> Known:
    return read_known(workspace.lake) if LanguageModelSettings().redact else NOBODY


def _told(done: Extracted, more: dict[str, int], *, json: bool) -> None:
    _say({**more, **vars(done)}, json=json)
    if done.waiting or more.get("batches_open"):
        raise typer.Exit(1)


def _say(found: dict[str, object], *, json: bool) -> None:
    if json:
        terminal.print_json(found)
        return
    for name, value in found.items():
        words = (
            "; ".join(f"{number}: {why}" for why, number in value.items())
            if isinstance(value, Counter | dict)
            else str(value)
        )
        if words not in ("", "0"):
            terminal.say(f"{name.replace('_', ' ')}: {words}")


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except (ExtractorUnusable, OSError) as error:
        raise UsageError(str(error)) from error
