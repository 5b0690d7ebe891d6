"""What every decoder here needs: the stored bytes in pieces, and what can go wrong."""

from collections.abc import Iterable, Iterator
from typing import Protocol

READ_SIZE = 512 << 10
"""Bytes of one read."""

PIECE_SIZE = 1 << 20
"""Decoded bytes that are handed on together, roughly: handing on may be a switch of threads, and
of this size on Python joins bytes without holding its lock."""

LARGEST_FEED = 128 << 10
"""The most that a decoder is fed at once."""

FIRST_FEED = 512
"""Fed first to a new decoder, then doubled.

What a decoder leaves unused is copied, so a chunk of ten thousand tiny members must not be
fed whole to each of them.
"""


class DamagedError(Exception):
    """The stream does not decode from here on."""


class TruncatedError(Exception):
    """The stored bytes end and the stream does not."""


class TrailingDataError(Exception):
    """Bytes that belong to no stream follow the last one, at `offset`."""

    def __init__(self, offset: int) -> None:
        super().__init__("bytes follow that belong to no compressed stream")
        self.offset = offset


class StoredBytes:
    """The stored bytes, handed out in pieces of the size asked for."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._hold(b"")
        self.offset = 0
        """Bytes handed out and not given back."""

    def in_hand(self) -> memoryview:
        """Return what can be handed out without another read; nothing only at the end."""
        self._advance()
        return self._chunk[self._position :]

    def piece(self, most: int) -> memoryview:
        """Return the next 1 to `most` bytes; none only at the end."""
        self._advance()
        piece = self._chunk[self._position : self._position + most]
        self._position += len(piece)
        self.offset += len(piece)
        return piece

    def _advance(self) -> bool:
        """Have bytes in hand; False at the end."""
        while self._position == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return False
            self._hold(chunk)
        return True

    def _hold(self, chunk: bytes) -> None:
        self._whole = chunk
        self._chunk, self._position = memoryview(chunk), 0

    def chunk(self) -> bytes:
        """Return what is left of the chunk in hand, or the next one; nothing at the end."""
        if not self._advance():
            return b""
        rest = self._whole if self._position == 0 else bytes(self._chunk[self._position :])
        self._position = len(self._chunk)
        self.offset += len(rest)
        return rest

    def give_back(self, unused: bytes) -> None:
        """Take back the last bytes handed out; a decoder may have held some over chunks."""
        self.offset -= len(unused)
        if len(unused) <= self._position:
            self._position -= len(unused)
        else:
            self._hold(unused + bytes(self._chunk[self._position :]))

    def upto(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer at the end."""
        found = bytes(self.piece(count))
        while len(found) < count and (more := self.piece(count - len(found))):
            found += more
        return found

    def exactly(self, count: int) -> bytes:
        """Return the next `count` bytes, or raise `TruncatedError`."""
        found = self.upto(count)
        if len(found) < count:
            raise TruncatedError
        return found

    def skip(self, count: int) -> None:
        """Pass over `count` bytes, or raise `TruncatedError`."""
        while count:
            piece = self.piece(count)
            if not piece:
                raise TruncatedError
            count -= len(piece)

    def skip_zeros(self) -> int:
        """Pass over zero bytes; return how many."""
        start = self.offset
        while piece := self.piece(FIRST_FEED):
            rest = bytes(piece).lstrip(b"\0")
            if rest:
                self.give_back(rest)
                break
        return self.offset - start

    def drain(self) -> None:
        """Consume what is left."""
        while self.piece(READ_SIZE):
            pass


class Decoder(Protocol):
    """What the decoders of `isal`, `lzma` and `bz2` have in common."""

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more can be decoded from what was fed."""

    @property
    def unused_data(self) -> bytes:
        """What was fed past the stream's end."""

    def decompress(self, data: memoryview | bytes, max_length: int = ...) -> bytes:
        """Feed `data`; return at most `max_length` bytes."""


def decode_one_stream(
    decoder: Decoder, stored: StoredBytes, step: int, errors: tuple[type[Exception], ...]
) -> Iterator[bytes]:
    """Run one stream through its decoder to its end, and give back what follows it."""
    feed = FIRST_FEED
    while not decoder.eof:
        data: memoryview | bytes = b""
        if decoder.needs_input:
            data = stored.piece(feed)
            feed = min(2 * feed, LARGEST_FEED)
        ended = decoder.needs_input and not data
        try:
            # At the end too: a decoder that wants input may still hold output.
            output = decoder.decompress(data, step)
        except errors as error:
            raise DamagedError(str(error)) from None
        if output:
            yield output
        elif ended:
            raise TruncatedError
    stored.give_back(decoder.unused_data)


def joined(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Join small pieces up to `PIECE_SIZE`; what precedes an error comes before it."""
    waiting: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            waiting.append(piece)
            size += len(piece)
            if size >= PIECE_SIZE:
                whole = piece if len(waiting) == 1 else b"".join(waiting)
                waiting.clear()
                size = 0
                yield whole
    except Exception:
        if waiting:
            yield b"".join(waiting)
        raise
    if waiting:
        yield b"".join(waiting)


def expect_end(stored: StoredBytes) -> None:
    """Raise `TrailingDataError` where bytes are left."""
    offset = stored.offset
    if stored.piece(1):
        raise TrailingDataError(offset)
