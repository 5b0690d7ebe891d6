"""What an image's documents say, as skopeo reads them and as we do."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imgforensics import Image
from tests.conformance.commands import run
from tests.conformance.layers import SkopeoImage, skopeo_words


@dataclass(frozen=True, slots=True)
class Documents:
    """The config as stored; platform and layers as skopeo tells them."""

    config: bytes
    platform: str
    layers: tuple[str, ...]
    """Digests of the stored layers; of the uncompressed ones where it is a ``docker save``."""


def skopeo_documents(image: SkopeoImage, directory: Path) -> Documents:
    """Ask skopeo; `directory` takes the archive uncompressed, where it must be.

    Raises:
        OracleError: skopeo could not read the image.
    """
    options, name = skopeo_words(image, directory / "inspected")
    config = run(*options, "inspect", "--config", "--raw", name)
    told = json.loads(run(*options, "inspect", "--no-tags", name))
    platform = f"{told['Os']}/{told['Architecture']}"
    return Documents(config, platform, tuple(told["Layers"] or ()))


def document_differences(expected: Documents, image: Image) -> Iterator[str]:
    """Every document that we read otherwise."""
    config, platform = image.config, image.record.platform
    if config is None or config.raw != expected.config:
        yield "document: the config is not the one that skopeo reads"
    if platform is None or f"{platform.os}/{platform.architecture}" != expected.platform:
        yield f"document: platform: expected {expected.platform}, got {platform}"
    stored = tuple(str(layer.digest) for layer in image.layers)
    plain = tuple(str(layer.diff_id) for layer in image.layers)
    if expected.layers not in (stored, plain):
        yield f"document: layers: expected {expected.layers}, got {stored}"
