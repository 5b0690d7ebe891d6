"""Image indexes and Docker manifest lists.

Source: https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from dataclasses import dataclass, field

from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.json_document import JsonValue, Text, no_text

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
INDEX_MEDIA_TYPES = frozenset({OCI_INDEX, DOCKER_MANIFEST_LIST})


@dataclass(frozen=True, slots=True)
class Index:
    """A list of manifests, or of further indexes."""

    raw: bytes = field(repr=False)
    media_type: str
    manifests: tuple[Descriptor, ...]
    annotations: Text = field(default_factory=no_text, hash=False)
    subject: Descriptor | None = None
    artifact_type: str | None = None
    oddities: tuple[str, ...] = ()
    """What was got past while reading, each with its JSON path."""

    @classmethod
    def from_json(cls, root: JsonValue, raw: bytes) -> "Index":
        """Read an index; `manifests: null` is an empty one."""
        root.required_object()
        media_type = root.member("mediaType").text() or ""
        manifests = root.member("manifests").required_elements()
        return cls(
            raw=raw,
            media_type=media_type,
            manifests=tuple(Descriptor.from_json(element) for element in manifests),
            annotations=root.member("annotations").text_map(),
            subject=Descriptor.from_optional_json(root.member("subject")),
            artifact_type=root.member("artifactType").text() or None,
            oddities=tuple(root.oddities),
        )
