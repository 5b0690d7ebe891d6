"""The images that are measured: built here, from a seed, and kept for the next run.

Nothing is downloaded. The same parameters give the same members and contents on every
machine; the stored bytes, and so the digests, also depend on the versions of zlib and zstd.
"""

import hashlib
import json
import shutil
import tarfile
import zlib
from collections.abc import Iterable
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import zstandard

from benchmarks.content import Pools
from benchmarks.history import LayerPlan, Member, plan_history

RECIPE = 1
"""Part of every cache key: raise it whenever the same parameters give another image."""
TAG = "bench"
_SEED = 20_240_229
_MTIME = 1_700_000_000
_BLOCK = 512
_READ_BYTES = 1 << 22
_MEDIA_TYPES = {"gzip": "tar+gzip", "zstd": "tar+zstd"}


@dataclass(frozen=True, slots=True)
class ImageInput:
    """One image on disk, an OCI layout directory with one tag, and what is known of it."""

    directory: Path
    compression: str
    members: int
    tree_paths: int
    """What an extraction must write: paths below the root."""
    tree_file_bytes: int
    """The sum of the sizes of the regular files among them, at each of their names."""
    raw_bytes: int
    stored_bytes: int
    layers: tuple[str, ...]
    """Hex digests of the layer blobs, the lowest first."""

    @property
    def layout(self) -> Path:
        """The OCI image layout."""
        return self.directory / "layout"

    @property
    def blobs(self) -> list[Path]:
        """The layer blobs, the lowest first."""
        return [self.layout / "blobs" / "sha256" / layer for layer in self.layers]

    def warm(self) -> None:
        """Read every blob once, so that no timed run waits for the disk."""
        for blob in self.blobs:
            with blob.open("rb") as stream:
                while stream.read(_READ_BYTES):
                    pass


def image_input(cache: Path, size_mb: int, compression: str) -> ImageInput:
    """Find the ten-layer image of about `size_mb` million raw bytes in `cache`, or build it."""
    directory = cache / f"ten-layers-{size_mb}mb-{compression}-recipe{RECIPE}"
    facts = directory / "facts.json"
    if not facts.exists():
        print(f"building {directory.name} ...", flush=True)
        _build(directory, size_mb * 1_000_000, compression)
    known = json.loads(facts.read_text())
    return ImageInput(directory, **{**known, "layers": tuple(known["layers"])})


def _build(directory: Path, raw_bytes: int, compression: str) -> None:
    """Build under another name first: what bears the right name is whole."""
    partial = directory.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    blobs = partial / "layout" / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    pools = Pools(_SEED)
    history = plan_history(raw_bytes, _SEED)
    layers = [_write_layer(blobs, plan, pools, compression) for plan in history.layers]
    _write_documents(partial / "layout", history.layers, layers, compression)
    facts = {
        "compression": compression,
        "members": sum(len(plan.members) for plan in history.layers),
        "tree_paths": history.tree_paths,
        "tree_file_bytes": history.tree_file_bytes,
        "raw_bytes": sum(layer.raw_bytes for layer in layers),
        "stored_bytes": sum(layer.stored_bytes for layer in layers),
        "layers": [layer.digest for layer in layers],
    }
    (partial / "facts.json").write_text(json.dumps(facts, indent=1))
    shutil.rmtree(directory, ignore_errors=True)
    partial.rename(directory)


@dataclass(frozen=True, slots=True)
class _StoredLayer:
    """One layer as written; both digests are hex."""

    digest: str
    diff_id: str
    raw_bytes: int
    stored_bytes: int


def _write_layer(blobs: Path, plan: LayerPlan, pools: Pools, compression: str) -> _StoredLayer:
    unnamed = blobs / "layer.partial"
    with _LayerWriter(unnamed, compression) as writer:
        for member in plan.members:
            writer.write(_header(member).tobuf(tarfile.PAX_FORMAT))
            if not member.hard_link:
                writer.write_padded(pools.read(member.content))
        writer.write(bytes(2 * _BLOCK))
    stored = writer.stored()
    unnamed.rename(blobs / stored.digest)
    return stored


def _header(member: Member) -> tarfile.TarInfo:
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
    return header


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _LayerWriter:
    """Compresses a tar into a file and knows both of its digests at the end."""

    def __init__(self, path: Path, compression: str) -> None:
        self._file: BinaryIO = path.open("wb")
        self._compressor = _compressor(compression)
        self._raw, self._stored = hashlib.sha256(), hashlib.sha256()
        self._raw_bytes = self._stored_bytes = 0

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
        self._raw_bytes += len(data)
        self._store(self._compressor.compress(data))

    def write_padded(self, chunks: Iterable[bytes]) -> None:
        """Add a member's content, and zeros up to the next block."""
        for chunk in chunks:
            self.write(chunk)
        self.write(bytes(-self._raw_bytes % _BLOCK))

    def stored(self) -> _StoredLayer:
        """Tell what was written; after the end of the `with` block."""
        return _StoredLayer(
            self._stored.hexdigest(), self._raw.hexdigest(), self._raw_bytes, self._stored_bytes
        )

    def _store(self, data: bytes) -> None:
        self._file.write(data)
        self._stored.update(data)
        self._stored_bytes += len(data)


def _compressor(compression: str) -> _Compressor:
    """Compress as engines do by default: gzip at level 6, zstd at level 3, one frame."""
    if compression == "zstd":
        return zstandard.ZstdCompressor(level=3).compressobj()
    return zlib.compressobj(6, zlib.DEFLATED, 31)


def _write_documents(
    layout: Path, plans: list[LayerPlan], layers: list[_StoredLayer], compression: str
) -> None:
    """Write the config, manifest, index and `oci-layout` of the image-spec."""
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.diff_id}" for layer in layers]},
        "history": [{"created_by": plan.instruction} for plan in plans],
    }
    media_type = f"application/vnd.oci.image.layer.v1.{_MEDIA_TYPES[compression]}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _write_document(layout, "config.v1+json", config),
        "layers": [
            {
                "mediaType": media_type,
                "digest": f"sha256:{layer.digest}",
                "size": layer.stored_bytes,
            }
            for layer in layers
        ],
    }
    descriptor = _write_document(layout, "manifest.v1+json", manifest)
    descriptor["annotations"] = {"org.opencontainers.image.ref.name": TAG}
    index = {"schemaVersion": 2, "manifests": [descriptor]}
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _write_document(layout: Path, kind: str, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {
        "mediaType": f"application/vnd.oci.image.{kind}",
        "digest": f"sha256:{digest}",
        "size": len(data),
    }


def facts_of(image: ImageInput) -> dict[str, object]:
    """Tell what a result file says of its input."""
    facts = asdict(image)
    del facts["directory"], facts["layers"]
    return facts
