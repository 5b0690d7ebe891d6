"""Stored bytes to uncompressed bytes: streaming, bounded, and never silent about a loss.

::

    chunks of the blob ──> StoredBytes ──> gzip | zstd | xz | bzip2 ──> pieces of about 1 MiB
    (any size)             (offsets,        (one decoder per member,     (limits checked)
                            give back)       frame or stream)

Sources of the formats: gzip RFC 1952; Zstandard RFC 8878; the .xz file format 1.2.1
(https://tukaani.org/xz/xz-file-format.txt); bzip2 has none but its own code.
"""

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import BinaryIO

from imgforensics.compression.gzip import decode_gzip
from imgforensics.compression.stored import (
    READ_SIZE,
    DamagedError,
    StoredBytes,
    TrailingDataError,
    TruncatedError,
    joined,
)
from imgforensics.compression.xz import decode_bzip2, decode_xz
from imgforensics.compression.zstd import decode_zstd, is_skippable
from imgforensics.errors import LimitExceededError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import ProblemCode, ProblemLog

__all__ = ["READ_SIZE", "Compression", "decompress", "detect_compression", "read_chunks"]

_GZIP_MAGIC = b"\x1f\x8b"
_XZ_MAGIC = b"\xfd7zXZ\x00"
# `BZh9` could begin a member's name; the first block's or the stream end's magic follows it.
_BZIP2_HEAD = re.compile(rb"BZh[1-9](?:1AY&|\x17rE8)")
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Compression(StrEnum):
    """How stored bytes are compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"
    XZ = "xz"
    BZIP2 = "bzip2"


def detect_compression(head: bytes) -> Compression:
    """Tell the compression by the first bytes; 8 are enough."""
    if head.startswith(_GZIP_MAGIC):
        return Compression.GZIP
    if head.startswith(_ZSTD_MAGIC) or is_skippable(head):
        return Compression.ZSTD
    if head.startswith(_XZ_MAGIC):
        return Compression.XZ
    if _BZIP2_HEAD.match(head):
        return Compression.BZIP2
    return Compression.NONE


def read_chunks(file: BinaryIO, size: int = READ_SIZE) -> Iterator[bytes]:
    """Read `file` to its end in chunks of at most `size` bytes."""
    while chunk := file.read(size):
        yield chunk


def decompress(
    chunks: Iterable[bytes],
    compression: Compression,
    log: ProblemLog,
    limits: Limits = DEFAULT_LIMITS,
) -> Iterator[bytes]:
    """Decompress `chunks` into pieces of about 1 MiB, a few bytes to 1.25 MiB.

    What is stored uncompressed comes in the pieces it is stored in.

    Every chunk is consumed, also past damage and past the end of the compressed stream, so
    that a caller who hashes the chunks as they pass has hashed all stored bytes.

    Damage ends the output and is reported to `log` as `COMPRESSION_TRUNCATED`,
    `COMPRESSION_DAMAGED` or `COMPRESSION_TRAILING_DATA`, with an offset in the stored bytes:
    of their end, of the last byte that the decoder saw (what it refused is at most 128 KiB
    before), or of the first byte that belongs to no stream. What was decoded before damage is
    delivered, save the last 256 KiB at most, when a decoder gives up inside a stream.

    Raises `LimitExceededError` past `layer_bytes`, `ratio` or `decoder_window_bytes`.
    """
    stored = StoredBytes(chunks)
    produced = 0
    pieces = _decode_until_damage(stored, compression, log, limits)
    for piece in pieces if compression is Compression.NONE else joined(pieces):
        produced += len(piece)
        _check_limits(produced, stored.offset, limits)
        yield piece
    stored.drain()


def _decode_until_damage(
    stored: StoredBytes, compression: Compression, log: ProblemLog, limits: Limits
) -> Iterator[bytes]:
    try:
        yield from _decode(stored, compression, limits)
    except TruncatedError:
        log.report(
            ProblemCode.COMPRESSION_TRUNCATED,
            f"the {compression} stream ends after {stored.offset} bytes, before its own end",
            action="what precedes was decoded",
            offset=stored.offset,
        )
    except DamagedError as error:
        log.report(
            ProblemCode.COMPRESSION_DAMAGED,
            f"the {compression} stream does not decode: {error}",
            action="what precedes was decoded, what follows was not",
            offset=stored.offset,
        )
    except TrailingDataError as error:
        log.report(
            ProblemCode.COMPRESSION_TRAILING_DATA,
            f"{error} of {compression}",
            action="not decoded",
            offset=error.offset,
        )


def _decode(stored: StoredBytes, compression: Compression, limits: Limits) -> Iterator[bytes]:
    match compression:
        case Compression.GZIP:
            return decode_gzip(stored)
        case Compression.ZSTD:
            return decode_zstd(stored, limits)
        case Compression.XZ:
            return decode_xz(stored, limits)
        case Compression.BZIP2:
            return decode_bzip2(stored)
        case Compression.NONE:
            return _as_stored(stored)


def _check_limits(produced: int, consumed: int, limits: Limits) -> None:
    if produced > limits.layer_bytes:
        raise LimitExceededError(
            "layer_bytes", limits.layer_bytes, f"over {produced} bytes uncompressed"
        )
    if produced > limits.ratio_floor_bytes and produced > limits.ratio * consumed:
        raise LimitExceededError(
            "ratio", limits.ratio, f"{consumed} stored bytes hold {produced} bytes and more"
        )


def _as_stored(stored: StoredBytes) -> Iterator[bytes]:
    while chunk := stored.chunk():
        yield chunk
