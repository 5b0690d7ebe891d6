"""The piece of an archive that is in memory, moved forward over its chunks.

Chunks are never joined as wholes: what straddles two of them and is wanted in one piece (a
header block, PAX records) is copied into a small chunk of its own, and the larger chunk
behind it goes on where that one ends. Content is handed out as slices that copy nothing.
"""

from collections.abc import Callable, Iterable

_ZERO_RUN = bytes(64 << 10)


class Window:
    """A position in a stream of chunks.

    The reader's inner loop looks straight at `chunk`, `position` and `length`; whoever moves
    on does so through `position` inside the chunk and through the methods beyond it.
    """

    __slots__ = ("_ahead", "_chunks", "_skip", "base", "chunk", "length", "position", "view")

    def __init__(self, chunks: Iterable[bytes], skip: Callable[[int], int] | None = None) -> None:
        self._chunks = iter(chunks)
        self._skip = skip
        self._ahead: tuple[bytes, int] | None = None
        self.base = 0
        self._show(b"", 0)

    def _show(self, chunk: bytes, position: int) -> None:
        self.chunk = chunk
        self.view = memoryview(chunk)
        self.length = len(chunk)
        self.position = position

    @property
    def offset(self) -> int:
        """Bytes from the start of the archive to the position."""
        return self.base + self.position

    def advance(self) -> bool:
        """Move to the start of the next chunk; False, with nothing left, at the end of input."""
        end = self.base + self.length
        if self._ahead is not None:
            chunk, position = self._ahead
            self._ahead = None
        else:
            chunk, position = next(filter(None, self._chunks), b""), 0
        self.base = end - position
        self._show(chunk, position)
        return self.length > 0

    def need(self, count: int) -> bool:
        """Bring `count` bytes together behind the position; False if input ends before them.

        What there is stays to be read when they are not all there.
        """
        if self.position == self.length:
            self.advance()
        have = self.length - self.position
        if have >= count:
            return True
        offset = self.offset
        parts = [self.chunk[self.position :]]
        self.position = self.length
        while have < count and self.advance():
            part = self.chunk[self.position : self.position + count - have]
            self.position += len(part)
            have += len(part)
            parts.append(part)
        self._ahead = (self.chunk, self.position) if self.position < self.length else None
        self.base = offset
        self._show(b"".join(parts), 0)
        return have >= count

    def take(self, count: int) -> bytes:
        """Pass and return `count` bytes, or fewer at the end of input."""
        self.need(count)
        taken = self.chunk[self.position : self.position + count]
        self.position += len(taken)
        return taken

    def piece(self, count: int) -> memoryview:
        """Pass and return up to `count` bytes that lie in one chunk; none at the end of input."""
        if self.position == self.length:
            self.advance()
        start = self.position
        self.position = min(self.length, start + count)
        return self.view[start : self.position]

    def skip(self, count: int) -> int:
        """Move `count` bytes on; how many of them the input lacked."""
        while count > 0:
            step = min(count, self.length - self.position)
            self.position += step
            count -= step
            count -= self._leap(count)
            if count and not self.advance():
                break
        return count

    def _leap(self, count: int) -> int:
        """Move a seekable source forward without reading, once its chunk in hand is used up."""
        if not count or self._skip is None or self._ahead is not None:
            return 0
        moved = self._skip(count)
        self.base += self.length + moved
        self._show(b"", 0)
        return moved

    def pass_zeros(self, step: int) -> int:
        """Move over `step` zero bytes, any number of times, inside this chunk; how many times."""
        start = position = self.position
        run = _ZERO_RUN[: len(_ZERO_RUN) // step * step]
        while self.chunk[position : position + len(run)] == run:
            position += len(run)
        unit = run[:step]
        while self.chunk[position : position + step] == unit:
            position += step
        self.position = position
        return (position - start) // step

    def drain(self) -> int:
        """Move to the very end of the input; how many bytes that was."""
        start = self.offset
        self.position = self.length
        while self.advance():
            self.position = self.length
        return self.offset - start
