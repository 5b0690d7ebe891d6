"""Image manifests, OCI and Docker schema 2.

Sources: https://github.com/opencontainers/image-spec/blob/main/manifest.md and
https://github.com/distribution/distribution/blob/main/docs/content/spec/manifest-v2-2.md
"""

from dataclasses import dataclass, field

from imgforensics.errors import UnsupportedImageError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.index import INDEX_MEDIA_TYPES, Index
from imgforensics.oci.json_document import JsonValue, Text, no_text, parse_json

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
MANIFEST_MEDIA_TYPES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
# Docker before 1.10 pushed configs as octet-stream; some tools write no type at all.
CONFIG_MEDIA_TYPES = frozenset({OCI_CONFIG, DOCKER_CONFIG, "application/octet-stream", ""})


@dataclass(frozen=True, slots=True)
class Manifest:
    """An image, or an artifact, as its manifest describes it."""

    raw: bytes = field(repr=False)
    media_type: str
    """Empty where the document does not say."""
    config: Descriptor | None
    """None only in the withdrawn OCI artifact manifest, which has none."""
    layers: tuple[Descriptor, ...]
    """Lowest first. An artifact's blobs are here too."""
    annotations: Text = field(default_factory=no_text, hash=False)
    subject: Descriptor | None = None
    artifact_type: str | None = None
    oddities: tuple[str, ...] = ()
    """What was got past while reading, each with its JSON path."""

    @classmethod
    def from_json(cls, root: JsonValue, raw: bytes) -> "Manifest":
        """Read a manifest; `layers: null` is an image without layers.

        Raises :class:`~imgforensics.errors.UnsupportedImageError` for schema 1 and
        :class:`~imgforensics.errors.DamagedDocumentError` for what is no manifest.
        """
        root.required_object()
        _refuse_schema_1(root)
        blobs = root.member("blobs" if _is_artifact_manifest(root) else "layers")
        config = root.member("config")
        return cls(
            raw=raw,
            media_type=root.member("mediaType").text() or "",
            config=None if _is_artifact_manifest(root) else Descriptor.from_json(config),
            layers=tuple(Descriptor.from_json(blob) for blob in blobs.required_elements()),
            annotations=root.member("annotations").text_map(),
            subject=Descriptor.from_optional_json(root.member("subject")),
            artifact_type=root.member("artifactType").text() or None,
            oddities=tuple(root.oddities),
        )

    @property
    def encrypted_layers(self) -> tuple[Descriptor, ...]:
        """Layers whose media type says that they are encrypted (ocicrypt)."""
        return tuple(layer for layer in self.layers if "+encrypted" in layer.media_type)


def parse_manifest(
    raw: bytes, document: str, limits: Limits = DEFAULT_LIMITS, *, media_type: str = ""
) -> Index | Manifest:
    """Read a document that is an index or a manifest, whichever it is.

    `media_type` is what the descriptor that led here says; the document's own word comes
    first, its members' names come last. A document that has the members of both is read
    as the type it states, and the oddity is noted (CVE-2021-41190).
    """
    root = parse_json(raw, document, limits).required_object()
    if root.holds("manifests") and (root.holds("layers") or root.holds("config")):
        root.note("has the members of an index and of a manifest: readers may disagree on it")
    stated = root.member("mediaType").text() or media_type
    if stated in INDEX_MEDIA_TYPES or (
        stated not in MANIFEST_MEDIA_TYPES and root.holds("manifests")
    ):
        return Index.from_json(root, raw)
    return Manifest.from_json(root, raw)


def _refuse_schema_1(root: JsonValue) -> None:
    if root.member("schemaVersion").value == 1 or root.member("fsLayers").value is not None:
        raise UnsupportedImageError(
            f"{root.document} is a Docker image manifest of schema 1, which is not read; "
            "convert it with `skopeo copy --format oci`"
        )


def _is_artifact_manifest(root: JsonValue) -> bool:
    return (root.member("mediaType").text() or "").startswith("application/vnd.oci.artifact.")
