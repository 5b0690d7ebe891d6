"""gzip (RFC 1952).

The members' headers and trailers are read here and only the deflate streams by a library,
so that a wrong checksum is told after the output that it is wrong for.
"""

import zlib
from collections.abc import Callable, Iterator

from imgforensics.compression.stored import (
    FIRST_FEED,
    DamagedError,
    Decoder,
    StoredBytes,
    TruncatedError,
    decode_one_stream,
    expect_end,
    joined,
)

_MAGIC = b"\x1f\x8b"

# An error takes its step's output with it; a smaller step costs more switches between threads.
_STEP = 256 << 10

_HEADER_CRC, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0


def decode_gzip(stored: StoredBytes) -> Iterator[bytes]:
    """Decode the members of a gzip file; zeros may follow them."""
    new_decoder, errors, crc32 = _inflater()
    magic = stored.exactly(2)
    while magic == _MAGIC:
        _read_header(stored)
        checksum = length = 0
        for output in joined(decode_one_stream(new_decoder(), stored, _STEP, errors)):
            checksum = crc32(output, checksum)
            length += len(output)
            yield output
        _check_trailer(stored.exactly(8), checksum, length)
        magic = stored.upto(2)
    if magic == _MAGIC[:1]:
        raise TruncatedError
    stored.give_back(magic)
    if stored.offset == 0:
        raise DamagedError("it does not begin like gzip")
    stored.skip_zeros()
    expect_end(stored)


def _read_header(stored: StoredBytes) -> None:
    """Read what follows the magic bytes of a member's header (RFC 1952, section 2.3)."""
    fixed = stored.exactly(8)
    method, flags = fixed[0], fixed[1]
    if method != zlib.DEFLATED or flags & _RESERVED:
        raise DamagedError(f"a member's header has method {method} and flags {flags:#04x}")
    checksum = zlib.crc32(_MAGIC + fixed)
    if flags & _EXTRA:
        length = stored.exactly(2)
        extra = stored.exactly(int.from_bytes(length, "little"))
        checksum = zlib.crc32(length + extra, checksum)
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            checksum = _skip_text(stored, checksum)
    if flags & _HEADER_CRC:
        declared = int.from_bytes(stored.exactly(2), "little")
        if declared != checksum & 0xFFFF:
            raise DamagedError("a member's header does not have the checksum it declares")


def _skip_text(stored: StoredBytes, checksum: int) -> int:
    """Pass over a zero-terminated text of any length; return the checksum with it."""
    while piece := bytes(stored.piece(FIRST_FEED)):
        text, terminator, rest = piece.partition(b"\0")
        checksum = zlib.crc32(text + terminator, checksum)
        if terminator:
            stored.give_back(rest)
            return checksum
    raise TruncatedError


def _check_trailer(trailer: bytes, checksum: int, length: int) -> None:
    if int.from_bytes(trailer[:4], "little") != checksum:
        raise DamagedError("a member's content does not have the CRC-32 it declares")
    if int.from_bytes(trailer[4:], "little") != length & 0xFFFFFFFF:
        raise DamagedError("a member's content does not have the length it declares")


class _ZlibDecoder:
    """`zlib`'s raw inflate with the interface that the other decoders have."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not (self._inflate.unconsumed_tail or self.eof)

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: memoryview | bytes, max_length: int = 0) -> bytes:
        return self._inflate.decompress(data or self._inflate.unconsumed_tail, max_length)


def _inflater() -> tuple[
    Callable[[], Decoder], tuple[type[Exception], ...], Callable[[bytes, int], int]
]:
    """Return a maker of raw inflate decoders, their errors and a CRC-32; isal's where it is."""
    try:
        from isal import igzip_lib, isal_zlib  # noqa: PLC0415
    except ImportError:
        return _ZlibDecoder, (zlib.error,), zlib.crc32
    # isal's stubs declare the exception's class as an instance of it.
    error: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment]
    return igzip_lib.IgzipDecompressor, (error,), isal_zlib.crc32
