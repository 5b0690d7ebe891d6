"""Attacks by compression: bombs, empty streams by the million, windows out of measure."""

import bz2
import gzip
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import zstandard

from imgforensics.testing.packing import skippable_frame
from tests.attacks.layers import bomb_entry
from tests.attacks.writing import Layout, archive, gzipped, header, member, tar, zeros

_MIB = 1 << 20


def gzip_bomb(directory: Path, size: int) -> Path:
    """A layer of one file of so many zeros."""
    layout = Layout(directory)
    return layout.image(layout.packed(_gzip_bomb(size), "gzip"))


def _gzip_bomb(size: int) -> Iterator[bytes]:
    """The tar of a file of zeros, the zeros in gzip members of 256 MiB."""
    pieces = bomb_entry(size)
    yield gzip.compress(next(pieces), mtime=0)
    run = b"".join(gzipped(zeros(256 * _MIB)))
    for _ in range(size // (256 * _MIB)):
        yield run
    yield b"".join(gzipped(zeros(size % (256 * _MIB) + 1024)))


def zstd_bomb(directory: Path, size: int) -> Path:
    """The same in zstd, in blocks of four bytes for 128 KiB."""
    layout = Layout(directory)
    return layout.image(layout.packed(zstd_zeros(size), "zstd"))


def zstd_zeros(size: int) -> Iterator[bytes]:
    """One frame of the tar of a file of zeros: a raw block for the header, then runs."""
    head = next(bomb_entry(size))
    block = struct.pack("<I", len(head) << 3)[:3] + head
    run = struct.pack("<I", (128 << 10) << 3 | 1 << 1)[:3] + b"\0"
    last = struct.pack("<I", 1024 << 3 | 1 << 1 | 1)[:3] + b"\0"
    yield b"\x28\xb5\x2f\xfd" + b"\x00\x38" + block
    yield run * (size >> 17)
    yield last


def bombs_in_layers(directory: Path, layers: int) -> Path:
    """One zstd layer of 200 MiB of zeros, listed over and over."""
    layout = Layout(directory)
    bomb = layout.packed(zstd_zeros(200 * _MIB), "zstd")
    return layout.image(*([bomb] * layers))


def nested_bomb(directory: Path, size: int) -> Path:
    """An archive in gzip with a layer in gzip, which is a file of zeros."""
    bomb = b"".join(_gzip_bomb(size))
    manifest = b'[{"Config":"c","RepoTags":null,"Layers":["l"]}]'
    members = [member(b"l", bomb), member(b"c", b"{}"), member(b"manifest.json", manifest)]
    return archive(directory / "image.tar.gz", gzipped(tar(members), 9))


def outer_bomb(directory: Path, size: int) -> Path:
    """An archive in gzip whose first member is zeros."""
    return archive(directory / "image.tar.gz", _gzip_bomb(size))


def outer_zstd_bomb(directory: Path, size: int) -> Path:
    """The same in zstd."""
    return archive(directory / "image.tar.zst", zstd_zeros(size))


def outer_bzip2_bomb(directory: Path, size: int) -> Path:
    """The same in bzip2, in streams of 64 MiB."""
    run = bz2.compress(bytes(64 * _MIB))
    return archive(
        directory / "image.tar.bz2", _streams(bz2.compress(next(bomb_entry(size))), run, size)
    )


def outer_xz_bomb(directory: Path, size: int) -> Path:
    """The same in xz, in streams of 64 MiB."""
    run = lzma.compress(bytes(64 * _MIB))
    return archive(
        directory / "image.tar.xz", _streams(lzma.compress(next(bomb_entry(size))), run, size)
    )


def _streams(first: bytes, run: bytes, size: int) -> Iterator[bytes]:
    yield first
    for _ in range(size // (64 * _MIB)):
        yield run


def empty_gzip_members(directory: Path, count: int) -> Path:
    """A layer in gzip behind so many members that hold nothing."""
    return _behind(directory, gzip.compress(b"", mtime=0), count, "gzip")


def empty_bzip2_streams(directory: Path, count: int) -> Path:
    """The same in bzip2."""
    return _behind(directory, bz2.compress(b""), count, "bzip2")


def empty_xz_streams(directory: Path, count: int) -> Path:
    """The same in xz."""
    return _behind(directory, lzma.compress(b""), count, "xz")


def empty_zstd_frames(directory: Path, count: int) -> Path:
    """The same in zstd."""
    return _behind(directory, zstandard.ZstdCompressor().compress(b""), count, "zstd")


def skippable_zstd_frames(directory: Path, count: int) -> Path:
    """A layer in zstd behind so many frames that are to be passed over."""
    return _behind(directory, skippable_frame(b""), count, "zstd")


def empty_zstd_blocks(directory: Path, count: int) -> Path:
    """A layer in zstd behind a frame of so many blocks of nothing."""
    frame = b"\x28\xb5\x2f\xfd" + b"\x00\x38" + bytes(3) * count + b"\1\0\0"
    return _behind(directory, frame, 1, "zstd")


def empty_deflate_blocks(directory: Path, count: int) -> Path:
    """A layer in gzip behind a member of so many blocks of nothing."""
    compressor = zlib.compressobj(0, wbits=31)
    head = compressor.compress(b"") + b"\x00\x00\x00\xff\xff" * count
    return _behind(directory, head + compressor.flush(), 1, "gzip")


def _behind(directory: Path, empty: bytes, count: int, compression: str) -> Path:
    plain = b"".join(tar([header(b"f")]))
    compress: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "bzip2": bz2.compress,
        "xz": lzma.compress,
        "zstd": zstandard.ZstdCompressor().compress,
    }
    runs, rest = divmod(count, 1_000)
    layout = Layout(directory)
    chunks = [empty * 1_000] * runs + [empty * rest, compress[compression](plain)]
    return layout.image(layout.packed(chunks, compression))


def zstd_window(directory: Path, size: int) -> Path:
    """A frame that demands a window of so many bytes, a power of two."""
    layout = Layout(directory)
    exponent = size.bit_length() - 1
    frame = b"\x28\xb5\x2f\xfd" + bytes([0, (exponent - 10) << 3]) + b"\1\0\0"
    return layout.image(layout.packed([frame], "zstd"))


def xz_dictionary(directory: Path, size: int) -> Path:
    """A stream that demands a dictionary of so many bytes, a power of two."""
    stream = bytearray(lzma.compress(b"".join(tar([header(b"f")])), lzma.FORMAT_XZ))
    # Block header at 12: size, flags, filter id 0x21, properties size 1, dictionary, padding,
    # and the CRC-32 of all that.
    length = 4 * (stream[12] + 1)
    stream[16] = 2 * (size.bit_length() - 1 - 12)
    stream[12 + length - 4 : 12 + length] = struct.pack("<I", zlib.crc32(stream[12 : 8 + length]))
    layout = Layout(directory)
    return layout.image(layout.packed([bytes(stream)], "xz"))
