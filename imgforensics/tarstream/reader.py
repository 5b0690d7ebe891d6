"""A tar archive as a stream of members: one pass, bounded memory, and no silent end.

Where tools disagree, this reader goes on, finds every member that any of them could find, and
says so. Choices that need saying:

- A link, device, FIFO or directory whose header gives a size: GNU tar and Go take no content
  to follow a link, some cpio and PAX writers have written it. The block behind the header
  decides: if it is a header, zeros or the end of the archive, there is no content.
- A GNU long name beats a PAX path, as in Go, in which container engines are written.
- Global PAX records are in force, as POSIX says. Go leaves them out, so those that change a
  member are reported.
- Several PAX headers ahead of one member add up; the later record of a key counts.
"""

from collections.abc import Callable, Iterable, Iterator

from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.extensions import EXTENSION_FLAGS, ExtensionReader, Preamble
from imgforensics.tarstream.gaps import GapReader
from imgforensics.tarstream.header import BLOCK, Header, HeaderDecoder
from imgforensics.tarstream.joining import NO_DEVICE, MemberJoiner
from imgforensics.tarstream.member import (
    DIRECTORY,
    FILE,
    HARD_LINK,
    NOTHING,
    SYMLINK,
    TarMember,
)
from imgforensics.tarstream.window import Window

_PLAIN_KINDS = {
    b"0": FILE,
    b"1": HARD_LINK,
    b"2": SYMLINK,
    b"5": DIRECTORY,
}
_LINKS = (SYMLINK, HARD_LINK)
# What TarMember(...) does, without the call in between: this is done a million times.
_new = tuple.__new__


class TarReader:
    """The members of one archive, in order, from consecutive pieces of it.

    `chunks` are the archive's uncompressed bytes, in pieces of any size. `log` takes every
    problem, offsets being bytes from the start of the archive. Of `limits`, `pax_bytes`,
    `name_bytes` and `sparse_extents` apply; names of up to 256 bytes, which fit in a plain
    header, always pass. `skip`, given n, moves the source behind `chunks` forward by up to n
    bytes and returns how many it moved: used for content that nobody asked for.

    Iteration consumes `chunks` to the very end, past the end of the archive. It raises
    :class:`~imgforensics.errors.LimitExceededError` and what `chunks` raises, nothing else.
    """

    def __init__(
        self,
        chunks: Iterable[bytes],
        log: ProblemLog,
        limits: Limits = DEFAULT_LIMITS,
        *,
        skip: Callable[[int], int] | None = None,
    ) -> None:
        self._window = Window(chunks, skip)
        self._decode = HeaderDecoder().decode
        self._gaps = GapReader(self._window, log, self._decode)
        self._extensions = ExtensionReader(self._window, log, limits)
        self._joiner = MemberJoiner(self._window, log, limits, self._decode)
        self._log = log
        self._ordinal = 0
        self._left = 0
        self._iterator = self._members()

    @property
    def offset(self) -> int:
        """Bytes of the archive passed so far."""
        return self._window.offset

    @property
    def is_past_end(self) -> bool:
        """Whether the member just yielded stands behind an end-of-archive marker.

        GNU tar and Go, and so container engines, end there: in an eStargz layer, the index
        that follows is no part of the filesystem.
        """
        return self._gaps.is_past_end

    def __iter__(self) -> Iterator[TarMember]:
        return self._iterator

    def content(self) -> Iterable[memoryview]:
        """Give the stored content of the member just yielded, as slices of the chunks.

        It may be left unread or half read. Content that lies in one chunk comes as a tuple,
        which can be gone through again; of other content each piece is given once. Ends early
        where the archive does: the next step of the iteration reports that.
        """
        window = self._window
        start = window.position
        end = start + self._left
        if end <= window.length:
            return (window.view[start:end],)
        return self._stream(self._ordinal)

    def drain(self) -> int:
        """Consume the rest of `chunks` unread, ending the iteration; how many bytes it was."""
        self._left = 0
        self._gaps.end_is_told = True
        return self._window.drain()

    def _stream(self, ordinal: int) -> Iterator[memoryview]:
        while self._left and ordinal == self._ordinal:
            piece = self._window.piece(self._left)
            if not piece:
                return
            self._left -= len(piece)
            yield piece

    def _members(self) -> Iterator[TarMember]:
        window = self._window
        extensions = self._extensions
        while window.position + BLOCK <= window.length or window.need(BLOCK):
            position = window.position
            header = self._decode(window.chunk, position)
            if header is not None:
                name, mode, uid, gid, size, mtime_ns, flag, link, user, group, _, flaw = header
                kind = _PLAIN_KINDS.get(flag)
                if kind is not None and not (
                    (size and kind is not FILE)
                    or (link and kind not in _LINKS)
                    or flaw
                    or extensions.has_global_records
                ):
                    # The header says all there is to say: this branch is hot.
                    start = window.position = position + BLOCK
                    offset = window.base + start
                    length = window.length
                    ordinal = self._ordinal
                    self._ordinal = ordinal + 1
                    self._left = size
                    # fmt: off
                    yield _new(TarMember, (
                        ordinal, name, kind, mode, uid, gid, size, mtime_ns, link, offset - BLOCK,
                        offset, size, user, group, NO_DEVICE, NOTHING, NOTHING, None, flag,
                    ))
                    # fmt: on
                    following = start + (size + 511 & -512)
                    if following <= length == window.length:
                        window.position = following
                    else:
                        self._pass_over(name, -size % BLOCK)
                    continue
            member = self._find_member(header)
            if member is not None:
                self._ordinal += 1
                self._left = member.stored_size
                yield member
                self._pass_over(member.name, -(member.data_offset + member.stored_size) % BLOCK)
        self._gaps.finish()

    def _find_member(self, header: Header | None) -> TarMember | None:
        window = self._window
        preamble = Preamble(window.offset)
        while True:
            if header is None:
                self._drop(preamble)
                header = self._gaps.find_header()
                if header is None:
                    return None
                preamble = Preamble(window.offset)
            if header.type_flag not in EXTENSION_FLAGS:
                in_force = self._extensions.in_force(preamble)
                return self._joiner.member(self._ordinal, header, preamble, in_force)
            missing = self._extensions.absorb(header, preamble)
            if missing:
                self._gaps.report_cut(missing, "an extension header")
            if not window.need(BLOCK):
                self._drop(preamble)
                return None
            header = self._decode(window.chunk, window.position)

    def _drop(self, preamble: Preamble) -> None:
        if preamble.headers:
            self._log.report(
                ProblemCode.TAR_HEADER_DAMAGED,
                f"{preamble.headers} extension header(s) with no member behind them",
                action="left out",
                offset=preamble.offset,
            )

    def _pass_over(self, name: bytes, padding: int) -> None:
        """Move behind what is left of the current member's content."""
        missing = self._window.skip(self._left + padding) - padding
        self._left = 0
        if missing > 0:
            self._gaps.report_cut(missing, "a member's content", name)
