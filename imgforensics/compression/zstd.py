"""Zstandard (RFC 8878).

The library says nothing about a frame that is cut short, decodes as much as it is fed and
cannot say where a frame ends. So the frames and their blocks are walked here, header by
header, and the library is fed whole blocks: one never yields more than 128 KiB, and whatever
ends elsewhere than at the end of a frame is truncated. Two at a time halve the calls, each of
which hands Python's lock over; more would lose more of what precedes a damaged one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgforensics.compression.stored import (
    DamagedError,
    StoredBytes,
    TrailingDataError,
    TruncatedError,
)
from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits

if TYPE_CHECKING:
    import zstandard

_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGIC = b"\x2a\x4d\x18"

_LARGEST_BLOCK = 128 << 10
_LARGEST_WINDOW = 1 << 31  # of the library, on 64 bits

_BLOCKS_AT_ONCE = 2
_BLOCK_HEADER = 3
_BLOCK_RLE, _BLOCK_RESERVED = 1, 3


def decode_zstd(stored: StoredBytes, limits: Limits) -> Iterator[bytes]:
    """Decode the frames of a zstd stream and pass over its skippable frames."""
    import zstandard  # noqa: PLC0415

    window = min(limits.decoder_window_bytes, _LARGEST_WINDOW)
    library = zstandard.ZstdDecompressor(max_window_size=window)
    magic = stored.exactly(4)
    while magic:
        if magic == _MAGIC:
            yield from _decode_frame(
                stored,
                library.decompressobj(_BLOCKS_AT_ONCE * _LARGEST_BLOCK),
                window,
                zstandard.ZstdError,
            )
        elif is_skippable(magic):
            stored.skip(int.from_bytes(stored.exactly(4), "little"))
        elif _could_begin_a_frame(magic):
            raise TruncatedError
        elif stored.offset == len(magic):
            raise DamagedError("it does not begin like zstd")
        else:
            raise TrailingDataError(stored.offset - len(magic))
        magic = stored.upto(4)


def is_skippable(magic: bytes) -> bool:
    """Whether a frame that begins so holds no content."""
    return magic[1:4] == _SKIPPABLE_MAGIC and 0x50 <= magic[0] <= 0x5F


def _could_begin_a_frame(cut: bytes) -> bool:
    skippable = 0x50 <= cut[0] <= 0x5F and _SKIPPABLE_MAGIC.startswith(cut[1:])
    return len(cut) < len(_MAGIC) and (_MAGIC.startswith(cut) or skippable)


@dataclass(frozen=True, slots=True)
class _FrameHeader:
    """What a frame's header says; `raw` is the header itself, without the magic bytes."""

    raw: bytes
    window: int
    dictionary: int
    has_checksum: bool


def _read_frame_header(stored: StoredBytes) -> _FrameHeader:
    """Read a frame header (RFC 8878, section 3.1.1.1)."""
    descriptor = stored.exactly(1)
    flags = descriptor[0]
    single_segment = bool(flags & 0x20)
    dictionary_size = (0, 1, 2, 4)[flags & 3]
    content_size = (int(single_segment), 2, 4, 8)[flags >> 6]
    rest = stored.exactly((not single_segment) + dictionary_size + content_size)
    if single_segment:
        window = int.from_bytes(rest[dictionary_size:], "little")
        window += 256 if content_size == 2 else 0
        dictionary = int.from_bytes(rest[:dictionary_size], "little")
    else:
        base = 1 << (10 + (rest[0] >> 3))
        window = base + base // 8 * (rest[0] & 7)
        dictionary = int.from_bytes(rest[1 : 1 + dictionary_size], "little")
    return _FrameHeader(descriptor + rest, window, dictionary, bool(flags & 4))


def _decode_frame(
    stored: StoredBytes,
    decoder: "zstandard.ZstdDecompressionObj",
    window: int,
    error_type: type[Exception],
) -> Iterator[bytes]:
    header = _read_frame_header(stored)
    if header.window > window:
        detail = f"a zstd frame needs a window of {header.window} bytes"
        raise LimitExceededError("decoder_window_bytes", window, detail)
    if header.dictionary:
        raise DamagedError(f"a frame needs the dictionary {header.dictionary}, which is not in it")
    try:
        decoder.decompress(_MAGIC + header.raw)
        yield from _decode_blocks(stored, decoder)
        if header.has_checksum:
            decoder.decompress(stored.exactly(4))
    except error_type as error:
        raise DamagedError(str(error)) from None
    if not decoder.eof:
        raise DamagedError("a frame's last block does not end it")


def _decode_blocks(
    stored: StoredBytes, decoder: "zstandard.ZstdDecompressionObj"
) -> Iterator[bytes]:
    """Feed a frame's blocks, together those that are in hand."""
    is_last = False
    while not is_last:
        end, is_last = _whole_blocks(stored.in_hand())
        if end:
            blocks: bytes | memoryview = stored.piece(end)
        else:
            raw = stored.exactly(_BLOCK_HEADER)
            size, is_last = _block_behind(raw)
            if size < 0:
                raise DamagedError(f"the header {raw.hex()} begins no block")
            blocks = raw + stored.exactly(size)
        if output := decoder.decompress(blocks):
            yield output


def _whole_blocks(in_hand: memoryview) -> tuple[int, bool]:
    """Where the sound blocks at the start of `in_hand` end; whether the frame's last is there."""
    end, is_last = 0, False
    for _ in range(_BLOCKS_AT_ONCE):
        start = end + _BLOCK_HEADER
        if is_last or start > len(in_hand):
            break
        size, ends_frame = _block_behind(in_hand[end:start])
        if size < 0 or start + size > len(in_hand):
            break
        end, is_last = start + size, ends_frame
    return end, is_last


def _block_behind(header: bytes | memoryview) -> tuple[int, bool]:
    """Bytes stored behind a block's header, and whether the block is its frame's last.

    RFC 8878, section 3.1.1.2. Less than 0 bytes for what is no header.
    """
    fields = int.from_bytes(header, "little")
    kind, size = fields >> 1 & 3, fields >> 3
    if kind == _BLOCK_RESERVED or size > _LARGEST_BLOCK:
        return -1, False
    return 1 if kind == _BLOCK_RLE else size, bool(fields & 1)
