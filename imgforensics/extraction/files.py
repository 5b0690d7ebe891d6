"""Write regular files, attributes and all, within the limits."""

import errno
import os
from collections.abc import Iterable, Iterator

from imgforensics.extraction.output import OutputDirectory, TooLarge
from imgforensics.extraction.record import Reason, Tally
from imgforensics.extraction.restore import Restorer
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import FILE
from imgforensics.tarstream.sparse import expand

_PIECE = 1 << 18


class FileWriter:
    """Writes one regular file after another below one output directory."""

    def __init__(self, output: OutputDirectory, restorer: Restorer, tally: Tally) -> None:
        self._output = output
        self._restorer = restorer
        self._tally = tally

    def write(self, path: bytes, entry: LayerEntry, content: Iterable[memoryview]) -> None:
        """A new file; raises `FileExistsError`, `NotADirectoryHere`, `NameTooLong`, `TooLarge`."""
        member = entry.member
        self._tally.make_room(path, member.stored_size)
        mode = member.mode
        # Only who may write to a file may give it xattrs of the class `user`.
        descriptor = self._output.create(path, mode | 0o600 if member.xattrs else mode)
        try:
            if member.extents is None:
                written = _write_all(descriptor, content)
            else:
                self._reserve(path, descriptor, member.size)
                written = _write_at(descriptor, expand(member, content))
        except OSError as error:
            raise self._output.explanation(path, error) from error
        else:
            if mode & 0o6000:
                mode = self._restorer.mode_of(path, mode)
            self._restorer.new_file(path, descriptor, member, mode)
        finally:
            os.close(descriptor)
        self._tally.count(FILE)
        self._tally.content_bytes += written
        if written < member.stored_size:
            detail = f"{written} of {member.stored_size} stored bytes"
            self._tally.deviate(path, Reason.CONTENT_CUT_SHORT, detail)

    def _reserve(self, path: bytes, descriptor: int, size: int) -> None:
        """Holes cost an image nothing, so that any size may be asked for."""
        try:
            os.ftruncate(descriptor, size)
        except OSError as error:
            if error.errno not in (errno.EFBIG, errno.EINVAL):
                raise
            self._output.remove(path)
            raise TooLarge(path) from error

    def copy(self, path: bytes, existing: bytes, size: int) -> None:
        """A new file with the content of one written before, `size` bytes without its holes.

        Its attributes are still to be set. Raises `NameTooLong` and `NotADirectoryHere`.
        """
        self._tally.make_room(path, size)
        source = self._output.reopen(existing)
        try:
            descriptor = self._output.create(path, 0o600)
            try:
                self._tally.content_bytes += _copy(source, descriptor)
            except OSError as error:
                raise self._output.explanation(path, error) from error
            finally:
                os.close(descriptor)
        finally:
            os.close(source)


def _copy(source: int, descriptor: int) -> int:
    """Copy what is no hole; how many bytes that is."""
    size = os.fstat(source).st_size
    os.ftruncate(descriptor, size)
    total = end = 0
    while end < size:
        try:
            start = os.lseek(source, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            break  # a hole up to the end
        end = os.lseek(source, start, os.SEEK_HOLE)
        total += _write_at(descriptor, _pieces(source, start, end))
    return total


def _pieces(source: int, start: int, end: int) -> Iterator[tuple[int, memoryview]]:
    while start < end:
        piece = os.pread(source, min(end - start, _PIECE), start)
        if not piece:
            return
        yield start, memoryview(piece)
        start += len(piece)


def _write_all(descriptor: int, pieces: Iterable[memoryview]) -> int:
    total = 0
    for piece in pieces:
        if piece:
            written = os.write(descriptor, piece)
            while written < len(piece):
                written += os.write(descriptor, piece[written:])
            total += written
    return total


def _write_at(descriptor: int, pieces: Iterable[tuple[int, memoryview]]) -> int:
    total = 0
    for offset, piece in pieces:
        written = 0
        while written < len(piece):
            written += os.pwrite(descriptor, piece[written:], offset + written)
        total += written
    return total
