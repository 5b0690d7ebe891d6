"""An image's layers as plain tars, by skopeo, GNU tar and the decompressors: none of our code."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.conformance.commands import OracleError, run

_DECOMPRESSORS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
}
_IMAGE_CONFIGS = {
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
}
_REFERENCE = "org.opencontainers.image.ref.name"
_TAG = "image"

Read = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class SkopeoImage:
    """One image as skopeo names it.

    `suffix` follows ``transport:path`` (``:@1`` or ``:reference``, empty for the only image),
    `choice` is what names the image to our own ``--image``, `platform` is ``os/arch[/variant]``
    where an index leaves several.
    """

    source: Path
    transport: str
    suffix: str = ""
    choice: str | None = None
    platform: str | None = None


def images_in(source: Path) -> list[SkopeoImage]:
    """Return the images of an archive or directory, none when it holds no image."""
    if source.is_dir() and (source / "version").exists():
        return [SkopeoImage(source, "dir")]
    read = _reader(source)
    layout = list(_layout_images(source, read))
    docker = list(_docker_images(source, read))
    # Docker 25 and later write both documents; skopeo cannot tell images of one index apart
    # when they share a reference, but counts those of manifest.json.
    told_apart = len({image.suffix for image in layout}) == len(layout) or layout[0].platform
    return layout if layout and (told_apart or not docker) else docker


def copy_to_layout(image: SkopeoImage, directory: Path) -> str:
    """Copy `image` into an OCI layout at `directory`, gzip layers; return ``directory:tag``.

    Raises:
        OracleError: skopeo could not.
    """
    options, name = skopeo_words(image, directory.with_suffix(".outer"))
    target = f"{directory}:{_TAG}"
    compress = ("--dest-compress", "--dest-compress-format", "gzip")
    run(*options, "copy", "--quiet", *compress, name, f"oci:{target}")
    return target


def skopeo_words(image: SkopeoImage, outer: Path) -> tuple[list[str], str]:
    """The command up to its verb, and `image` as skopeo names it.

    An archive that is compressed as a whole is decompressed to `outer`.
    """
    source = _uncompressed(image.source, outer)
    options = ["skopeo", "--insecure-policy", *_platform_options(image.platform)]
    return options, f"{image.transport}:{source}{image.suffix}"


def copy_to_docker_archive(layout_and_tag: str, archive: Path) -> None:
    """Copy an image of an OCI layout into a new ``docker save``, without a tag.

    Raises:
        OracleError: skopeo could not.
    """
    copy = ("skopeo", "--insecure-policy", "copy", "--quiet")
    run(*copy, f"oci:{layout_and_tag}", f"docker-archive:{archive}")


def layer_tars(layout: Path, directory: Path) -> list[Path]:
    """Decompress the layers of the layout's one image into `directory`, lowest first."""
    directory.mkdir()
    read = _reader(layout)
    manifest = _json_blob(read, _index(read)[0])
    assert manifest is not None, "skopeo wrote a layout without its manifest"
    tars: list[Path] = []
    for number, layer in enumerate(manifest["layers"]):
        blob = layout / _blob_path(layer)
        tars.append(_uncompressed(blob, directory / f"{number}.tar"))
    return tars


def _platform_options(platform: str | None) -> list[str]:
    names = ("--override-os", "--override-arch", "--override-variant")
    values = platform.split("/") if platform else []
    return [word for option in zip(names, values, strict=False) for word in option]


def _uncompressed(source: Path, target: Path) -> Path:
    """`source` itself when it is not compressed, otherwise its content written to `target`."""
    if source.is_dir():
        return source
    with source.open("rb") as stored:
        magic = stored.read(6)
    for start, program in _DECOMPRESSORS.items():
        if magic.startswith(start):
            target.write_bytes(run(program, "--decompress", "--stdout", source))
            return target
    return source


def _reader(source: Path) -> Read:
    def from_directory(name: str) -> bytes | None:
        file = source / name
        return file.read_bytes() if file.is_file() else None

    def from_archive(name: str) -> bytes | None:
        for spelling in (name, f"./{name}"):
            try:
                return run("tar", "--extract", "--to-stdout", "--file", source, spelling)
            except OracleError:
                continue
        return None

    return from_directory if source.is_dir() else from_archive


def _docker_images(source: Path, read: Read) -> Iterator[SkopeoImage]:
    document = read("manifest.json")
    entries = json.loads(document) if document and not source.is_dir() else []
    for number, entry in enumerate(entries):
        image = SkopeoImage(source, "docker-archive")
        if len(entries) > 1:
            tags = entry["RepoTags"] or [str(number)]
            image = replace(image, suffix=f":@{number}", choice=tags[0])
        yield image


def _layout_images(source: Path, read: Read) -> Iterator[SkopeoImage]:
    """One per digest: the same image under two references is one image."""
    transport = "oci" if source.is_dir() else "oci-archive"
    descriptors = {entry["digest"]: entry for entry in reversed(_index(read))}.values()
    for descriptor in reversed(descriptors):
        platforms = _platforms(read, descriptor)
        reference = descriptor.get("annotations", {}).get(_REFERENCE)
        image = SkopeoImage(source, transport)
        if reference and len(_index(read)) > 1:
            image = replace(image, suffix=f":{reference}", choice=reference)
        if len(platforms) < 2:
            yield from [image] * len(platforms)
        else:
            yield from (replace(image, platform=platform) for platform in platforms)


def _platforms(read: Read, descriptor: dict[str, Any]) -> list[str]:
    """The platforms that `descriptor` leads to; blobs that are absent or no images do not count."""
    manifest = _json_blob(read, descriptor)
    if manifest is None:
        return []
    if "manifests" in manifest:
        return [name for child in manifest["manifests"] for name in _platforms(read, child)]
    if manifest.get("config", {}).get("mediaType") not in _IMAGE_CONFIGS:
        return []
    platform = descriptor.get("platform", {"os": "linux", "architecture": "amd64"})
    if platform["os"] == "unknown":
        return []
    names = (platform["os"], platform["architecture"], platform.get("variant"))
    return ["/".join(name for name in names if name)]


def _index(read: Read) -> list[dict[str, Any]]:
    document = read("index.json")
    return (json.loads(document)["manifests"] or []) if document else []


def _json_blob(read: Read, descriptor: dict[str, Any]) -> dict[str, Any] | None:
    document = read(_blob_path(descriptor))
    return json.loads(document) if document else None


def _blob_path(descriptor: dict[str, Any]) -> str:
    return f"blobs/{descriptor['digest'].replace(':', '/')}"
