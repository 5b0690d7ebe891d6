"""Contents inside contents: compressed files, and tar and zip archives (jar, whl, docx …).

What a file is, is told by its first bytes. A compressed tar is one level, as is an archive.
"""

import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, TypeVar

from imgforensics.compression import Compression, decompress, detect_compression, read_chunks
from imgforensics.errors import LimitExceededError, OutputFailedError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import EntryKind
from imgforensics.tarstream.reader import TarReader

T = TypeVar("T")

_SHOWN = 200
_IN_MEMORY = 8 << 20
_PIECE = 1 << 18
_ZIP = b"PK\x03\x04"
_ZIP_END = b"PK\x05\x06"
_ZIP_END_BYTES = 22 + (1 << 16)
_ZIP_DIRECTORY_BYTES = 64 << 20
"""A larger one would take gigabytes of memory."""
_TAR_MAGIC = slice(257, 262)
_DAMAGE = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    EOFError,
    OSError,
    zlib.error,
    lzma.LZMAError,
)


class Inner(NamedTuple):
    """One content inside another, to be read before the next one is asked for."""

    names: tuple[bytes, ...]
    """Of each archive's member on the way; a compressed file's is its compression."""
    pieces: Iterable[memoryview]


class Spool:
    """Holds a content that may have others inside while its pieces go by."""

    def __init__(self, limits: Limits, directory: Path | None = None) -> None:
        self._limits = limits
        self._directory = None if directory is None else str(directory)

    def may_hold_others(self, head: bytes) -> bool:
        """Whether a content that begins so is compressed, or an archive."""
        return (
            head.startswith(_ZIP)
            or head[_TAR_MAGIC] == b"ustar"
            or detect_compression(head) is not Compression.NONE
        )

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """A temporary file without a name; in memory while it is small."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=self._directory) as file:
            yield file

    def copying(
        self, pieces: Iterable[memoryview], file: IO[bytes], log: ProblemLog
    ) -> Iterator[memoryview]:
        """The pieces, each written to `file` as it passes, up to the limit; that is a problem."""
        room = self._limits.spool_bytes
        for piece in pieces:
            if len(piece) <= room:
                _write(file, piece)
            elif room >= 0:
                detail = f"over the limit spool_bytes={self._limits.spool_bytes}"
                log.report(ProblemCode.LIMIT_REACHED, detail, action="not looked into to its end")
            room -= len(piece)
            yield piece


def _write(file: IO[bytes], piece: memoryview) -> None:
    try:
        file.write(piece)
    except OSError as error:
        raise OutputFailedError(f"a temporary copy of a file: {error.strerror}") from error


def contents_inside(
    file: IO[bytes], levels: int, spool: Spool, limits: Limits, log: ProblemLog
) -> Iterator[Inner]:
    """What is inside a file, `levels` deep; what cannot be read is a problem in the log."""
    for names, pieces in _told(_one_level(file, limits, log), log):
        inner = Inner(names, _told(pieces, log))
        if levels == 1:
            yield inner
        else:
            yield from _and_inside(inner, levels - 1, spool, limits, log)


def _told(items: Iterable[T], log: ProblemLog) -> Iterator[T]:
    """The items up to where they cannot be read, which is a problem then."""
    try:
        yield from items
    except LimitExceededError as error:
        log.report(ProblemCode.LIMIT_REACHED, str(error), action="what follows was not looked into")
    except _DAMAGE as error:
        log.report(
            ProblemCode.INSIDE_UNREADABLE,
            f"{type(error).__name__}: {error}"[:_SHOWN],
            action="what precedes was looked into",
        )


def _and_inside(
    inner: Inner, levels: int, spool: Spool, limits: Limits, log: ProblemLog
) -> Iterator[Inner]:
    with spool.open() as copy:
        yield Inner(inner.names, spool.copying(inner.pieces, copy, log))
        copy.seek(0)
        head = copy.read(512)
        if spool.may_hold_others(head):
            for deeper in contents_inside(copy, levels, spool, limits, log):
                yield Inner((*inner.names, *deeper.names), deeper.pieces)


def _one_level(file: IO[bytes], limits: Limits, log: ProblemLog) -> Iterator[Inner]:
    file.seek(0)
    head = file.read(512)
    file.seek(0)
    if head.startswith(_ZIP):
        yield from _in_zip(file, limits)
    elif head[_TAR_MAGIC] == b"ustar":
        yield from _in_tar(read_chunks(file, _PIECE), limits, log)  # type: ignore[arg-type]
    elif (compression := detect_compression(head)) is not Compression.NONE:
        stored = read_chunks(file, _PIECE)  # type: ignore[arg-type]
        chunks = decompress(stored, compression, log, limits)
        first = next(chunks, b"")
        if first[_TAR_MAGIC] == b"ustar":
            yield from _in_tar(_behind(first, chunks), limits, log)
        else:
            name = compression.value.encode()
            yield Inner((name,), map(memoryview, _behind(first, chunks)))


def _behind(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _in_tar(chunks: Iterable[bytes], limits: Limits, log: ProblemLog) -> Iterator[Inner]:
    reader = TarReader(chunks, log, limits)
    for member in reader:
        if member.kind is EntryKind.FILE:
            yield Inner((member.name,), reader.content())


def _in_zip(file: IO[bytes], limits: Limits) -> Iterator[Inner]:
    size = file.seek(0, 2)
    file.seek(max(0, size - _ZIP_END_BYTES))
    tail = file.read()
    end = tail.rfind(_ZIP_END)
    if end >= 0 and int.from_bytes(tail[end + 12 : end + 16], "little") > _ZIP_DIRECTORY_BYTES:
        raise ValueError(f"its directory takes more than {_ZIP_DIRECTORY_BYTES} bytes")
    produced = _Produced(size, limits)
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if info.is_dir():
                continue
            name = info.filename.encode("utf-8", "surrogateescape")
            yield Inner((name,), produced.member(archive, info))


class _Produced:
    """Bounds what one archive may come to, as for layers."""

    def __init__(self, stored: int, limits: Limits) -> None:
        self._stored = stored
        self._limits = limits
        self._size = 0

    def member(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[memoryview]:
        """One member's content; raises `LimitExceededError`, and what zipfile does."""
        limits = self._limits
        with archive.open(info) as member:
            while piece := member.read(_PIECE):
                self._size += len(piece)
                if self._size > max(limits.ratio_floor_bytes, limits.ratio * self._stored):
                    detail = f"{self._stored} stored bytes hold {self._size} bytes and more"
                    raise LimitExceededError("ratio", limits.ratio, detail)
                yield memoryview(piece)
