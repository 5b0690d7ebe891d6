"""xz and bzip2: libraries do all but the joining of streams."""

import bz2
from collections.abc import Iterator

from imgforensics.compression.stored import (
    DamagedError,
    StoredBytes,
    TrailingDataError,
    decode_one_stream,
    expect_end,
)
from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits

_XZ_MAGIC = b"\xfd7zXZ\x00"
_BZIP2_MAGIC = b"BZh"

# An error takes its step's output with it; these formats are so slow that small steps are free.
_STEP = 8 << 10

# What liblzma needs beside the window itself.
_XZ_OVERHEAD = 1 << 20


def decode_xz(stored: StoredBytes, limits: Limits) -> Iterator[bytes]:
    """Decode the streams of an .xz file, and the padding between and after them."""
    import lzma  # noqa: PLC0415

    memory = limits.decoder_window_bytes + _XZ_OVERHEAD
    following = _XZ_MAGIC
    while following and _XZ_MAGIC.startswith(following):
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory)
        try:
            yield from decode_one_stream(decoder, stored, _STEP, (lzma.LZMAError,))
        except DamagedError as error:
            raise _explain(error, limits) from None
        end = stored.offset
        padding = stored.skip_zeros()
        following = stored.upto(len(_XZ_MAGIC))
        stored.give_back(following)
        if padding % 4:
            raise TrailingDataError(end)
    expect_end(stored)


def _explain(error: DamagedError, limits: Limits) -> Exception:
    """Tell liblzma's refusal of memory, which has no type of its own, from damage."""
    if "memory usage limit" in str(error).lower():
        return LimitExceededError(
            "decoder_window_bytes", limits.decoder_window_bytes, "an xz stream needs more memory"
        )
    return error


def decode_bzip2(stored: StoredBytes) -> Iterator[bytes]:
    """Decode the streams of a bzip2 file."""
    following = _BZIP2_MAGIC
    while following and _BZIP2_MAGIC.startswith(following):
        yield from decode_one_stream(bz2.BZ2Decompressor(), stored, _STEP, (OSError, ValueError))
        following = stored.upto(len(_BZIP2_MAGIC))
        stored.give_back(following)
    expect_end(stored)
