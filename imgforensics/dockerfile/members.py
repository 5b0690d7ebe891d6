"""Which entries of a layer a COPY or ADD brought."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property

from imgforensics.dockerfile.destinations import CopyStep
from imgforensics.errors import ImageForensicsError
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.whiteout import PREFIX
from imgforensics.image import Image
from imgforensics.layer import EntryKind, LayerEntry

_MOST_ENTRIES = 10_000_000
"""Handed out for one image: a hostile history names one large layer over and over."""


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
        self._left = _MOST_ENTRIES

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
            return self._taken(entries, 0, len(entries))
        # Other names may sort between a directory and what is below it: `a`, `a.b`, `a/b`.
        first = bisect_left(entries, root, key=_path)
        is_there = first < len(entries) and entries[first][0] == root
        start = bisect_left(entries, root + b"/", key=_path)
        end = bisect_left(entries, root + b"0", key=_path)
        own = self._taken(entries, first, first + is_there)
        return (*own, *self._taken(entries, start, end))

    def _taken(
        self, entries: list[tuple[bytes, LayerEntry]], start: int, end: int
    ) -> tuple[LayerEntry, ...]:
        if end - start > self._left:
            return ()
        self._left -= end - start
        return tuple(entry for _, entry in entries[start:end])

    def _sorted(self, layer: int) -> list[tuple[bytes, LayerEntry]]:
        if layer not in self._layers:
            found = {
                entry.path: entry
                for entry in self._image.layers[layer].entries
                if entry.path and PREFIX not in entry.path and not entry.is_past_end
            }
            self._layers[layer] = sorted(found.items())
        return self._layers[layer]


def _path(item: tuple[bytes, LayerEntry]) -> bytes:
    return item[0]
