"""An image around finished layers: an OCI layout or a ``docker save``, written by hand."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import zstandard

_OCI = "application/vnd.oci.image"
_LAYER = f"{_OCI}.layer.v1.tar"
_COMPRESSIONS = {
    "": lambda tar: tar,
    "+gzip": lambda tar: gzip.compress(tar, 1, mtime=0),
    "+zstd": zstandard.ZstdCompressor(level=1).compress,
}


def write_image(layers: Sequence[bytes], folder: Path, random: Random) -> Path:
    """Write an image of these tars, lowest first, in a form chosen at random; return its path."""
    form = random.choice(("layout", "layout in a tar", "docker save"))
    config = _json(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in layers]},
        }
    )
    if form == "docker save":
        return _write_tar(_docker_save(layers, config), folder / "image.tar")
    files = _layout(layers, config, random)
    if form == "layout in a tar":
        return _write_tar(files, folder / "image.tar")
    return _write_directory(files, folder / "image")


def _docker_save(layers: Sequence[bytes], config: bytes) -> dict[str, bytes]:
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = [{"Config": "config.json", "RepoTags": None, "Layers": names}]
    files = dict(zip(names, layers, strict=True))
    return {**files, "config.json": config, "manifest.json": _json(manifest)}


def _layout(layers: Sequence[bytes], config: bytes, random: Random) -> dict[str, bytes]:
    blobs = {_blob_name(config): config}
    descriptors = []
    for tar in layers:
        ending = random.choice(list(_COMPRESSIONS))
        stored = _COMPRESSIONS[ending](tar)
        blobs[_blob_name(stored)] = stored
        descriptors.append(_descriptor(_LAYER + ending, stored))
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": f"{_OCI}.manifest.v1+json",
            "config": _descriptor(f"{_OCI}.config.v1+json", config),
            "layers": descriptors,
        }
    )
    blobs[_blob_name(manifest)] = manifest
    index = {
        "schemaVersion": 2,
        "manifests": [_descriptor(f"{_OCI}.manifest.v1+json", manifest)],
    }
    return {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": _json(index), **blobs}


def _write_tar(files: Mapping[str, bytes], target: Path) -> Path:
    with tarfile.open(target, "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target


def _write_directory(files: Mapping[str, bytes], target: Path) -> Path:
    (target / "blobs" / "sha256").mkdir(parents=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return target


def _descriptor(media_type: str, stored: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(stored), "size": len(stored)}


def _blob_name(stored: bytes) -> str:
    return f"blobs/{_digest(stored).replace(':', '/')}"


def _digest(stored: bytes) -> str:
    return "sha256:" + hashlib.sha256(stored).hexdigest()


def _json(document: object) -> bytes:
    return json.dumps(document).encode()
