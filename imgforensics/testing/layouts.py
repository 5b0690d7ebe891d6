"""The forms that images are kept in, as names and contents, and archives of those.

A layout is a plain dictionary: a test may remove a blob, replace a document or add a member
before it makes an archive of it or writes it out as a directory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imgforensics.digests import Digest
from imgforensics.testing.entries import directory, file, hard_link, symlink
from imgforensics.testing.image import (
    CREATED,
    BuiltImage,
    BuiltIndex,
    ImageBuilder,
    IndexSpec,
    Json,
    index_document,
    to_json,
)
from imgforensics.testing.packing import Packing, pack
from imgforensics.testing.tarball import Member, TarFormat, tar


@dataclass(frozen=True, slots=True)
class Link:
    """A member that is a link: a symbolic one relative to its place, or a hard one."""

    target: str
    """As a link would say it; for a hard link the member's whole name."""
    hard: bool = False


Layout = dict[str, bytes | Link]

OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


def oci_layout(*roots: ImageBuilder | IndexSpec, packing: Packing = Packing.GZIP) -> Layout:
    """Lay out images and indexes as an OCI image layout.

    Here as below, `packing` is for layers that do not choose their own.
    """
    built = [(root, root.build(packing)) for root in roots]
    descriptors = [line for root, result in built for line in _tagged(root.tags, result)]
    return {
        "oci-layout": OCI_LAYOUT,
        "index.json": index_document(descriptors),
        **_blob_files([result for _, result in built]),
    }


def docker_layout(*images: ImageBuilder, packing: Packing = Packing.NONE) -> Layout:
    """Lay out images as `docker save` has done since version 25.

    One that holds an index (Docker with containerd's store) is `oci_layout(index)` joined to
    this one's `manifest.json`, both with the same `packing`.
    """
    built = [(image, image.build(packing)) for image in images]
    descriptors = [line for image, result in built for line in _docker_tagged(image.tags, result)]
    tops = {
        tag: result.layers[-1].diff_id.partition(":")[2]
        for image, result in built
        for tag in image.tags
        if result.layers
    }
    return {
        **_blob_files([result for _, result in built]),
        "index.json": index_document(descriptors),
        "manifest.json": to_json([_docker_manifest(image, result) for image, result in built]),
        "oci-layout": OCI_LAYOUT,
        "repositories": to_json(_repositories(tops)),
    }


def docker_legacy_layout(
    *images: ImageBuilder, hard: bool = False, packing: Packing = Packing.NONE
) -> Layout:
    """Lay out images as `docker save` did before version 25.

    A layer that occurs again is a symbolic link to its first occurrence, as Docker wrote it,
    or a hard link where `hard` is set.
    """
    layout: Layout = {}
    manifest: list[Json] = []
    tops: dict[str, str] = {}
    first: dict[str, str] = {}
    for image in images:
        built = image.build(packing)
        names = [_add_legacy_layer(layout, *line, first, hard=hard) for line in _chain(built)]
        config = built.config_digest.partition(":")[2] + ".json"
        layout[config] = built.config
        tags = list(image.tags) or None
        manifest.append({"Config": config, "RepoTags": tags, "Layers": names})
        tops |= {tag: names[-1].partition("/")[0] for tag in image.tags if names}
    layout["manifest.json"] = to_json(manifest)
    layout["repositories"] = to_json(_repositories(tops))
    return layout


def directory_layout(image: ImageBuilder, *, packing: Packing = Packing.GZIP) -> Layout:
    """Lay out one image as `skopeo copy ... dir:` does."""
    built = image.build(packing)
    blobs = {name.partition(":")[2]: blob for name, blob in built.blobs.items()}
    blobs.pop(built.manifest_digest.partition(":")[2], None)
    return {
        "version": b"Directory Transport Version: 1.1\n",
        "manifest.json": built.manifest,
        **blobs,
    }


def archive(layout: Layout, *, prefix: str = "", packing: Packing = Packing.NONE) -> bytes:
    """Make a tar of a layout, each name behind `prefix` (`./`), compressed as a whole."""
    return pack([tar(_members(layout, prefix), tar_format=TarFormat.PAX)], packing)


def write_layout(layout: Layout, target: Path) -> None:
    """Write a layout out as a directory, which may exist."""
    for name, content in layout.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, Link):
            path.write_bytes(content)
        elif content.hard:
            path.hardlink_to(target / content.target)
        else:
            path.symlink_to(content.target)


def _members(layout: Layout, prefix: str) -> Iterator[Member]:
    seen = {PurePosixPath()}
    for name, content in layout.items():
        for parent in reversed(PurePosixPath(name).parents):
            if parent not in seen:
                seen.add(parent)
                yield directory(f"{prefix}{parent}/")
        if not isinstance(content, Link):
            yield file(prefix + name, content)
        elif content.hard:
            yield hard_link(prefix + name, prefix + content.target)
        else:
            yield symlink(prefix + name, content.target)


def _blob_files(results: Sequence[BuiltImage | BuiltIndex]) -> Layout:
    files = {name: blob for result in results for name, blob in result.blobs.items()}
    return {_blob_name(name): blob for name, blob in files.items()}


def _blob_name(digest: str) -> str:
    return "blobs/" + digest.replace(":", "/")


def _tagged(tags: Sequence[str], result: BuiltImage | BuiltIndex) -> list[Json]:
    """Give a root's lines in `index.json`: one for each tag, or one without."""
    return [
        _annotated(result.descriptor, {"org.opencontainers.image.ref.name": tag}) for tag in tags
    ] or [result.descriptor]


def _docker_tagged(tags: Sequence[str], result: BuiltImage) -> list[Json]:
    lines = []
    for tag in tags:
        annotations = {
            "io.containerd.image.name": f"docker.io/library/{tag}",
            "org.opencontainers.image.ref.name": tag.rpartition(":")[2],
        }
        lines.append(_annotated(result.descriptor, annotations))
    return lines or [result.descriptor]


def _annotated(descriptor: Json, annotations: dict[str, str]) -> Json:
    return {**descriptor, "annotations": {**descriptor.get("annotations", {}), **annotations}}


def _docker_manifest(image: ImageBuilder, built: BuiltImage) -> Json:
    return {
        "Config": _blob_name(built.config_digest),
        "RepoTags": list(image.tags) or None,
        "Layers": [_blob_name(layer.digest) for layer in built.layers],
        "LayerSources": {layer.diff_id: layer.descriptor for layer in built.layers},
    }


def _repositories(tops: dict[str, str]) -> Json:
    """Give the oldest document of `docker save`: repository, tag, uppermost layer."""
    repositories: dict[str, dict[str, str]] = {}
    for tag, top in tops.items():
        repository, _, version = tag.rpartition(":")
        repositories.setdefault(repository, {})[version] = top
    return repositories


def _chain(built: BuiltImage) -> Iterator[tuple[str, str, bytes | None]]:
    """Give each layer's legacy id, its parent's, and its blob unless that is absent."""
    parent = ""
    for layer in built.layers:
        identity = Digest.of(f"{parent} {layer.diff_id}".encode()).hex
        yield identity, parent, None if layer.spec.absent else layer.blob
        parent = identity


def _add_legacy_layer(
    layout: Layout,
    identity: str,
    parent: str,
    blob: bytes | None,
    first: dict[str, str],
    *,
    hard: bool,
) -> str:
    """Add a layer's directory; return the name of its tar."""
    name = f"{identity}/layer.tar"
    layout[f"{identity}/VERSION"] = b"1.0"
    document = {"id": identity, "created": CREATED} | ({"parent": parent} if parent else {})
    layout[f"{identity}/json"] = to_json(document)
    if blob is not None:
        earlier = first.setdefault(str(Digest.of(blob)), name)
        link = Link(earlier, hard=True) if hard else Link("../" + earlier)
        layout.setdefault(name, blob if earlier == name else link)
    return name
