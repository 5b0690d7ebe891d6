"""Writes large hostile images as streams: tar members by the million, layouts blob by blob."""

import hashlib
import itertools
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from imgforensics.testing.tarball import BLOCK, END, pax_records

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"

Json = dict[str, Any]
ABSENT = {"mediaType": OCI_LAYER, "digest": "sha256:" + "a" * 64, "size": 1}
"""A layer that no source here holds."""

_NUMBERS = b"0000644\x000000000\x000000000\x00"
_TIME = b"00000000000\x00"
_REST = b"ustar\x0000".ljust(255, b"\0")
_CONSTANT = sum(_NUMBERS) + sum(_TIME) + sum(_REST) + 8 * ord(" ")


def header(name: bytes, flag: bytes = b"0", *, link: bytes = b"", size: int = 0) -> bytes:
    """One ustar header; names of up to 100 bytes."""
    digits = b"%011o\0" % size
    total = _CONSTANT + sum(name) + sum(digits) + flag[0] + sum(link)
    return b"".join(
        (
            name.ljust(100, b"\0"),
            _NUMBERS,
            digits,
            _TIME,
            b"%06o\0 " % total,
            flag,
            link.ljust(100, b"\0"),
            _REST,
        )
    )


def member(name: bytes, content: bytes, flag: bytes = b"0") -> bytes:
    """A header and its content."""
    return header(name, flag, size=len(content)) + content + bytes(-len(content) % BLOCK)


def with_records(*records: tuple[str, bytes]) -> bytes:
    """The PAX header that stands ahead of a member."""
    return member(b"PaxHeaders/0", pax_records(records), b"x")


def joined(pieces: Iterable[bytes], count: int = 1_000) -> Iterator[bytes]:
    """The pieces, `count` of them in one chunk."""
    remaining = iter(pieces)
    while batch := b"".join(itertools.islice(remaining, count)):
        yield batch


def tar(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """A whole archive of members, in chunks."""
    yield from joined(pieces)
    yield END


def zeros(count: int) -> Iterator[bytes]:
    """A run of zero bytes, in chunks."""
    chunk = bytes(1 << 20)
    for _ in range(count >> 20):
        yield chunk
    yield chunk[: count % (1 << 20)]


def gzipped(chunks: Iterable[bytes], level: int = 6) -> Iterator[bytes]:
    """One gzip member."""
    compressor = zlib.compressobj(level, wbits=31)
    for chunk in chunks:
        if packed := compressor.compress(chunk):
            yield packed
    yield compressor.flush()


class Layout:
    """An OCI layout in a directory, to which blobs are added as they come."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._blobs = path / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

    def blob(self, chunks: Iterable[bytes], media_type: str, *, name: str | None = None) -> Json:
        """Store a blob; its descriptor. A `name` is the digest to lie about."""
        hasher, size = hashlib.sha256(), 0
        temporary = self._blobs / "incoming"
        with temporary.open("wb") as file:
            for chunk in chunks:
                hasher.update(chunk)
                size += file.write(chunk)
        stored = name or hasher.hexdigest()
        temporary.rename(self._blobs / stored)
        return {"mediaType": media_type, "digest": f"sha256:{stored}", "size": size}

    def document(self, value: object, media_type: str, *, name: str | None = None) -> Json:
        """Store a JSON document."""
        return self.blob([to_json(value)], media_type, name=name)

    def layer(self, pieces: Iterable[bytes], compression: str = "gzip") -> tuple[Json, str]:
        """Store a layer of these members; its descriptor and its diff_id."""
        hasher = hashlib.sha256()

        def plain() -> Iterator[bytes]:
            for chunk in tar(pieces):
                hasher.update(chunk)
                yield chunk

        stored = gzipped(plain()) if compression == "gzip" else plain()
        descriptor = self.blob(stored, f"{OCI_LAYER}+gzip" if compression == "gzip" else OCI_LAYER)
        return descriptor, f"sha256:{hasher.hexdigest()}"

    def packed(self, chunks: Iterable[bytes], compression: str) -> tuple[Json, str]:
        """Store a layer's blob as it is, with a diff_id that nobody will get to compare."""
        return self.blob(chunks, f"{OCI_LAYER}+{compression}"), "sha256:" + "0" * 64

    def manifest(self, *layers: tuple[Json, str], **config: object) -> Json:
        """Store an image's config and manifest; the manifest's descriptor."""
        diff_ids = [diff_id for _, diff_id in layers]
        document = {"os": "linux", "architecture": "amd64", **config}
        document["rootfs"] = {"type": "layers", "diff_ids": diff_ids}
        stored = self.document(document, OCI_CONFIG)
        descriptors = [descriptor for descriptor, _ in layers]
        return self.document(
            {"schemaVersion": 2, "config": stored, "layers": descriptors}, OCI_MANIFEST
        )

    def index(self, *descriptors: Json) -> Path:
        """Finish the layout; its path."""
        self.raw_index(to_json({"schemaVersion": 2, "manifests": descriptors}))
        return self.path

    def raw_index(self, data: bytes) -> Path:
        """Finish the layout with these bytes as its index; its path."""
        (self.path / "index.json").write_bytes(data)
        return self.path

    def image(self, *layers: tuple[Json, str], **config: object) -> Path:
        """Finish the layout with one image; its path."""
        return self.index(self.manifest(*layers, **config))


def to_json(value: object) -> bytes:
    """JSON as engines write it."""
    return json.dumps(value, separators=(",", ":")).encode()


def archive(path: Path, chunks: Iterable[bytes]) -> Path:
    """Write a file; its path."""
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
    return path
