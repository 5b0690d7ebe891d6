"""Which layer, and which instruction, brought a change."""

from dataclasses import dataclass

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.sides import ImageSide, Side
from imgforensics.filesystem.node import Node

_OF_CONTENT = {Attribute.CONTENT, Attribute.TYPE, Attribute.LINK, Attribute.DEVICE}


@dataclass(frozen=True, slots=True)
class Origin:
    """A layer of the second image, and its instruction, where the history says it."""

    layer: int
    created_by: str | None


def origin_of(change: FileChange, after: Side, shared: int) -> Origin | None:
    """The layer that made the second side what it is at a path.

    None for a directory on disk, for what only entries below imply, and for a path that the
    second image never had. Its lowest `shared` layers are those of the first side.
    """
    if not isinstance(after, ImageSide):
        return None
    if change.after is None:
        index = _removed_by(change.path, after, shared)
    else:
        index = _brought_by(change, change.after)
    if index is None:
        return None
    return Origin(index, after.image.layers[index].created_by)


def _brought_by(change: FileChange, node: Node) -> int | None:
    header = node.header
    if header is None or _OF_CONTENT & {*change.attributes}:
        return node.layer_index
    return header.layer_index


def _removed_by(path: bytes, after: ImageSide, shared: int) -> int | None:
    """The layer after which the path was gone for good."""
    if not all(layer.is_present for layer in after.layers):
        return None
    for index in range(after.layer, shared - 1, -1):
        if path in after.image.filesystem_at(index - 1):
            return index
    return None
