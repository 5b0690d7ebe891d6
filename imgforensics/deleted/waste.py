"""Bytes that layers hold in vain, by two measures.

What dive calls efficiency goes by paths: of every path that layers name more than once, all
that they hold of it counts as wasted, and the score is the least of each path's sizes by all of
them. A whiteout counts as what it deletes if that is a directory, else as nothing. Source:
https://github.com/wagoodman/dive/blob/main/dive/filetree/efficiency.go

The other measure is the content that no container sees, each stored file once.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import walk
from imgforensics.filesystem.whiteout import WhiteoutKind, whiteout_of
from imgforensics.image import Image
from imgforensics.layer import EntryKind, Layer, LayerEntry


@dataclass(frozen=True, slots=True)
class LayerWaste:
    """What one layer, and so its instruction, contributes."""

    layer: Layer
    unseen_bytes: int
    """Content in it that no container sees."""
    wasted_bytes: int
    """dive's measure: sizes of what it holds at paths that layers name more than once."""


@dataclass(frozen=True, slots=True)
class Waste:
    """What an image holds in vain."""

    layers: tuple[LayerWaste, ...]
    """Every layer, the lowest first."""
    efficiency: float
    """dive's score, from 0 to 1; 1 for an image without content."""

    @property
    def unseen_bytes(self) -> int:
        """Content that no container sees."""
        return sum(layer.unseen_bytes for layer in self.layers)

    @property
    def wasted_bytes(self) -> int:
        """By dive's measure."""
        return sum(layer.wasted_bytes for layer in self.layers)

    def __repr__(self) -> str:
        return (
            f"<Waste: {self.unseen_bytes} bytes unseen, {self.wasted_bytes} wasted, "
            f"efficiency {self.efficiency:.4f}>"
        )


@dataclass(slots=True)
class _Path:
    """Sizes found at one path."""

    least: int
    total: int
    layers: list[tuple[int, int]]
    """Layer and size of each."""


def wasted_bytes(image: Image) -> Waste:
    """Add up what layers hold in vain.

    Raises `MissingBlobError` where a layer is absent: then nobody knows what is seen.
    """
    unseen = _unseen(image)
    paths: dict[bytes, _Path] = {}
    for layer in image.layers:
        for path, size in _sizes(image, layer):
            known = paths.get(path)
            if known is None:
                paths[path] = _Path(size, size, [(layer.index, size)])
            else:
                known.least = min(known.least, size)
                known.total += size
                known.layers.append((layer.index, size))
    wasted = [0] * len(image.layers)
    for known in paths.values():
        if len(known.layers) > 1:
            for index, size in known.layers:
                wasted[index] += size
    least, total = sum(p.least for p in paths.values()), sum(p.total for p in paths.values())
    layers = (LayerWaste(layer, unseen[layer.index], wasted[layer.index]) for layer in image.layers)
    return Waste(tuple(layers), least / total if total else 1.0)


def _sizes(image: Image, layer: Layer) -> Iterator[tuple[bytes, int]]:
    """Paths that have nothing below them in a layer, with their sizes."""
    entries: dict[bytes, LayerEntry] = {}
    parents: set[bytes] = set()
    whiteouts: set[bytes] = set()
    for entry in layer.entries:
        whiteout = whiteout_of(entry.path)
        if entry.is_past_end or (whiteout and whiteout.kind is not WhiteoutKind.PLAIN):
            continue
        path = whiteout.path if whiteout else entry.path
        if whiteout:
            whiteouts.add(path)
        entries[path] = entry
        parents.add(path.rpartition(b"/")[0])
    for path, entry in entries.items():
        if path in whiteouts:
            yield path, _size_of_tree(image.filesystem_at(layer.index - 1).get(path), path)
        elif path not in parents:
            yield path, entry.size


def _size_of_tree(node: Node | None, path: bytes) -> int:
    """Of all that a whiteout of a directory deletes; that of a file counts as nothing."""
    if node is None or not node.is_directory:
        return 0
    return sum(_own_size(below, node) for below, node in walk(path, node))


def _own_size(path: bytes, node: Node) -> int:
    """Of a file under the name that has the content: other names' entries have no size."""
    entry = node.entry
    return entry.size if entry is not None and entry.path == path else 0


def _unseen(image: Image) -> list[int]:
    """Stored files' sizes, by layer, of which the final filesystem shows no name."""
    image.scan_layers()
    shown = {id(node.entry) for _, node in image.filesystem.walk()}
    unseen = [0] * len(image.layers)
    for entry in image.entries:
        if entry.kind is EntryKind.FILE and id(entry) not in shown:
            unseen[entry.layer_index] += entry.size
    return unseen
