"""The customer texts that are planted, with the labels that only the truth may see."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

DATA = Path(__file__).parent.parent / "data" / "beliefs_dev.jsonl"


@dataclass(frozen=True)
class Document:
    """One text: whose record it hangs on (`person`), where it was said and by whom; `gold` labels are for the truth alone."""

    doc_id: str
    person: str
    source: str
    author: str
    occurred_at: datetime
    text: str
    gold: list[dict[str, Any]] = field(repr=False)

    @property
    def html(self) -> bool:
        """Whether the text is markup."""
        return self.text.lstrip().startswith("<")


def load() -> dict[str, list[Document]]:
    """Documents by person, persons by their first document, each person's documents in time order."""
    people: dict[str, list[Document]] = {}
    for line in DATA.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        document = Document(**{**row, "occurred_at": datetime.fromisoformat(row["occurred_at"])})
        people.setdefault(document.person, []).append(document)
    return {person: sorted(texts, key=lambda text: text.occurred_at) for person, texts in people.items()}
