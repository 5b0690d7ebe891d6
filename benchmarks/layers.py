"""Planned layers as tars on disk, compressed or not, with their digests."""

import hashlib
import tarfile
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import zstandard

from benchmarks.content import Pools
from benchmarks.plan import LayerPlan, Member

_MTIME = 1_700_000_000
_PAX_RECORDS = {"mtime": f"{_MTIME}.123456789"}
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """One layer as written; both digests are hex."""

    path: Path
    digest: str
    diff_id: str
    raw_bytes: int
    stored_bytes: int


def write_layer(
    directory: Path, plan: LayerPlan, pools: Pools, compression: str, *, pax: bool = False
) -> StoredLayer:
    """Write one layer into `directory`, named by its digest; with `pax`, records for each member.

    `compression` is gzip, zstd or none.
    """
    unnamed = directory / "layer.partial"
    with _LayerWriter(unnamed, compression) as writer:
        for member in plan.members:
            writer.write(_header(member, pax=pax).tobuf(tarfile.PAX_FORMAT))
            if not member.hard_link:
                writer.write_padded(pools.read(member.content))
        writer.write(bytes(2 * _BLOCK))
    digest, diff_id = writer.digests()
    path = unnamed.rename(directory / digest)
    return StoredLayer(path, digest, diff_id, writer.raw_bytes, writer.stored_bytes)


def _header(member: Member, *, pax: bool) -> tarfile.TarInfo:
    header = tarfile.TarInfo(member.name)
    header.mtime = _MTIME
    header.uid = header.gid = member.owner
    header.mode = 0o644
    if member.name.endswith("/"):
        header.type, header.mode = tarfile.DIRTYPE, 0o755
    elif member.symlink:
        header.type, header.linkname, header.mode = tarfile.SYMTYPE, member.symlink, 0o777
    elif member.hard_link:
        header.type, header.linkname = tarfile.LNKTYPE, member.hard_link
    else:
        header.size = member.content.size
    if member.executable:
        header.mode = 0o755
    if pax:
        header.pax_headers = _PAX_RECORDS
    return header


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Uncompressed:
    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def _compressor(compression: str) -> _Compressor:
    """Compress as engines do by default: gzip at level 6, zstd at level 3, one frame."""
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).compressobj()
    if compression == "gzip":
        return zlib.compressobj(6, zlib.DEFLATED, 31)
    return _Uncompressed()


class _LayerWriter:
    """Compresses a tar into a file and knows both of its digests at the end."""

    def __init__(self, path: Path, compression: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._compressor = _compressor(compression)
        self._raw, self._stored = hashlib.sha256(), hashlib.sha256()
        self.raw_bytes = self.stored_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with closing(self._file):
            self._store(self._compressor.flush())

    def write(self, data: bytes) -> None:
        """Add bytes of the tar."""
        self._raw.update(data)
        self.raw_bytes += len(data)
        self._store(self._compressor.compress(data))

    def write_padded(self, chunks: Iterable[bytes]) -> None:
        """Add a member's content, and zeros up to the next block."""
        for chunk in chunks:
            self.write(chunk)
        self.write(bytes(-self.raw_bytes % _BLOCK))

    def digests(self) -> tuple[str, str]:
        """Of what is stored, and of the tar; after the end of the `with` block."""
        return self._stored.hexdigest(), self._raw.hexdigest()

    def _store(self, data: bytes) -> None:
        self._file.write(data)
        self._stored.update(data)
        self.stored_bytes += len(data)
