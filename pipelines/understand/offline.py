"""The very same requests for any model at all: written to a file, answered by whoever likes, and read back as strictly as a live answer.

One JSON object a line. A request: `id`, `messages` (role and content, as they would be sent) and `schema` (JSON schema of the
answer). An answer: `id` and `answer`, the object that the schema describes. Names are hidden as in a request that is sent.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from openai.types.chat import ChatCompletion

from pipelines.understand.answers import Answered, Inbox, Outbox, posed
from pipelines.understand.claims import Document
from pipelines.understand.extractor import LOADED, ExtractorUnusable
from pipelines.understand.language_model import LanguageModel, open_language_model
from pipelines.understand.redaction import NOBODY, Known
from pipelines.understand.settings import LanguageModelSettings, Mode

NOWHERE = "http://127.0.0.1:9/v1"
"""The discard port: nothing is ever sent there."""


def dump(documents: Iterable[Document], known: Known = NOBODY) -> Iterator[dict[str, Any]]:
    """The requests that these texts make, each once, in order."""
    seen: set[str] = set()
    with _open(outbox := Outbox(), known) as model:
        for document in documents:
            for id_, request in posed(model, outbox, document).items():
                if id_ not in seen:
                    seen.add(id_)
                    schema = request["response_format"]["json_schema"]["schema"]
                    yield {"id": id_, "messages": request["messages"], "schema": schema}


@contextmanager
def named(name: str) -> Iterator[Answered]:
    """The same extractor before any answer has come in: what it has not read is what is to be asked."""
    inbox = Inbox(_completion)
    with _open(outbox := Outbox(), NOBODY) as poses, _open(inbox, NOBODY) as model:
        yield Answered(f"{LOADED}{name}", model, (poses, outbox), inbox)


@contextmanager
def answered(path: Path, name: str, known: Known = NOBODY) -> Iterator[Answered]:
    """The extractor whose answers stand in a file; `name` says whose they are, and is shown beside what was read.

    Errors: ExtractorUnusable, if a line is no answer. An answer that its text does not bear out makes the text a recorded failure.
    """
    inbox = Inbox(_completion)
    inbox.answers = dict(_read(path))
    with _open(outbox := Outbox(), known) as poses, _open(inbox, known) as model:
        yield Answered(f"{LOADED}{name}", model, (poses, outbox), inbox)


@contextmanager
def _open(post: Outbox | Inbox, known: Known) -> Iterator[LanguageModel]:
    chosen = LanguageModelSettings()
    settings = chosen.model_copy(
        update={"name": "openai/offline", "base_url": NOWHERE, "mode": Mode.json_schema, "reasks": 0, "resends": 0, "hosts": {},
                "api_key": None, "max_tokens_per_run": None, "max_tokens_per_day": None}
    )  # fmt: skip
    with open_language_model(settings, known=known, send=post.send) as model:
        yield model


def _read(path: Path) -> Iterator[tuple[str, Any]]:
    with path.open("rb") as file:  # `json` decodes a line itself, and says what it cannot
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield str(row["id"]), row["answer"]
            except (ValueError, KeyError, TypeError) as error:
                raise ExtractorUnusable(f"Line {number} of {path} is no answer: it needs `id` and `answer`.") from error


def _completion(answer: Any) -> ChatCompletion:
    words = answer if isinstance(answer, str) else json.dumps(answer)
    return ChatCompletion.model_validate(
        {
            "id": "offline", "object": "chat.completion", "created": 0, "model": "offline",
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": words}}],
        }
    )  # fmt: skip
