"""Matches in content that streams by, with their lines, in bounded memory.

Content is looked at through a window that moves over it: what was looked at last stays in it
for context, and what comes next is there before a match at its edge is told.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imgforensics.searching.gate import Data
from imgforensics.searching.patterns import Found, Patterns
from imgforensics.searching.query import Query
from imgforensics.searching.regex import Regex

OVERLAP = 64 << 10
"""Bytes looked back and ahead: no match that is longer is found whole where pieces meet."""
LINE_BYTES = 4 << 10
"""A longer line is given from a little ahead of the match, up to this length."""
_AHEAD_OF_MATCH = 512
_TELLING_BYTES = 32 << 10
"""A zero byte in as many at the beginning makes a file binary, as in GNU grep."""
_ZERO_BYTE = Regex(rb"\x00")
_BIG_ENDIAN = b"\xfe\xff"
_MARKS = {b"\xff\xfe": "utf-16-le", _BIG_ENDIAN: "utf-16-be"}


@dataclass(frozen=True, slots=True)
class Hit:
    """A line that matches, or a binary file that does."""

    offset: int
    """Of the first match in it, in bytes from the start of the content."""
    length: int
    """Of that match, in bytes."""
    pattern: int
    """Position in the query of the expression that matched."""
    is_wide: bool
    """Whether it was found as UTF-16."""
    line_number: int | None = None
    """From 1; None for a binary file whose lines are not given."""
    line: bytes = b""
    """Without its end, at most 4 KiB; as UTF-8 where the file is marked as UTF-16."""
    before: tuple[bytes, ...] = ()
    """Lines ahead of it, as many as were asked for and there are in 64 KiB."""
    after: tuple[bytes, ...] = ()
    """Lines behind it."""
    inside: tuple[bytes, ...] = ()
    """Where in archives or compressed files inside the file it is; the offset counts there."""


class LineSearch:
    """Looks for a query's patterns in one content after another, in one thread."""

    def __init__(self, query: Query, patterns: Patterns | None = None) -> None:
        self._patterns = patterns or Patterns(query)
        self._context = query.context
        self._text = query.text
        self._chunk: object = None
        self._chunk_may_match: bool | None = None

    def hits(self, pieces: Iterable[memoryview]) -> Iterable[Hit]:
        """Every line with a match, in order; of a binary file the first match alone."""
        if isinstance(pieces, tuple) and len(pieces) == 1:
            piece = pieces[0]  # of a small file: there are thousands of them
            return self._hits(((piece, True),)) if piece and self._may_match(piece) else ()
        return self._hits(_with_last(filter(None, pieces)))

    def _may_match(self, piece: memoryview) -> bool:
        """Look at a small file; at the second one of a chunk of its layer, at all of the chunk.

        A thousand small files then cost one look.
        """
        chunk = piece.obj
        if piece[:2] == _BIG_ENDIAN or not isinstance(chunk, bytes):
            return True
        if chunk is not self._chunk:
            self._chunk, self._chunk_may_match = chunk, None
        elif self._chunk_may_match is None:
            self._chunk_may_match = self._patterns.may_match(chunk)
        return self._chunk_may_match is not False and self._patterns.may_match(piece)

    def _hits(self, pieces: Iterable[tuple[memoryview, bool]]) -> Iterator[Hit]:
        window = _Window(gives_binary_lines=self._text)
        for piece, is_last in pieces:
            window.move(piece, is_last=is_last)
            if self._patterns.may_match(window.data):
                for found in window.matches(self._patterns):
                    if not window.gives_lines:
                        yield Hit(*window.place(found))
                        return
                    yield window.line_hit(found, self._context)


def _with_last(pieces: Iterable[memoryview]) -> Iterator[tuple[memoryview, bool]]:
    iterator = iter(pieces)
    piece = next(iterator, None)
    while piece is not None:
        following = next(iterator, None)
        yield piece, following is None
        piece = following


class _Window:
    """The part of a content that is in memory."""

    def __init__(self, *, gives_binary_lines: bool) -> None:
        self.data: Data = b""
        self.gives_lines = True
        """Whether lines are given of this file; then they are counted."""
        self._gives_binary_lines = gives_binary_lines
        self._encoding: str | None = None
        self._base = 0
        """Offset of the window in the content. All that follows counts from the window's start."""
        self._done = 0
        """Lines that begin ahead of it were told."""
        self._limit = 0
        """A match that begins behind it is told when more is known of what follows."""
        self._is_in_told_line = False
        """Whether `_done` is inside a line that was told, and whose end is still to come."""
        self._line_ends = 0
        """How many there are ahead of `_counted_to`."""
        self._counted_to = 0

    # Moving.

    def move(self, piece: memoryview, *, is_last: bool) -> None:
        """Go on by one piece."""
        is_first = not self.data
        if is_first:
            self._look_at_start(piece)
        if is_first and is_last and self._encoding != "utf-16-be":
            self.data = piece
        else:
            # At the very end, UTF-16 with the zeros in front lacks one that patterns ask for.
            end = b"\0" if is_last and self._encoding == "utf-16-be" else b""
            self._join(bytes(self.data), piece, end)
        if is_last:
            # A last line without an end may match at its very end; behind an end is no line.
            self._limit = len(self.data) + (self.data[-1:] != b"\n")
        else:
            self._limit = max(self._done, len(self.data) - OVERLAP)

    def _look_at_start(self, piece: memoryview) -> None:
        self._encoding = _MARKS.get(bytes(piece[:2]))
        end = min(len(piece), _TELLING_BYTES)
        is_binary = self._encoding is None and _ZERO_BYTE.search(piece, 0, end) is not None
        self.gives_lines = self._gives_binary_lines or not is_binary

    def _join(self, old: bytes, piece: memoryview, end: bytes) -> None:
        keep = max(0, self._limit - OVERLAP)
        if self.gives_lines:
            self._line_ends += old.count(b"\n", self._counted_to, keep)
            self._counted_to = max(0, self._counted_to - keep)
        self.data = data = b"".join((old[keep:], piece, end))
        self._base += keep
        self._done = self._limit - keep
        if self._is_in_told_line:
            line_end = data.find(b"\n", self._done)
            self._is_in_told_line = line_end < 0
            self._done = len(data) if line_end < 0 else line_end + 1

    # Looking.

    def matches(self, patterns: Patterns) -> Iterator[Found]:
        """The first match of each line that begins ahead of the limit and was not told."""
        self.data = data = bytes(self.data)
        # Where there are no zeros, there is no UTF-16; where all is UTF-16, nothing else.
        wide = b"\0" in data
        matches = patterns.matches(data, self._done, narrow=self._encoding is None, wide=wide)
        while (found := matches.first_from(self._done)) is not None and found.start < self._limit:
            yield found
            line_end = self._line_end(found)
            self._is_in_told_line = line_end == len(data)
            self._done = line_end + 1
        self._limit = min(len(data), max(self._limit, self._done))

    def place(self, found: Found) -> tuple[int, int, int, bool]:
        """Offset and length in the content, and what matched how."""
        offset = self._base + found.start
        return offset, found.end - found.start, found.pattern, found.is_wide

    def line_hit(self, found: Found, context: int) -> Hit:
        """The line that a match is in, and lines around it."""
        data = self._whole
        start = data.rfind(b"\n", 0, found.start) + 1
        end = self._line_end(found)
        self._line_ends += data.count(b"\n", self._counted_to, start)
        self._counted_to = max(start, self._counted_to)
        shown_from = start if end - start <= LINE_BYTES else found.start - _AHEAD_OF_MATCH
        return Hit(
            *self.place(found),
            self._line_ends + 1,
            self._shown(max(start, shown_from), end),
            tuple(self._lines_before(start, context)),
            tuple(self._lines_after(end, context)),
        )

    @property
    def _whole(self) -> bytes:
        return self.data if isinstance(self.data, bytes) else bytes(self.data)

    def _line_end(self, found: Found) -> int:
        end = self._whole.find(b"\n", found.end)
        return len(self.data) if end < 0 else end

    def _lines_before(self, start: int, count: int) -> list[bytes]:
        lines: list[bytes] = []
        while len(lines) < count and start > 0:
            end = start - 1
            start = self._whole.rfind(b"\n", 0, end) + 1
            lines.insert(0, self._shown(start, end))
        return lines

    def _lines_after(self, end: int, count: int) -> list[bytes]:
        lines: list[bytes] = []
        while len(lines) < count and end + 1 < len(self.data):
            start = end + 1
            following = self._whole.find(b"\n", start)
            end = len(self.data) if following < 0 else following
            lines.append(self._shown(start, end))
        return lines

    def _shown(self, start: int, end: int) -> bytes:
        """A line, cut to its bounds; decoded where the file is marked as UTF-16."""
        if self._encoding is None:
            return self._whole[start : min(end, start + LINE_BYTES)]
        if self._encoding == "utf-16-le":
            start += start > 0
        else:
            end -= 1
        cut = self._whole[start : min(end, start + LINE_BYTES)]
        return cut.decode(self._encoding, "replace").removeprefix("\ufeff").encode()
