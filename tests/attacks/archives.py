"""Attacks by the archive around an image."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from imgforensics.testing import TarFormat, sparse_file
from imgforensics.testing.tarball import member_bytes
from tests.attacks.layers import holed_file
from tests.attacks.writing import archive, gzipped, header, member, tar

_IMAGE = (
    member(b"c", b'{"rootfs":{"diff_ids":[]}}'),
    member(b"manifest.json", b'[{"Config":"c","RepoTags":["a:1"],"Layers":null}]'),
)


def members(directory: Path, count: int) -> Path:
    """So many empty members, in gzip."""
    return _around(directory, (header(b"f%07d" % n) for n in range(count)))


def duplicated_members(directory: Path, count: int) -> Path:
    """One name so many times, in gzip."""
    return _around(directory, (header(b"f") for _ in range(count)))


def long_member_names(directory: Path, count: int) -> Path:
    """So many members with names of 64,000 bytes, in gzip."""
    return _around(
        directory,
        (
            member(b"././@LongLink", b"%07d" % n + b"/nnnnnnn" * 8_000, b"L") + header(b"cut")
            for n in range(count)
        ),
    )


def sparse_members(directory: Path, count: int) -> Path:
    """A hundred members, each with a sparse map of so many runs, in gzip."""
    return _around(directory, (holed_file(b"s%d" % n, count) for n in range(100)))


def holed_layer(directory: Path, size: int) -> Path:
    """A layer that is a hole of so many bytes but for its first member, uncompressed."""
    manifest = b'[{"Config":"c","RepoTags":null,"Layers":["l"]}]'
    layer = member_bytes(
        sparse_file("l", size, [(0, b"".join(tar([header(b"f")])))]), TarFormat.GNU
    )
    parts = [layer, member(b"c", b"{}"), member(b"manifest.json", manifest)]
    return archive(directory / "image.tar", tar(parts))


def linked_members(directory: Path, count: int) -> Path:
    """Members that are links in a ring, in gzip; the documents stand behind it."""
    ring = (header(b"l%07d" % n, b"2", link=b"l%07d" % ((n + 1) % count)) for n in range(count))
    return _around(directory, ring)


def documents_in_a_ring(directory: Path, count: int) -> Path:
    """`manifest.json` is a link to a link and so on, and the last one leads back to it."""
    ring = (header(b"l%07d" % n, b"2", link=b"l%07d" % (n + 1)) for n in range(count - 1))
    links = chain(
        [header(b"manifest.json", b"2", link=b"l0000000")],
        ring,
        [header(b"l%07d" % (count - 1), b"2", link=b"manifest.json")],
    )
    return archive(directory / "image.tar.gz", gzipped(tar(links)))


def archives_in_archives(directory: Path, levels: int) -> Path:
    """A layer that holds an archive, that holds an archive, and so on."""
    inner = b"".join(tar([member(b"f", b"content")]))
    for _ in range(levels):
        inner = b"".join(gzipped(tar([member(b"inner.tar.gz", inner)])))
    manifest = b'[{"Config":"c","RepoTags":null,"Layers":["l"]}]'
    parts = [member(b"l", inner), member(b"c", b"{}"), member(b"manifest.json", manifest)]
    return archive(directory / "image.tar", tar(parts))


def _around(directory: Path, pieces: Iterator[bytes]) -> Path:
    return archive(directory / "image.tar.gz", gzipped(tar(chain(pieces, _IMAGE))))
