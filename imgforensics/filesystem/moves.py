"""Files that one layer took from one path to another: identical content shows it."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from imgforensics.filesystem.changes import ended_nodes, new_nodes
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree, walk
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind

HashOf = Callable[[LayerEntry], bytes]
"""A content's digest."""

_MOST_COMPARED = 64
"""Contents of one size that are read for one answer; those with the same name come first."""


def came_from(path: bytes, below: FileTree, above: FileTree, hash_of: HashOf) -> tuple[bytes, ...]:
    """Where content that a layer put at `path` stood below it, if the layer removed it there."""
    node = above.get(path)
    gone = ((e.path, e.node) for e in ended_nodes(below, above) if e.successor is None)
    return () if node is None else _places(path, node, gone, hash_of)


def went_to(path: bytes, below: FileTree, above: FileTree, hash_of: HashOf) -> tuple[bytes, ...]:
    """Where content that a layer removed from `path` stands now, if the layer put it there."""
    node = below.get(path)
    come = ((at, new) for at, new in new_nodes(below, above) if below.get(at) is None)
    return () if node is None else _places(path, node, come, hash_of)


def _places(
    path: bytes, node: Node, others: Iterable[tuple[bytes, Node]], hash_of: HashOf
) -> tuple[bytes, ...]:
    if node.is_directory:
        return _places_of_directory(path, node, list(others), hash_of)
    if node.entry is None or node.kind is not EntryKind.FILE or not node.size:
        return ()
    alike = [(at, other) for at, other in others if _is_alike(node, other)]
    name = path.rpartition(b"/")[2]
    # Those of another name in the order of their layer, which is read forward.
    alike.sort(key=lambda place: (place[0].rpartition(b"/")[2] != name, place[1].inode or (0, 0)))
    return tuple(
        at
        for at, other in islice(alike, _MOST_COMPARED)
        if other.entry is not None
        and (other.entry is node.entry or hash_of(other.entry) == hash_of(node.entry))
    )


def _is_alike(node: Node, other: Node) -> bool:
    return other.kind is EntryKind.FILE and other.size == node.size and other is not node


def _places_of_directory(
    path: bytes, node: Node, others: list[tuple[bytes, Node]], hash_of: HashOf
) -> tuple[bytes, ...]:
    """Where the first file below it that has content went, with the same path from there on."""
    for below, file in _files(path, node):
        ending = below[len(path) :]
        found = [
            at.removesuffix(ending)
            for at in _places(below, file, others, hash_of)
            if at.endswith(ending)
        ]
        return tuple(found)
    return ()


def _files(path: bytes, node: Node) -> Iterator[tuple[bytes, Node]]:
    for below, file in walk(path, node):
        if file.kind is EntryKind.FILE and file.size:
            yield below, file
