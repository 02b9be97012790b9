"""What was asked of a vendor of the practice ground, for assertions and for the curious."""

from collections import deque
from dataclasses import dataclass, field

LENGTH = 100_000  # requests remembered; a long demo must not fill the memory


@dataclass(frozen=True)
class Request:
    """One request, there before its answer is; `status` is 0 where the connection was cut, `fault` names the fault that was at work."""

    method: str
    path: str
    query: str
    status: int
    fault: str = ""


@dataclass
class RequestLog:
    """Requests in the order of their answers, oldest first."""

    entries: deque[Request] = field(default_factory=lambda: deque(maxlen=LENGTH))

    def add(self, request: Request) -> None:
        """Remember one request."""
        self.entries.append(request)

    def clear(self) -> None:
        """Forget all."""
        self.entries.clear()

    def matching(self, path: str, method: str | None = None) -> list[Request]:
        """Requests whose path holds the text, with that method if one is given."""
        return [entry for entry in self.entries if path in entry.path and method in {None, entry.method}]
