"""Tells what a source is by its content, and opens it."""

import os
import re
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from imgforensics.compression import Compression, decompress, detect_compression, read_chunks
from imgforensics.errors import NotAnImageError, SourceUnreadableError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, ProblemLog
from imgforensics.sources.archive import ArchiveSource
from imgforensics.sources.base import BlobSource, open_read_only
from imgforensics.sources.directory import DirectorySource
from imgforensics.sources.file import FileSource
from imgforensics.sources.recognise import HEAD_BYTES, recognise, recognise_signature
from imgforensics.sources.spool import spool
from imgforensics.sources.stream import StreamSource, Visitor
from imgforensics.tarstream.header import looks_like_tar

_PREFIX = re.compile(r"(docker-archive|oci|oci-archive|dir):(.+)", re.DOTALL)
_ELSEWHERE = re.compile(r"(?:docker|docker-daemon|containers-storage):.+", re.DOTALL)
"""Skopeo's names for what is in a registry, or in an engine's own storage."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class _Request:
    """How a source is to be opened."""

    description: str
    limits: Limits
    spool_directory: Path | None
    visitor: Visitor | None
    whole_file: bool
    reference: str | None = None


def open_source(
    source: str | os.PathLike[str] | BinaryIO,
    *,
    limits: Limits = DEFAULT_LIMITS,
    spool_directory: Path | None = None,
    visitor: Visitor | None = None,
    whole_file: bool = False,
) -> BlobSource:
    """Open a directory, an archive in any compression, or a stream (`-` is standard input).

    A string may carry skopeo's prefixes and references (`oci:dir:tag`,
    `docker-archive:file:@1`); a file that exists under the whole string comes first.
    What cannot be read at random is copied to `spool_directory`, unless a `visitor` is
    given: then it is read once, and the visitor sees what is not kept. With `whole_file`
    the source has one blob, the file as stored.

    Raises :class:`~imgforensics.errors.SourceUnreadableError`,
    :class:`~imgforensics.errors.NotAnImageError` for what is recognised as something
    else, and what :func:`~imgforensics.sources.spool.spool` raises.
    """
    if isinstance(source, str) and source == "-":
        source = sys.stdin.buffer
    if not isinstance(source, (str, os.PathLike)):
        if not hasattr(source, "read"):
            raise TypeError(f"a source is a path or a binary file, not {source!r}")
        request = _Request(_stream_name(source), limits, spool_directory, visitor, whole_file)
        return _open_file(source, request)
    if not os.fspath(source):
        raise SourceUnreadableError("no source is named")
    path, reference = _locate(source)
    request = _Request(str(path), limits, spool_directory, visitor, whole_file, reference)
    if _is_directory(path):
        return _open_directory(path, request)
    with _open_path(path) as file:
        return _open_file(file, request)


def _stream_name(file: BinaryIO) -> str:
    name = getattr(file, "name", None)
    if file is sys.stdin.buffer:
        return "standard input"
    return name if isinstance(name, str) else "a stream"


def _locate(source: str | os.PathLike[str]) -> tuple[Path, str | None]:
    """The path, and the image that a prefixed name chooses."""
    if not isinstance(source, str) or os.path.lexists(source):
        return Path(source), None
    if _ELSEWHERE.fullmatch(source):
        raise SourceUnreadableError(
            f"{source}: only files are read; `skopeo copy {source} oci:FOLDER` makes some, "
            "then open FOLDER"
        )
    match = _PREFIX.fullmatch(source)
    if match is None:
        return Path(source), None
    text = match[2]
    end = len(text)
    while end > 0:
        if os.path.lexists(text[:end]):
            return Path(text[:end]), text[end + 1 :] or None
        end = text.rfind(":", 0, end)
    path, _, reference = text.partition(":")
    return Path(path), reference or None


def _is_directory(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError as error:
        raise SourceUnreadableError(f"{path}: {error.strerror}") from None


def _open_directory(path: Path, request: _Request) -> BlobSource:
    if request.whole_file:
        raise NotAnImageError(
            f"{path} is a directory, and a root filesystem is opened as a tar archive; "
            "pack it first, or use its files as they are"
        )
    return DirectorySource(path, request.description, reference=request.reference)


def _open_path(path: Path) -> BinaryIO:
    try:
        return os.fdopen(open_read_only(path), "rb")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SourceUnreadableError(f"{path}: {reason}") from None


def _open_file(file: BinaryIO, request: _Request) -> BlobSource:
    if _is_at_random(file):
        return _open_regular(file, request)
    chunks: Iterable[bytes] = _readable_chunks(file, request)
    if request.whole_file:
        head, chunks = _peek(chunks, HEAD_BYTES)
        _check_whole(head, request)
        with spool(chunks, request.spool_directory, request.limits) as copy:
            return FileSource(copy, "rootfs.tar", request.description)
    head, chunks = _peek(chunks, HEAD_BYTES)
    return _open_stream(head, chunks, detect_compression(head), request)


def _is_at_random(file: BinaryIO) -> bool:
    """Whether it is a regular file, read from its beginning."""
    try:
        return stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.tell() == 0
    except (OSError, AttributeError, ValueError):
        return False


def _open_regular(file: BinaryIO, request: _Request) -> BlobSource:
    try:
        head = os.pread(file.fileno(), HEAD_BYTES, 0)
    except OSError as error:
        raise SourceUnreadableError(f"{request.description}: {error.strerror}") from None
    if request.whole_file:
        _check_whole(head, request)
        return FileSource(file, Path(request.description).name, request.description)
    compression = detect_compression(head)
    if compression is not Compression.NONE:
        chunks = _readable_chunks(file, request)
        return _open_stream(head, chunks, compression, request)
    _check_is_tar(head, request)
    return ArchiveSource(
        file, request.description, limits=request.limits, reference=request.reference
    )


def _open_stream(
    head: bytes, chunks: Iterable[bytes], compression: Compression, request: _Request
) -> BlobSource:
    """An archive that is read front to back: visited as it passes, or spooled."""
    log = ProblemLog(Location(source=request.description))
    if compression is not Compression.NONE:
        chunks = decompress(chunks, compression, log, request.limits)
        head, chunks = _peek(chunks, HEAD_BYTES)
    _check_is_tar(head, request, compression)
    if request.visitor is not None:
        return StreamSource(
            chunks,
            request.description,
            request.visitor,
            log=log,
            limits=request.limits,
            reference=request.reference,
        )
    with spool(chunks, request.spool_directory, request.limits) as copy:
        return ArchiveSource(
            copy,
            request.description,
            limits=request.limits,
            reference=request.reference,
            problems=log,
        )


def _check_is_tar(
    head: bytes, request: _Request, compression: Compression = Compression.NONE
) -> None:
    if _is_tar(head):
        return
    inside = "" if compression is Compression.NONE else f"compressed with {compression}: inside, "
    raise NotAnImageError(
        f"{request.description} is no container image: it is {inside}{recognise(head)}"
    )


def _is_tar(head: bytes) -> bool:
    """Whether a tar begins here; one that begins with zeros has something else later on."""
    if any(head[:_BLOCK]):
        return looks_like_tar(head[:_BLOCK])
    return any(head) and recognise_signature(head) is None


def _check_whole(head: bytes, request: _Request) -> None:
    """A file that is to be a root filesystem is a tar, perhaps an empty one."""
    compression = detect_compression(head)
    pieces = decompress([head], compression, ProblemLog(), request.limits)
    start, _ = _peek(pieces, HEAD_BYTES)
    if start and not any(start):
        return
    _check_is_tar(start, request, compression)


def _readable_chunks(file: BinaryIO, request: _Request) -> Iterator[bytes]:
    try:
        yield from read_chunks(file)
    except OSError as error:
        raise SourceUnreadableError(f"{request.description}: {error.strerror}") from None


def _peek(chunks: Iterable[bytes], wanted: int) -> tuple[bytes, Iterable[bytes]]:
    """The first bytes, and the chunks with them still in front."""
    iterator = iter(chunks)
    taken: list[bytes] = []
    while sum(map(len, taken)) < wanted:
        chunk = next(iterator, None)
        if chunk is None:
            break
        taken.append(chunk)
    return b"".join(taken), chain(taken, iterator)
