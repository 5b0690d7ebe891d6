"""Seekable content of single members, out of a layer that may only read forward."""

import io
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from imgforensics.errors import DamagedBlobError, OutputFailedError
from imgforensics.problems import Location, ProblemLog
from imgforensics.sources.window import Window
from imgforensics.tarstream.member import TarMember
from imgforensics.tarstream.sparse import expand

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

IN_MEMORY_BYTES = 8 << 20
"""Content up to this size is held in memory once decoded, larger content in a temporary file."""


class IteratorFile(io.RawIOBase):
    """A forward-only file over an iterator of chunks."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill as much of `buffer` as one chunk does; 0 at the end."""
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._rest))
        target[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


class FileWindow(Window):
    """A read-only, seekable view of `size` bytes of a file from `start` on.

    It moves the file: any file will do, in memory too, but it is to be the window's alone.
    Reading raises `DamagedBlobError`, telling `where`, if the file ends before the view does:
    it was longer when the layer was read.
    """

    def __init__(self, file: BinaryIO, start: int, size: int, where: Location) -> None:
        super().__init__(size)
        self._file = file
        self._start = start
        self._where = where

    def _read_at(self, position: int, target: memoryview) -> int:
        self._file.seek(self._start + position)
        data = self._file.read(len(target))
        if not data:
            raise DamagedBlobError(
                f"{self._where}: ends now before offset {self._start + position}, though it was "
                "longer when it was opened; the source changes while it is read: copy it first"
            )
        target[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file, too."""
        self._file.close()
        super().close()


def window_of(file: BinaryIO, start: int, size: int, where: Location) -> BinaryIO:
    """A buffered :class:`FileWindow`; closes `file` with itself."""
    return io.BufferedReader(FileWindow(file, start, size, where))


class ForwardCursor:
    """Reads ranges of a stream that only runs forward, starting anew for an earlier range.

    Ranges asked for in ascending order cost one pass in all. Safe to use from many threads.
    """

    def __init__(
        self,
        start: Callable[[ProblemLog], Iterator[bytes]],
        where: Location,
        spool_directory: Path | None = None,
    ) -> None:
        self._start = start
        self._where = where
        self._spool_directory = None if spool_directory is None else str(spool_directory)
        self._lock = threading.Lock()
        self._rewind()

    def _rewind(self) -> None:
        self._chunks: Iterator[bytes] | None = None
        self._log = ProblemLog(self._where)
        self._chunk = memoryview(b"")
        self._chunk_offset = 0

    def open_member(self, member: TarMember) -> BinaryIO:
        """A member's content, logical (holes read as zeros), seekable."""
        with ExitStack() as opened:
            file = opened.enter_context(
                tempfile.SpooledTemporaryFile(IN_MEMORY_BYTES, dir=self._spool_directory)
            )
            # Holes cost nothing on a disk, and only there does `truncate` make one at the end.
            if member.size > IN_MEMORY_BYTES or member.extents is not None:
                with self._writing(member):
                    file.rollover()
            with self._lock:
                self._copy(member, cast("BinaryIO", file))
            opened.pop_all()
        return window_of(cast("BinaryIO", file), 0, member.size, self._where)

    def _copy(self, member: TarMember, file: BinaryIO) -> None:
        for offset, piece in expand(member, self._range(member.data_offset, member.stored_size)):
            with self._writing(member):
                file.seek(offset)
                file.write(piece)
        with self._writing(member):
            file.truncate(member.size)

    @contextmanager
    def _writing(self, member: TarMember) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputFailedError(
                f"{self._where}: a temporary copy of {member.size} bytes: {error.strerror}"
            ) from error

    def close(self) -> None:
        """Close the stream; the next range opens it again."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if isinstance(self._chunks, Generator):
            self._chunks.close()
        self._rewind()

    def _range(self, offset: int, length: int) -> Iterator[memoryview]:
        if self._chunks is None or offset < self._chunk_offset:
            self._drop()
            self._chunks = self._start(self._log)
        end = offset + length
        while offset < end:
            start = offset - self._chunk_offset
            piece = self._chunk[start : end - self._chunk_offset]
            if piece:
                yield piece
                offset += len(piece)
            else:
                self._advance(offset)

    def _advance(self, needed: int) -> None:
        self._chunk_offset += len(self._chunk)
        chunk = next(cast("Iterator[bytes]", self._chunks), None)
        if chunk is None:
            end = self._chunk_offset
            self._drop()
            reasons = "; ".join(str(problem) for problem in self._log) or "no more bytes"
            raise DamagedBlobError(
                f"{self._where}: ends at offset {end} of its tar, content at offset {needed} "
                f"is lost: {reasons}"
            )
        self._chunk = memoryview(chunk)
