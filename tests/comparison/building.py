"""Images to compare, and what is said of them in a form that tests can spell out."""

import io
from collections.abc import Sequence
from pathlib import Path

from imgforensics import Image, ImageDiff, open_image
from imgforensics.comparison import FileChange
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    docker_layout,
    oci_layout,
)

Layer = LayerSpec | Sequence[Entry]


def image_of(*layers: Layer, packing: Packing = Packing.GZIP) -> Image:
    """An image with these layers, lowest first."""
    return opened(ImageBuilder(layers), packing)


def opened(builder: ImageBuilder, packing: Packing = Packing.GZIP) -> Image:
    """An image, from memory."""
    return open_image(io.BytesIO(archive(oci_layout(builder, packing=packing))))


def saved(path: Path, *layers: Layer) -> str:
    """An image as `docker save` writes it; its path."""
    path.write_bytes(archive(docker_layout(ImageBuilder(layers, tags=["web:1"]))))
    return str(path)


def shown(answer: ImageDiff) -> dict[str, str]:
    """Each path with its verdict, and what differs."""
    return {_path(change): _told(change) for change in answer.files}


def _path(change: FileChange) -> str:
    return change.path.decode("utf-8", "backslashreplace")


def _told(change: FileChange) -> str:
    attributes = ",".join(change.attributes)
    moved = "" if change.moved_from is None else f" from {change.moved_from.decode()}"
    return f"{change.verdict}{moved} {attributes}".strip()
