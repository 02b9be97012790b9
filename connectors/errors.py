"""What can go wrong at a vendor, named by what the caller should do about it.

- `Retryable`: wait that many seconds and ask again; nothing is lost.
- `Fatal`: stop this stream (or, for credentials, this vendor); no cursor moves; a human must act.
- `RecordRejected`: keep this one record with the reason and go on.
- `Unsupported`: the vendor has no such thing; asking again will not help.
- `Forged`: do not believe this delivery; whoever sent it is not the vendor.

Messages say what, where and how to mend it, and never hold a secret or a customer's value.
"""


class ConnectorError(Exception):
    """Anything a vendor refused; carries the vendor, the stream and, where there is one, the record id."""

    def __init__(self, message: str, *, vendor: str, stream: str | None = None, record_id: str | None = None) -> None:
        self.vendor = vendor
        self.stream = stream
        self.record_id = record_id
        where = "/".join(part for part in (vendor, stream, record_id) if part)
        super().__init__(f"{where}: {message}")


class Retryable(ConnectorError):
    """The same request may succeed after `after` seconds."""

    def __init__(
        self, message: str, *, after: float, vendor: str, stream: str | None = None, record_id: str | None = None
    ) -> None:
        self.after = after
        super().__init__(message, vendor=vendor, stream=stream, record_id=record_id)


class Fatal(ConnectorError):
    """Nothing more can be done until a human acts; `credentials` says that the whole vendor is affected."""

    def __init__(
        self,
        message: str,
        *,
        vendor: str,
        stream: str | None = None,
        record_id: str | None = None,
        credentials: bool = False,
    ) -> None:
        self.credentials = credentials
        super().__init__(message, vendor=vendor, stream=stream, record_id=record_id)


class RecordRejected(ConnectorError):
    """One record cannot be read or written; the rest can."""


class Unsupported(ConnectorError):
    """The vendor lacks this capability."""


class Forged(ConnectorError):
    """A delivery that the vendor did not sign, or not just now; it is not believed."""
