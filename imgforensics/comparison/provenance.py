"""Which layer, and which instruction, brought a change."""

from dataclasses import dataclass

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.sides import ImageSide, Side

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
    if not isinstance(after, ImageSide) or not after.is_present:
        return None
    index = _layer_of(change, after, shared)
    return None if index is None else Origin(index, after.image.layers[index].created_by)


def _layer_of(change: FileChange, after: ImageSide, shared: int) -> int | None:
    node = change.after
    if node is None:
        return _removed_by(change.path, after, shared)
    if {*change.attributes} == {Attribute.HARD_LINKS}:
        names = {*change.names_before} ^ {*change.names_after}
        indexes = [_set_by(name, after, shared) for name in names]
        return max((index for index in indexes if index is not None), default=None)
    if node.header is None or _OF_CONTENT & {*change.attributes}:
        return node.layer_index
    return node.header.layer_index


def _set_by(name: bytes, after: ImageSide, shared: int) -> int | None:
    """The highest layer that gave a name to another file, or took it."""
    for index in range(after.layer, shared - 1, -1):
        above, below = (after.image.filesystem_at(layer).get(name) for layer in (index, index - 1))
        if (above and above.entry) is not (below and below.entry):
            return index
    return None


def _removed_by(path: bytes, after: ImageSide, shared: int) -> int | None:
    """The layer after which the path was gone for good."""
    for index in range(after.layer, shared - 1, -1):
        if path in after.image.filesystem_at(index - 1):
            return index
    return None
