"""The folder or object store that the files lie in, through Arrow's file systems; and captions, through webvtt-py.

What a store raises becomes our errors by type: Arrow says `FileNotFoundError` and `PermissionError` where the store is clear about
it, and a plain `OSError` for everything else, a refused key of an object store included.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import pyarrow as pa
import webvtt
from pyarrow import fs
from webvtt.errors import MalformedCaptionError, MalformedFileError

from connectors.errors import Fatal, Retryable
from connectors.product_events.ledger import File
from connectors.product_events.lines import VENDOR
from connectors.product_events.settings import ProductEventsSettings

AWAY = 30.0  # seconds, before a store that does not answer is asked again
BUFFER = 2**16  # bytes asked for at a time
VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]*)>")
"""A voice span (https://www.w3.org/TR/webvtt1/#webvtt-cue-voice-span); webvtt-py tells the first of a cue only."""


@dataclass(frozen=True)
class Cue:
    """Words that one voice says, or nobody in particular; `end` in seconds since the recording began."""

    voice: str | None
    words: str
    end: float


@dataclass(frozen=True)
class Captions:
    """A transcript as it stands: its cues in order, and the comments above the first."""

    cues: list[Cue]
    notes: list[str]


class Files:
    """The files of one store below one root that fit a pattern. `calls` counts listings under `window`.

    Errors of every method: Fatal where the root is not there (the whole vendor then) or a file may not be read, Retryable where
    the store does not answer.
    """

    def __init__(self, store: fs.FileSystem, root: str, pattern: str | None = None) -> None:
        self.calls: Counter[str] = Counter()
        self._store = store
        self._place = self._folder = root.rstrip("/") or "/"
        self._fits = _matcher(pattern) if pattern else None

    def listing(self, stream: str | None = None) -> list[File]:
        """Every file, named by its path below the root. Hidden ones (., _) are left out, as by every reader of such folders."""
        self.calls["window"] += 1
        with self._errors(stream):
            top = self._store.get_file_info(self._place)
            if top.type == fs.FileType.NotFound:
                message = "there is nothing at the place that PRODUCT_EVENTS_URL names; make it, or set another"
                raise Fatal(message, vendor=VENDOR, stream=stream, credentials=True)
            if top.type == fs.FileType.File:
                self._folder = self._place.rpartition("/")[0]
                return [File(top.base_name, top.size or 0, top.mtime_ns or 0)]
            found = self._store.get_file_info(fs.FileSelector(self._place, recursive=True))
        below = [(info.path[len(self._place) :].lstrip("/"), info) for info in found if info.type == fs.FileType.File]
        return [
            File(path, info.size or 0, info.mtime_ns or 0)
            for path, info in below
            if not re.search(r"(^|/)[._]", path) and (self._fits is None or self._fits.fullmatch(path))
        ]

    @contextmanager
    def open(self, path: str, stream: str | None = None) -> Iterator[BinaryIO]:
        """A file to read from and move about in."""
        with self._errors(stream), self._store.open_input_file(f"{self._folder}/{path}") as file:
            yield cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, file), BUFFER))

    @contextmanager
    def _errors(self, stream: str | None) -> Iterator[None]:
        try:
            yield
        except PermissionError:
            message = (
                "a file or folder may not be read; give this user read access to all that PRODUCT_EVENTS_URL names"
            )
            raise Fatal(message, vendor=VENDOR, stream=stream) from None
        except FileNotFoundError:
            raise
        except OSError as error:
            _away(error, stream)


def _away(error: OSError, stream: str | None) -> NoReturn:
    number = f", error {error.errno}" if error.errno else ""
    message = (
        f"the store does not answer or refuses us ({type(error).__name__}{number}); check PRODUCT_EVENTS_URL, its region, and "
        "the store's credentials in the environment"
    )
    raise Retryable(message, after=AWAY, vendor=VENDOR, stream=stream) from None


def open_files(settings: ProductEventsSettings) -> Files:
    """The files that the settings name. Fatal with `credentials` if there is no URL, or one that Arrow does not understand."""
    if settings.url is None:
        raise Fatal(f"not connected: set {', '.join(settings.missing())}", vendor=VENDOR, credentials=True)
    remote = "://" in settings.url
    place, query, tail = settings.url.partition("?") if remote else (settings.url, "", "")
    root, pattern = _split(place)
    if not remote:
        return Files(fs.LocalFileSystem(), str(Path(root or ".").expanduser().absolute()), pattern)
    try:
        store, path = fs.FileSystem.from_uri(root + query + tail)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        message = "PRODUCT_EVENTS_URL names no store that is known; write a folder or a URL of s3, gs, abfs or file"
        raise Fatal(message, vendor=VENDOR, credentials=True) from None
    except OSError as error:  # S3 is asked for the bucket's region
        _away(error, None)
    return Files(store, path, pattern)


def captions(text: str) -> Captions:
    """The cues and head comments of a WebVTT file. ValueError if it is none."""
    try:
        read = webvtt.from_string(text)
    except (MalformedFileError, MalformedCaptionError):
        raise ValueError("is no WebVTT file, or a broken one") from None
    return Captions([cue for caption in read.captions for cue in _cues(caption)], list(read.header_comments))


def _cues(caption: webvtt.Caption) -> Iterator[Cue]:
    """One cue per voice in it. What stands before the first voice is nobody's."""
    end = caption.end_time.in_milliseconds() / 1000
    before, *spoken = VOICE.split(caption.raw_text)
    if before.strip():
        yield Cue(None, webvtt.Caption(text=before).text, end)
    for name, words in zip(spoken[::2], spoken[1::2], strict=True):
        yield Cue(name, webvtt.Caption(text=words).text, end)


def _split(place: str) -> tuple[str, str | None]:
    """The part of a path before its first `*` or `?`, up to a slash, and the pattern behind it."""
    wild = re.search(r"[*?]", place)
    if wild is None:
        return place, None
    cut = place.rfind("/", 0, wild.start()) + 1
    return place[:cut], place[cut:]


def _matcher(pattern: str) -> re.Pattern[str]:
    """`*` is anything but a slash, `**/` any folders, `?` one character but a slash."""
    wild = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in re.split(r"(\*\*/|\*|\?)", pattern)))
