"""Images of a few layers, and what their filesystems show, in a form that tests can spell out."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

from imgforensics import FileTree, Image, Limits, ProblemCode, open_image
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    Member,
    Packing,
    archive,
    oci_layout,
)

Layer = LayerSpec | Sequence[Member]


def image_of(
    *layers: Layer, packing: Packing = Packing.NONE, limits: Limits | None = None
) -> Image:
    """An image with these layers, lowest first."""
    layout = oci_layout(ImageBuilder(layers), packing=packing)
    return open_image(io.BytesIO(archive(layout)), limits=limits or Limits())


def shown(image: Image, layer: int | None = None) -> dict[str, str]:
    """Every path but the root: `dir`, `file CONTENT`, `link TARGET`, or the kind."""
    tree = image.filesystem if layer is None else image.filesystem_at(layer)
    return {path.decode(): _told(image, tree, path) for path, _ in tree.walk() if path}


def shown_of(*layers: Layer) -> dict[str, str]:
    """What an image with these layers shows."""
    with image_of(*layers) as image:
        return shown(image)


def codes_of(image: Image) -> list[ProblemCode]:
    """Codes of all problems, of layers and of their application."""
    assert image.filesystem.layer_index == image.top
    return [problem.code for problem in image.problems]


def _told(image: Image, tree: FileTree, path: bytes) -> str:
    node = tree.get(path)
    assert node is not None
    match str(node.kind):
        case "directory":
            return "dir"
        case "symlink":
            return f"link {node.link_target.decode()}"
        case "file" if node.entry is not None:
            with image.open_content(node.entry) as file:
                return f"file {file.read().decode()}"
        case kind:
            return kind


def write(members: list[Entry], target: Path) -> None:
    """Put files, directories and symbolic links onto the disk."""
    for member in members:
        path = target / os.fsdecode(member.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.type_flag == b"5":
            path.mkdir(exist_ok=True)
        elif member.type_flag == b"2":
            path.symlink_to(os.fsdecode(member.link_name))
        else:
            path.write_bytes(member.content)
