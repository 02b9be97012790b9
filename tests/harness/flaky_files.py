"""A file system that fails now and then, as a store behind a network does: when it lists, when it opens, and while it is read."""

import errno
import io
from collections.abc import Callable
from typing import NoReturn

import pyarrow as pa
from pyarrow import fs

from tests.harness import seeded


class Brittle(io.FileIO):
    """A file whose store goes away after some bytes."""

    left = 100

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, or OSError once it is over."""
        if self.tell() >= self.left:
            raise OSError(errno.EIO, "the store went away")
        return super().read(size)


class FlakyFiles(fs.FileSystemHandler):
    """The local file system, read only. `asked` counts what it was asked, `struck` what failed."""

    def __init__(self) -> None:
        self._local = fs.LocalFileSystem()
        self._random = seeded(0)
        self._share = 0.0
        self.meanwhile: Callable[[], None] | None = None
        """What somebody else does between listing and reading, in one case of four."""
        self.denied = 0
        """Openings until one that is not allowed; 0 for none."""
        self.closed = False
        """Whether none may be opened."""
        self.asked = self.struck = 0

    def opened(self) -> fs.PyFileSystem:
        """As a connector takes it."""
        return fs.PyFileSystem(self)

    def rage(self, seed: int, share: float) -> None:
        """Fail in that share of cases."""
        self._random, self._share = seeded(seed), share

    def calm(self) -> None:
        """Fail no more."""
        self._share, self.meanwhile, self.denied, self.closed = 0.0, None, 0, False

    def get_type_name(self) -> str:
        return "flaky"

    def normalize_path(self, path: str) -> str:
        return path

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        self._meet()
        return self._local.get_file_info(paths)

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        self._meet()
        return self._local.get_file_info(selector)

    def open_input_file(self, path: str) -> pa.NativeFile:
        if self.meanwhile and self._random.random() < 0.25:
            self.meanwhile()
        self._meet()
        self.denied -= self.denied > 0
        if self.denied == 1 or self.closed:
            raise PermissionError(errno.EACCES, "not yours")
        if self._random.random() < self._share:
            self.struck += 1
            return pa.PythonFile(Brittle(path), mode="r")
        return self._local.open_input_file(path)

    def open_input_stream(self, path: str) -> pa.NativeFile:
        return self.open_input_file(path)

    def _meet(self) -> None:
        self.asked += 1
        if self._random.random() < self._share:
            self.struck += 1
            raise OSError(errno.EIO, "the store does not answer")

    def _read_only(self, *_: object) -> NoReturn:
        raise PermissionError("read only")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = _read_only
    delete_file = move = copy_file = open_output_stream = open_append_stream = _read_only
