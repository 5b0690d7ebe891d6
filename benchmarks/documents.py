"""What makes an image of written layers: an OCI layout around them, or a `docker save` archive."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.layers import StoredLayer
from benchmarks.plan import LayerPlan

TAG = "bench"
_MEDIA_TYPES = {"gzip": "tar+gzip", "zstd": "tar+zstd", "none": "tar"}


def write_oci_documents(
    layout: Path, plans: Sequence[LayerPlan], layers: Sequence[StoredLayer], compression: str
) -> None:
    """Write the config, manifest, index and `oci-layout` of the image-spec."""
    media_type = f"application/vnd.oci.image.layer.v1.{_MEDIA_TYPES[compression]}"
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _write_document(layout, "config.v1+json", _config(plans, layers)),
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


def write_docker_archive(
    path: Path, plans: Sequence[LayerPlan], layers: Sequence[StoredLayer]
) -> None:
    """Write what `docker save` writes: the layers' tars, then the config and `manifest.json`."""
    config = json.dumps(_config(plans, layers)).encode()
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    names = [f"{layer.diff_id}/layer.tar" for layer in layers]
    manifest = [{"Config": config_name, "RepoTags": [f"{TAG}:latest"], "Layers": names}]
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, layer in zip(names, layers, strict=True):
            header = tarfile.TarInfo(name)
            header.size = layer.stored_bytes
            with layer.path.open("rb") as tar:
                archive.addfile(header, tar)
        _add(archive, config_name, config)
        _add(archive, "manifest.json", json.dumps(manifest).encode())


def _config(plans: Sequence[LayerPlan], layers: Sequence[StoredLayer]) -> dict[str, object]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.diff_id}" for layer in layers]},
        "history": [{"created_by": plan.instruction} for plan in plans],
    }


def _write_document(layout: Path, kind: str, document: object) -> dict[str, object]:
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {
        "mediaType": f"application/vnd.oci.image.{kind}",
        "digest": f"sha256:{digest}",
        "size": len(data),
    }


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    header = tarfile.TarInfo(name)
    header.size = len(data)
    archive.addfile(header, io.BytesIO(data))
