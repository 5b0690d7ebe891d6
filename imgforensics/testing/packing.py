"""Ways to store a layer: compressions, and the shapes that each of them may take."""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum

_SKIPPABLE_FRAME = 0x184D2A50


class Packing(StrEnum):
    """How bytes are stored."""

    NONE = "none"
    GZIP = "gzip"
    GZIP_MEMBERS = "gzip-members"
    """Several gzip members, cut without regard to the tar."""
    ESTARGZ = "estargz"
    """A gzip member for each tar member, and eStargz's footer; no table of contents."""
    ZSTD = "zstd"
    ZSTD_FRAMES = "zstd-frames"
    """Several zstd frames between skippable ones, as zstd:chunked has."""
    XZ = "xz"
    XZ_STREAMS = "xz-streams"
    BZIP2 = "bzip2"
    BZIP2_STREAMS = "bzip2-streams"

    @property
    def compression(self) -> str:
        """Name the compression: `none`, `gzip`, `zstd`, `xz` or `bzip2`."""
        return "gzip" if self is Packing.ESTARGZ else self.value.partition("-")[0]


def pack(parts: Sequence[bytes], packing: Packing) -> bytes:
    """Store `parts`, one after the other; where they are cut matters to `ESTARGZ` only."""
    if packing is Packing.ESTARGZ:
        members = b"".join(map(_gzip, parts))
        return members + estargz_footer(len(members))
    compress = _COMPRESS[packing.compression]
    data = b"".join(parts)
    if packing is Packing.ZSTD_FRAMES:
        frames = [_zstd(part) + skippable_frame(b"between", 10) for part in _thirds(data)]
        return skippable_frame(b"before") + b"".join(frames)
    if packing in (Packing.GZIP_MEMBERS, Packing.XZ_STREAMS, Packing.BZIP2_STREAMS):
        return b"".join(map(compress, _thirds(data)))
    return compress(data)


def skippable_frame(content: bytes, variant: int = 0) -> bytes:
    """Write a zstd frame that decoders pass over; `variant` is 0 to 15."""
    return struct.pack("<II", _SKIPPABLE_FRAME + variant, len(content)) + content


def gzip_member(
    data: bytes,
    *,
    name: bytes | None = None,
    comment: bytes | None = None,
    extra: bytes | None = None,
) -> bytes:
    """Write a gzip member with the given optional header fields (RFC 1952, section 2.3)."""
    flags, fields = 0, b""
    if extra is not None:
        flags, fields = flags | 4, fields + struct.pack("<H", len(extra)) + extra
    if name is not None:
        flags, fields = flags | 8, fields + name + b"\0"
    if comment is not None:
        flags, fields = flags | 16, fields + comment + b"\0"
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    body = deflate.compress(data) + deflate.flush()
    header = struct.pack("<2sBBIBB", b"\x1f\x8b", zlib.DEFLATED, flags, 0, 0, 255)
    return header + fields + body + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


def _zstd(data: bytes) -> bytes:
    import zstandard  # noqa: PLC0415

    return zstandard.ZstdCompressor(write_checksum=True).compress(data)


def _thirds(data: bytes) -> list[bytes]:
    third = len(data) // 3
    return [data[:third], data[third : 2 * third], data[2 * third :]]


def estargz_footer(offset: int, *, legacy: bool = False) -> bytes:
    """Write the empty gzip member that tells where the table of contents begins.

    `legacy` is stargz's, whose extra field is none by RFC 1952.
    Source: https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md#footer
    """
    subfield = b"%016xSTARGZ" % offset
    extra = subfield if legacy else b"SG" + struct.pack("<H", len(subfield)) + subfield
    header = struct.pack("<2sBBIBBH", b"\x1f\x8b", zlib.DEFLATED, 4, 0, 0, 255, len(extra))
    return header + extra + b"\1\0\0\xff\xff" + bytes(8)


_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": _gzip,
    "zstd": _zstd,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}
