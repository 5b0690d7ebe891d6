"""A tar archive that can be read at random: only its headers are read when it is opened."""

import os
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, Problem, ProblemLog
from imgforensics.sources.base import SourceFacts
from imgforensics.sources.file_descriptor import FileDescriptor
from imgforensics.sources.members import Members
from imgforensics.sources.region import open_region
from imgforensics.tarstream.member import EntryKind, Extent, TarMember
from imgforensics.tarstream.reader import TarReader

_CHUNK = 32 << 10
"""Read ahead of each header: small, for what follows a header is mostly skipped."""


class _Place(NamedTuple):
    offset: int
    stored_size: int
    size: int
    extents: tuple[Extent, ...] | None


class ArchiveSource(SourceFacts):
    """Members of an uncompressed tar in a seekable file.

    `file` must have a descriptor; the source keeps a duplicate of it, so the caller may
    close the file. Raises `LimitExceededError` past `archive_members`.
    """

    def __init__(
        self,
        file: BinaryIO,
        description: str,
        *,
        limits: Limits = DEFAULT_LIMITS,
        reference: str | None = None,
        problems: Iterable[Problem] = (),
    ) -> None:
        super().__init__(description, reference)
        self._earlier = tuple(problems)
        self._limits = limits
        self._log = ProblemLog(Location(source=description))
        self._members = Members[_Place](self._log, limits)
        self._archive = FileDescriptor(os.dup(file.fileno()), description)
        try:
            self._read_headers()
        except BaseException:
            self.close()
            raise

    @property
    def problems(self) -> Iterable[Problem]:
        """What is wrong with the archive, and with the compression that it came in."""
        return (*self._earlier, *self._log)

    def names(self) -> Iterator[str]:
        """Files and links; a link's name opens what it leads to."""
        return iter(self._members)

    def size(self, name: str) -> int:
        """Bytes of the content that there is; logical ones for a sparse member."""
        return self._place(name).size

    def open(self, name: str) -> BinaryIO:
        """A seekable file over the member's place in the archive."""
        place = self._place(name)
        return open_region(self._archive.number, place.offset, place.size, place.extents)

    def location(self, name: str) -> tuple[int, int]:
        """Offset of the content in the archive, and its stored bytes."""
        return self._place(name)[:2]

    def close(self) -> None:
        """Close the archive; files opened from it stay usable."""
        self._archive.close()

    def _place(self, name: str) -> _Place:
        found = self._members.find(name)
        if found is None:
            raise self._missing(name)
        self._check_holes(name, found.size - found.stored_size, self._limits)
        return found

    def _read_headers(self) -> None:
        window = _Window(self._archive.number)
        for member in TarReader(window, self._log, self._limits, skip=window.skip):
            self._members.count(member)
            if member.kind is EntryKind.FILE:
                size = _held(member, window.size)
                place = _Place(member.data_offset, member.stored_size, size, member.extents)
                self._members.add(member, place)
            elif member.kind in (EntryKind.SYMLINK, EntryKind.HARD_LINK):
                self._members.add_link(member)
        self._members.report_broken_links()


def _held(member: TarMember, archive_size: int) -> int:
    """The content's size, or how far it reaches in an archive that ends inside it."""
    missing = member.data_offset + member.stored_size - archive_size
    if missing <= 0:
        return member.size
    left = member.stored_size - missing
    for offset, length in member.extents or ():
        if left < length:
            return offset + left
        left -= length
    return left


class _Window:
    """The archive as chunks, with a way to leave out what need not be read."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._offset = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := os.pread(self._descriptor, _CHUNK, self._offset):
            self._offset += len(chunk)
            yield chunk

    def skip(self, count: int) -> int:
        """Leave out the next `count` bytes, or as many as there are; how many it were."""
        count = max(0, min(count, self.size - self._offset))
        self._offset += count
        return count
