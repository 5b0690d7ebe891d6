"""Descriptors and platforms: how one document names a blob.

Source: https://github.com/opencontainers/image-spec/blob/main/descriptor.md and
https://github.com/opencontainers/image-spec/blob/main/image-index.md
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgforensics.digests import Digest
from imgforensics.oci.json_document import JsonValue, Text, no_text

# What engines print and accept besides Go's own names; containerd normalises the same way:
# https://github.com/containerd/platforms/blob/main/database.go
_ARCHITECTURES = {
    "x86_64": ("amd64", None),
    "x86-64": ("amd64", None),
    "i386": ("386", None),
    "i686": ("386", None),
    "aarch64": ("arm64", None),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
}
_OPERATING_SYSTEMS = {"macos": "darwin"}
_DEFAULT_VARIANTS = {"amd64": "v1", "arm64": "v8", "arm": "v7"}


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on. Empty strings where a document does not say."""

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Platform":
        """Read `os/arch[/variant]`; `ValueError` for another form."""
        parts = text.strip().split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"not a platform: {text[:100]!r} (expected os/arch[/variant])")
        return cls(parts[0], parts[1], parts[2] if len(parts) == 3 else None)

    @classmethod
    def from_json(cls, value: JsonValue) -> "Platform | None":
        """The platform of a descriptor or a config; None where neither part is given."""
        system, architecture = value.member("os").text(), value.member("architecture").text()
        if not system and not architecture:
            return None
        return cls(
            os=system or "",
            architecture=architecture or "",
            variant=value.member("variant").text() or None,
            os_version=value.member("os.version").text() or None,
            os_features=value.member("os.features").texts(),
        )

    @property
    def is_unknown(self) -> bool:
        """Whether it is `unknown/unknown`, as BuildKit marks what is no image."""
        return self.os == "unknown" and self.architecture == "unknown"

    def normalised(self) -> "Platform":
        """With Go's names, and with the variant that an architecture has by default."""
        system = self.os.lower()
        architecture, variant = _ARCHITECTURES.get(
            self.architecture.lower(), (self.architecture.lower(), None)
        )
        given = (self.variant or variant or _DEFAULT_VARIANTS.get(architecture) or "").lower()
        if given.isdigit():
            given = f"v{given}"
        return Platform(_OPERATING_SYSTEMS.get(system, system), architecture, given or None)

    def equals(self, other: "Platform") -> bool:
        """Whether both name one platform: `linux/arm64` and `linux/aarch64/v8` do."""
        return self.normalised() == other.normalised()

    def is_kind_of(self, wanted: "Platform") -> bool:
        """Whether it has the wanted system and architecture, and the variant if one is wanted."""
        if wanted.variant is not None:
            return self.equals(wanted)
        mine, theirs = self.normalised(), wanted.normalised()
        return (mine.os, mine.architecture) == (theirs.os, theirs.architecture)

    def __str__(self) -> str:
        parts = (self.os or "unknown", self.architecture or "unknown", self.variant)
        return "/".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A blob as a document names it."""

    media_type: str
    """Empty where the document does not say."""
    digest: Digest
    """Of the blob as stored."""
    size: int
    """Bytes of the blob as stored."""
    platform: Platform | None = None
    annotations: Text = field(default_factory=no_text, hash=False)
    urls: tuple[str, ...] = ()
    """Where else the blob may be had; foreign layers have them."""
    artifact_type: str | None = None
    others: Mapping[str, object] = field(default_factory=no_text, hash=False)
    """Members without a field here, as parsed."""

    @classmethod
    def from_json(cls, value: JsonValue) -> "Descriptor":
        """Read a descriptor; DamagedDocumentError without a valid digest and size."""
        value.required_object()
        return cls(
            media_type=value.member("mediaType").text() or "",
            digest=value.member("digest").required_digest(),
            size=value.member("size").required_size(),
            platform=Platform.from_json(value.member("platform")),
            annotations=value.member("annotations").text_map(),
            urls=value.member("urls").texts(),
            artifact_type=value.member("artifactType").text() or None,
            others=value.others(
                "mediaType", "digest", "size", "platform", "annotations", "urls", "artifactType"
            ),
        )

    @classmethod
    def from_optional_json(cls, value: JsonValue) -> "Descriptor | None":
        """Read a descriptor that may be absent or null."""
        return None if value.value is None else cls.from_json(value)
