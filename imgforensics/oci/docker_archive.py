"""The lists inside a `docker save` archive: `manifest.json`, and what came before it.

Sources: https://github.com/moby/docker-image-spec/blob/main/v1.2.md (manifest.json) and
https://github.com/moby/docker-image-spec/blob/main/v1.md (repositories and `<id>/json`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgforensics.digests import Digest
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.oci.config import HistoryEntry
from imgforensics.oci.descriptor import Descriptor
from imgforensics.oci.json_document import JsonValue, no_text, parse_json


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """One image of `manifest.json`."""

    config: str
    """Name of the config in the archive."""
    repo_tags: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    """Names of the layers in the archive, lowest first."""
    layer_sources: Mapping[Digest, Descriptor] = field(default_factory=dict, hash=False)
    """Foreign layers by diff_id, as Docker writes them for Windows bases."""
    others: Mapping[str, object] = field(default_factory=no_text, hash=False)
    """Members without a field here, as parsed."""

    @classmethod
    def from_json(cls, value: JsonValue) -> "ArchiveEntry":
        """Read one entry; `RepoTags: null` and `Layers: null` are empty lists."""
        value.required_object()
        layers = value.member("Layers").required_elements()
        return cls(
            config=value.member("Config").required_text(),
            repo_tags=value.member("RepoTags").texts(),
            layers=tuple(layer.required_text() for layer in layers),
            layer_sources=_layer_sources(value.member("LayerSources")),
            others=value.others("Config", "RepoTags", "Layers", "LayerSources"),
        )


@dataclass(frozen=True, slots=True)
class ArchiveManifest:
    """`manifest.json`: the images of the archive in order."""

    raw: bytes = field(repr=False)
    entries: tuple[ArchiveEntry, ...]
    oddities: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, root: JsonValue, raw: bytes) -> "ArchiveManifest":
        """Read the list; DamagedDocumentError when it is none."""
        entries = tuple(ArchiveEntry.from_json(element) for element in root.required_elements())
        return cls(raw, entries, tuple(root.oddities))


@dataclass(frozen=True, slots=True)
class LegacyLayer:
    """`<id>/json` of Docker before 1.10: a layer and the image it tops, in one."""

    raw: bytes = field(repr=False)
    identifier: str
    """64 hex digits chosen at random: no digest of anything."""
    parent: str | None
    history: HistoryEntry

    @classmethod
    def parse(cls, raw: bytes, document: str, limits: Limits = DEFAULT_LIMITS) -> "LegacyLayer":
        """Read one layer; DamagedDocumentError when it has no id."""
        root = parse_json(raw, document, limits).required_object()
        command = root.member("container_config").member("Cmd")
        words = (command.value,) if isinstance(command.value, str) else command.texts()
        return cls(
            raw=raw,
            identifier=root.member("id").required_text(),
            parent=root.member("parent").text() or None,
            history=HistoryEntry(
                created=root.member("created").text(),
                created_by=" ".join(words) or None,
                comment=root.member("comment").text() or None,
                author=root.member("author").text() or None,
            ),
        )


def parse_repositories(
    raw: bytes, document: str = "repositories", limits: Limits = DEFAULT_LIMITS
) -> tuple[tuple[str, str], ...]:
    """Pairs of `name:tag` and layer id, in document order."""
    root = parse_json(raw, document, limits).required_object()
    return tuple(
        (f"{name}:{tag}", identifier.required_text())
        for name, tags in root.members()
        for tag, identifier in tags.members()
    )


def _layer_sources(value: JsonValue) -> Mapping[Digest, Descriptor]:
    found: dict[Digest, Descriptor] = {}
    for key, member in value.members():
        try:
            found[Digest.parse(key)] = Descriptor.from_json(member)
        except ValueError as error:
            member.note(str(error))
    return found
