"""Which layer, and which instruction, brought a change."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.hard_links import Names
from imgforensics.comparison.pairs import Pair, differing_pairs
from imgforensics.comparison.sides import ImageSide, Side

_OF_CONTENT = {Attribute.CONTENT, Attribute.TYPE, Attribute.LINK, Attribute.DEVICE}


@dataclass(frozen=True, slots=True)
class Origin:
    """A layer of the second image, and its instruction, where the history says it."""

    layer: int
    created_by: str | None


class Provenance:
    """Finds the layer of the second side that made a change, where one did.

    There is none for a directory on disk, for a directory that only entries below imply, and
    for a path that the second image never had. Its lowest `shared` layers are those of the
    first side, and made no change.
    """

    def __init__(self, after: Side, shared: int) -> None:
        self._after = after
        self._shared = shared
        self._by_names: dict[tuple[int, int], int | None] = {}

    def of(self, change: FileChange) -> Origin | None:
        """The layer, or None."""
        after = self._after
        if not isinstance(after, ImageSide) or not after.is_present:
            return None
        index = self._layer_of(change)
        return None if index is None else Origin(index, after.image.layers[index].created_by)

    def _layer_of(self, change: FileChange) -> int | None:
        node = change.after
        if node is None:
            return self._last_changes.get(change.path)
        if {*change.attributes} == {Attribute.HARD_LINKS}:
            return self._layer_of_names(change.names_before, change.names_after)
        if node.header is None or _OF_CONTENT & {*change.attributes}:
            return node.layer_index
        return node.header.layer_index

    def _layer_of_names(self, before: Names, after: Names) -> int | None:
        """The highest layer that gave or took one of a file's names; found once for them all."""
        key = (id(before), id(after))
        if key not in self._by_names:
            names = {*before} ^ {*after}
            known = (self._last_changes[name] for name in names if name in self._last_changes)
            self._by_names[key] = max(known, default=None)
        return self._by_names[key]

    @cached_property
    def _last_changes(self) -> Mapping[bytes, int]:
        """For each path, the highest layer that put something else there, or took it.

        Each layer is compared with the one below, which costs what it changed.
        """
        after = self._after
        if not isinstance(after, ImageSide):
            return {}
        return {
            pair.path: index
            for index in range(self._shared, after.layer + 1)
            for pair in differing_pairs(
                after.image.filesystem_at(index - 1).root, after.image.filesystem_at(index).root
            )
            if _is_replaced(pair)
        }


def _is_replaced(pair: Pair) -> bool:
    """Whether it is more than an attribute, or something below, that changed."""
    if pair.before is None or pair.after is None:
        return True
    return pair.before.entry is not pair.after.entry
