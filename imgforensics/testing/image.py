"""Images as values: layers, config, manifest and index, right or wrong on purpose.

Documents follow https://github.com/opencontainers/image-spec (config.md, manifest.md,
image-index.md) and Docker's schema 2.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from imgforensics.digests import Digest
from imgforensics.testing.packing import Packing, pack
from imgforensics.testing.tarball import END, Member, TarFormat, member_bytes

CREATED = "2024-01-01T00:00:00Z"
"""When everything built here says it was created."""

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
IN_TOTO = "application/vnd.in-toto+json"


class Omit(Enum):
    """See `OMIT`."""

    OMIT = "omit"


OMIT: Final = Omit.OMIT
"""As a value among overrides: the key is left out. (`None` is written as `null`.)"""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """A layer to be built. A plain list of members is one with these defaults."""

    members: Sequence[Member] = ()
    packing: Packing | None = None
    """None: none in `docker save` forms, gzip in the others, as their engines write."""
    created_by: str = ""
    """Its line of history."""
    tar_format: TarFormat = TarFormat.PAX
    end: bytes = END
    """What follows the last member."""
    blob: bytes | None = None
    """Stored bytes to use instead of the packed tar."""
    media_type: str | None = None
    """None: the one that fits the packing."""
    digest: str | None = None
    """Declared instead of the right one; the blob is stored under it."""
    diff_id: str | None = None
    """Declared instead of the right one."""
    size: int | None = None
    """Declared instead of the right one."""
    descriptor: Json = field(default_factory=dict)
    """Further keys of its descriptor: `urls`, `annotations`."""
    absent: bool = False
    """Declared, and its blob is not in the archive."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """An instruction that made no layer: a history line with `empty_layer`."""

    created_by: str


@dataclass(frozen=True, slots=True)
class BuiltLayer:
    """A layer's bytes and what is declared of them."""

    spec: LayerSpec
    tar: bytes
    blob: bytes
    digest: str
    diff_id: str
    descriptor: Json


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image's layers and documents, as bytes, with their digests."""

    layers: tuple[BuiltLayer, ...]
    config: bytes
    config_digest: str
    manifest: bytes
    manifest_digest: str
    descriptor: Json
    """Of the manifest, as an index lists it."""
    absent: bool

    @property
    def blobs(self) -> dict[str, bytes]:
        """All blobs that are not absent, by digest: layers, config, manifest."""
        if self.absent:
            return {}
        layers = {layer.digest: layer.blob for layer in self.layers if not layer.spec.absent}
        return layers | {self.config_digest: self.config, self.manifest_digest: self.manifest}


@dataclass(frozen=True, slots=True)
class ImageBuilder:
    """An image to be built; `layouts` make archives of it."""

    layers: Sequence[LayerSpec | Sequence[Member] | Instruction] = ()
    """From the lowest to the uppermost, with instructions between them."""
    tags: Sequence[str] = ()
    platform: str = "linux/amd64"
    """`os/architecture` or `os/architecture/variant`."""
    config: Json = field(default_factory=dict)
    """What containers run with: `Env`, `Cmd`, `Labels`."""
    config_document: Json = field(default_factory=dict)
    """Top-level keys of the config that override what fits: `history`, `rootfs`, `created`."""
    manifest: Json = field(default_factory=dict)
    """Keys of the manifest that override what fits."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Of the descriptor in the index."""
    descriptor: Json = field(default_factory=dict)
    """Keys of the descriptor in the index that override what fits."""
    docker_types: bool = False
    """Docker schema 2 media types, not OCI's."""
    absent: bool = False
    """Listed in the index, and none of its blobs is in the archive."""

    def build(self, packing: Packing = Packing.GZIP) -> BuiltImage:
        """Build layers and documents; `packing` is for layers that do not choose."""
        specs = [_as_spec(layer) for layer in self.layers if not isinstance(layer, Instruction)]
        layers = tuple(_build_layer(spec, packing, docker=self.docker_types) for spec in specs)
        config = to_json(self._config_document(layers))
        manifest = to_json(self._manifest(layers, config))
        media_type = DOCKER_MANIFEST if self.docker_types else OCI_MANIFEST
        descriptor = _descriptor(media_type, manifest, self.annotations)
        descriptor["platform"] = _platform(self.platform)
        return BuiltImage(
            layers=layers,
            config=config,
            config_digest=str(Digest.of(config)),
            manifest=manifest,
            manifest_digest=str(Digest.of(manifest)),
            descriptor=_overridden(descriptor, self.descriptor),
            absent=self.absent,
        )

    def _config_document(self, layers: Iterable[BuiltLayer]) -> Json:
        document = {
            "created": CREATED,
            **_platform(self.platform),
            "config": dict(self.config),
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
            "history": [_history_line(layer) for layer in self.layers],
        }
        return _overridden(document, self.config_document)

    def _manifest(self, layers: Iterable[BuiltLayer], config: bytes) -> Json:
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST if self.docker_types else OCI_MANIFEST,
            "config": _descriptor(DOCKER_CONFIG if self.docker_types else OCI_CONFIG, config),
            "layers": [layer.descriptor for layer in layers],
        }
        return _overridden(document, self.manifest)


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """A nested index as bytes, with its descriptor and all blobs it leads to, its own too."""

    index: bytes
    digest: str
    descriptor: Json
    blobs: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index of images and of further indexes, itself a blob that another index lists."""

    manifests: Sequence["ImageBuilder | IndexSpec"]
    tags: Sequence[str] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    document: Json = field(default_factory=dict)
    """Keys of the index that override what fits."""
    docker_types: bool = False

    def build(self, packing: Packing = Packing.GZIP) -> BuiltIndex:
        """Build the index and everything below it."""
        children = [manifest.build(packing) for manifest in self.manifests]
        media_type = DOCKER_LIST if self.docker_types else OCI_INDEX
        index = index_document([child.descriptor for child in children], media_type, self.document)
        digest = str(Digest.of(index))
        blobs = {name: blob for child in children for name, blob in child.blobs.items()}
        descriptor = _descriptor(media_type, index, self.annotations)
        return BuiltIndex(index, digest, descriptor, blobs | {digest: index})


def attestation(
    image: ImageBuilder, statement: bytes = b"{}", *, packing: Packing = Packing.GZIP
) -> ImageBuilder:
    """Describe the attestation manifest that BuildKit puts beside `image` in an index.

    `packing` is that of the layout, as it decides the digest that the attestation names.
    Source: https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md
    """
    return ImageBuilder(
        layers=[LayerSpec(blob=statement, media_type=IN_TOTO, diff_id=str(Digest.of(statement)))],
        platform="unknown/unknown",
        annotations={
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image.build(packing).manifest_digest,
        },
    )


def index_document(
    descriptors: Sequence[Json], media_type: str = OCI_INDEX, overrides: Json | None = None
) -> bytes:
    """Write an index that lists `descriptors`."""
    document = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(descriptors)}
    return to_json(_overridden(document, overrides or {}))


def to_json(document: object) -> bytes:
    """Write JSON as engines do: compact, keys in the order given."""
    return json.dumps(document, separators=(",", ":")).encode()


def _as_spec(layer: LayerSpec | Sequence[Member]) -> LayerSpec:
    return layer if isinstance(layer, LayerSpec) else LayerSpec(layer)


def _build_layer(spec: LayerSpec, default: Packing, *, docker: bool) -> BuiltLayer:
    packing = spec.packing or default
    parts = [*(member_bytes(member, spec.tar_format) for member in spec.members), spec.end]
    tar = b"".join(parts)
    blob = pack(parts, packing) if spec.blob is None else spec.blob
    media_type = spec.media_type or _layer_media_type(packing, docker=docker)
    declared: dict[str, Any] = {"digest": spec.digest, "size": spec.size}
    declared = {key: value for key, value in declared.items() if value is not None}
    descriptor = _overridden(_descriptor(media_type, blob) | declared, spec.descriptor)
    diff_id = spec.diff_id or str(Digest.of(tar))
    return BuiltLayer(spec, tar, blob, descriptor["digest"], diff_id, descriptor)


def _layer_media_type(packing: Packing, *, docker: bool) -> str:
    if packing is Packing.NONE:
        return DOCKER_LAYER if docker else OCI_LAYER
    return (
        f"{DOCKER_LAYER}.{packing.compression}" if docker else f"{OCI_LAYER}+{packing.compression}"
    )


def _descriptor(
    media_type: str, blob: bytes, annotations: Mapping[str, str] | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "mediaType": media_type,
        "digest": str(Digest.of(blob)),
        "size": len(blob),
    }
    return found | {"annotations": dict(annotations)} if annotations else found


def _history_line(layer: LayerSpec | Sequence[Member] | Instruction) -> Json:
    line: dict[str, Any] = {"created": CREATED}
    if isinstance(layer, Instruction):
        return line | {"created_by": layer.created_by, "empty_layer": True}
    return line | {"created_by": _as_spec(layer).created_by}


def _platform(platform: str) -> Json:
    return dict(zip(("os", "architecture", "variant"), platform.split("/"), strict=False))


def _overridden(document: Json, overrides: Json) -> dict[str, Any]:
    merged = {**document, **overrides}
    return {key: value for key, value in merged.items() if value is not OMIT}
