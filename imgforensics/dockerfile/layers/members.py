"""Which entries of a layer a COPY or ADD brought."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from imgforensics.dockerfile.layers.destinations import CopyStep
from imgforensics.errors import ImageForensicsError
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.whiteout import PREFIX
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry

_MOST_TIMES = 3
"""That all of a layer is handed out: a hostile history names a large one over and over."""
_MOST_ENTRIES_OF_SMALL_LAYERS = 10_000


@dataclass(frozen=True)
class Members:
    """The entries that a COPY or ADD brought."""

    root: bytes
    """The destination, links in it followed."""
    entries: tuple[LayerEntry, ...]
    """At the destination and below it, in the order of paths; whiteouts left out, the last of
    one path kept."""

    @cached_property
    def contents(self) -> tuple[LayerEntry, ...]:
        """All but directories."""
        return tuple(one for one in self.entries if one.kind is not EntryKind.DIRECTORY)

    def name_of(self, entry: LayerEntry) -> bytes:
        """An entry's path from the destination; empty for the destination itself."""
        return entry.path[len(self.root) :].lstrip(b"/")


class LayerMembers:
    """Finds what each step brought; a layer's entries are sorted once."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._layers: dict[int, list[tuple[bytes, LayerEntry]]] = {}
        self._left: dict[int, int] = {}

    def of(self, step: CopyStep) -> Members:
        """What the step's layer holds at its destination.

        Nothing where it is not known which layer it made, or that layer cannot be read.
        """
        layer = step.recovered.layer
        if layer is None or not 0 <= layer <= self._image.top:
            return Members(step.path, ())
        try:
            found = self._below(layer, step.path)
            if found or not step.path:
                return Members(step.path, found)
            real = resolve(self._image.filesystem_at(layer), step.path).path
            return Members(real, self._below(layer, real))
        except (ImageForensicsError, OSError):
            return Members(step.path, ())

    def _below(self, layer: int, root: bytes) -> tuple[LayerEntry, ...]:
        entries = self._sorted(layer)
        if not root:
            return self._taken(layer, 0, len(entries))
        # Other names may sort between a directory and what is below it: `a`, `a.b`, `a/b`.
        first = bisect_left(entries, root, key=_path)
        is_there = first < len(entries) and entries[first][0] == root
        start = bisect_left(entries, root + b"/", key=_path)
        end = bisect_left(entries, root + b"0", key=_path)
        own = self._taken(layer, first, first + is_there)
        return (*own, *self._taken(layer, start, end))

    def _taken(self, layer: int, start: int, end: int) -> tuple[LayerEntry, ...]:
        if end - start > self._left[layer]:
            return ()
        self._left[layer] -= end - start
        return tuple(entry for _, entry in self._layers[layer][start:end])

    def _sorted(self, layer: int) -> list[tuple[bytes, LayerEntry]]:
        if layer not in self._layers:
            found = {
                entry.path: entry
                for entry in self._image.layers[layer].entries
                if entry.path and PREFIX not in entry.path and not entry.is_past_end
            }
            self._layers[layer] = sorted(found.items())
            self._left[layer] = _MOST_TIMES * len(found) + _MOST_ENTRIES_OF_SMALL_LAYERS
        return self._layers[layer]


def _path(item: tuple[bytes, LayerEntry]) -> bytes:
    return item[0]
