"""An archive that is read once: documents are kept, everything else flows past a visitor."""

import io
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from imgforensics.errors import SourceUnreadableError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Location, Problem, ProblemLog, display
from imgforensics.sources.base import SourceFacts, decode_name, normalise
from imgforensics.sources.members import Members
from imgforensics.tarstream.member import EntryKind, TarMember
from imgforensics.tarstream.reader import TarReader
from imgforensics.tarstream.sparse import logical_content

KEPT_BYTES = 1 << 20
"""Largest member that is kept in memory."""

Visitor = Callable[[str, Iterable[memoryview]], object]
"""Called with a member's name and its content, which is gone when the call returns."""


class _Streamed(NamedTuple):
    size: int
    data: bytes | None
    outcome: object = None


class StreamSource(SourceFacts):
    """Members of a tar that passes by once.

    Members of up to `KEPT_BYTES` are kept, within `limits.document_bytes` for those that
    begin like JSON and as much again for the others; the rest is given to `visitor` in
    archive order, a name that occurs twice being given twice. Reading happens in the
    constructor, which raises what the visitor raises.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        description: str,
        visitor: Visitor,
        *,
        log: ProblemLog | None = None,
        limits: Limits = DEFAULT_LIMITS,
        reference: str | None = None,
    ) -> None:
        super().__init__(description, reference)
        self._log = log or ProblemLog(Location(source=description))
        self._limits = limits
        self._members = Members[_Streamed](self._log, limits)
        self._budgets = {True: limits.document_bytes, False: limits.document_bytes}
        reader = TarReader(chunks, self._log, limits)
        for member in reader:
            self._members.count(member)
            if member.kind is EntryKind.FILE:
                self._members.add(member, self._take(member, reader, visitor))
            elif member.kind in (EntryKind.SYMLINK, EntryKind.HARD_LINK):
                self._members.add_link(member)
        self._members.report_broken_links()

    @property
    def problems(self) -> Iterable[Problem]:
        """What is wrong with the archive, and with the compression that it came in."""
        return tuple(self._log)

    def names(self) -> Iterator[str]:
        """Files and links, whether their content was kept or not."""
        return iter(self._members)

    def size(self, name: str) -> int:
        """Bytes of the content, also of what was not kept."""
        return self._find(name).size

    def open(self, name: str) -> BinaryIO:
        """A kept member; `SourceUnreadableError` for one that has flowed past."""
        data = self._find(name).data
        if data is None:
            raise SourceUnreadableError(
                f"{self.description}: {display(name)} has flowed past and was not kept; "
                "a source that is read once gives each layer once: save it to a file first"
            )
        return io.BytesIO(data)

    def outcome(self, name: str) -> object:
        """What the visitor returned for a member that was not kept; None for all others."""
        found = self._members.find(name)
        return found.outcome if found else None

    def _find(self, name: str) -> _Streamed:
        found = self._members.find(name)
        if found is None:
            raise self._missing(name)
        return found

    def _take(self, member: TarMember, reader: TarReader, visitor: Visitor) -> _Streamed:
        size = member.size
        self._check_holes(decode_name(member.name), size - member.stored_size, self._limits)
        content: Iterable[memoryview] = logical_content(member, reader.content())
        if size <= KEPT_BYTES:
            data = b"".join(content)
            is_document = data.lstrip()[:1] in (b"{", b"[")
            if size <= self._budgets[is_document]:
                self._budgets[is_document] -= size
                return _Streamed(len(data), data)
            content = [memoryview(data)]
        outcome = visitor(normalise(decode_name(member.name)), content)
        return _Streamed(size, None, outcome)
