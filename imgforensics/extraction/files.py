"""Write regular files, attributes and all, within the limits."""

import os
from collections.abc import Iterable

from imgforensics.extraction.output import OutputDirectory
from imgforensics.extraction.record import Reason, Tally
from imgforensics.extraction.restore import Restorer
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind
from imgforensics.tarstream.sparse import expand


class FileWriter:
    """Writes one regular file after another below one output directory."""

    def __init__(self, output: OutputDirectory, restorer: Restorer, tally: Tally) -> None:
        self._output = output
        self._restorer = restorer
        self._tally = tally

    def write(self, path: bytes, entry: LayerEntry, content: Iterable[memoryview]) -> None:
        """A new file; raises `FileExistsError`, `NotADirectoryHere` and `NameTooLong`."""
        member = entry.member
        self._tally.make_room(path, member.stored_size)
        mode = member.mode
        if mode & 0o6000:
            mode = self._restorer.mode_of(path, mode)
        # Only who may write to a file may give it xattrs of the class `user`.
        descriptor = self._output.create(path, mode | 0o600 if member.xattrs else mode)
        try:
            if member.extents is None:
                written = _write_all(descriptor, content)
            else:
                written = _write_at(descriptor, expand(member, content))
                os.ftruncate(descriptor, member.size)
        except OSError as error:
            raise self._output.explanation(path, error) from error
        else:
            self._restorer.new_file(path, descriptor, member, mode)
        finally:
            os.close(descriptor)
        self._tally.count(EntryKind.FILE)
        self._tally.content_bytes += written
        if written < member.stored_size:
            detail = f"{written} of {member.stored_size} stored bytes"
            self._tally.deviate(path, Reason.CONTENT_CUT_SHORT, detail)


def _write_all(descriptor: int, pieces: Iterable[memoryview]) -> int:
    total = 0
    for piece in pieces:
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
