"""Images as the documents of a source describe them."""

from dataclasses import dataclass
from enum import StrEnum

from imgforensics.digests import Digest
from imgforensics.oci.config import HistoryEntry, ImageConfig
from imgforensics.oci.descriptor import Descriptor, Platform
from imgforensics.oci.manifest import Manifest
from imgforensics.problems import Problem, display


class ImageKind(StrEnum):
    """What a manifest stands for. Only an image is ever chosen."""

    IMAGE = "image"
    ATTESTATION = "attestation"
    """Provenance or an SBOM about an image (in-toto), as BuildKit and cosign write it."""
    SIGNATURE = "signature"
    ARTIFACT = "artifact"
    """Anything else that is stored as if it were an image: charts, SBOMs, modules, caches."""
    UNSUPPORTED = "unsupported"
    """An image in a form that is not read; `reason` names it."""
    DAMAGED = "damaged"
    """Its manifest does not parse; `reason` says where."""


class Layout(StrEnum):
    """Which of a source's documents an image was found through."""

    DOCKER_ARCHIVE = "docker-archive"
    OCI_LAYOUT = "oci-layout"
    DOCKER_DIRECTORY = "docker-directory"
    """What `skopeo copy ... dir:` writes."""
    LEGACY = "legacy"
    """Docker before 1.10: `repositories` and `<id>/json`."""
    ROOT_FILESYSTEM = "root-filesystem"
    """No image: one archive, opened as the only layer of one."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    """One layer, as the documents describe it."""

    index: int
    """From 0, lowest first."""
    blob_name: str | None
    """Name in the source; None when the source does not hold it."""
    descriptor: Descriptor | None = None
    """None in Docker archives without an OCI manifest."""
    diff_id: Digest | None = None
    """Of the uncompressed tar; None where the config does not say, or says it unclearly."""
    history: HistoryEntry | None = None
    """The step that made it; None where history and layers do not pair."""


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image, or one other thing that has a manifest."""

    number: int
    """Position among the records of the source, from 0."""
    names: tuple[str, ...]
    """As found: tags of Docker archives, reference annotations of layouts."""
    kind: ImageKind
    layouts: tuple[Layout, ...]
    manifest_digest: Digest | None = None
    """None where the source has no manifest: Docker archives before 25."""
    config_digest: Digest | None = None
    """The image ID. None where there is no config that could have one."""
    platform: Platform | None = None
    chain: tuple[Descriptor, ...] = ()
    """Descriptors that led here, outermost index first, the manifest's own last."""
    manifest: Manifest | None = None
    config: ImageConfig | None = None
    layers: tuple[LayerRecord, ...] = ()
    missing: tuple[str, ...] = ()
    """Blobs of its own that the source does not hold: digests, or names in the archive."""
    problems: tuple[Problem, ...] = ()
    positions: tuple[int, ...] = ()
    """From 0: entries of `index.json` or `manifest.json` that lead here."""
    reason: str = ""
    """Why it is not read, when it is UNSUPPORTED or DAMAGED."""

    @property
    def is_complete(self) -> bool:
        """Whether the source holds every blob of it."""
        return not self.missing

    def __repr__(self) -> str:
        name = ", ".join(self.names) or str(self.manifest_digest or self.config_digest or "unnamed")
        platform = f" {self.platform}" if self.platform else ""
        what = display(f"{self.kind} {name}{platform}")
        return f"<ImageRecord {self.number}: {what}, {len(self.layers)} layers>"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything with a manifest in one source."""

    source_description: str
    records: tuple[ImageRecord, ...]
    problems: tuple[Problem, ...] = ()
    """Of the source as a whole; each record has its own besides."""
    absent: tuple[Descriptor, ...] = ()
    """Manifests that an index names and the source does not hold."""
    reference: str | None = None
    """The image that the source's own name chose (`oci:dir:tag`); `@N` counts from 0."""

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """The records that are images."""
        return tuple(record for record in self.records if record.kind is ImageKind.IMAGE)
