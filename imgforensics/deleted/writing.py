"""`extract_deleted`: deleted versions as files, in a folder for each layer that holds some."""

import os
from collections.abc import Iterator

from imgforensics.deleted.finding import DeletedFile, deleted_files
from imgforensics.extraction import EVERYTHING, ExtractionRecord, Selection, extract_trees
from imgforensics.extraction.record import Form
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.problems import Problem


def extract_deleted(
    image: Image,
    output: str | os.PathLike[str],
    *,
    selection: Selection = EVERYTHING,
    special: bool = False,
    force: bool = False,
) -> ExtractionRecord:
    """Write every deleted version to `output/layer-NNN/PATH`, NNN being the layer that holds it.

    Directories above it have the attributes that they had there. Of several versions that one
    layer holds at one path, all but the one that its snapshot shows have `~` and the number of
    their entry behind their name. A layer that reaches a limit is left out, and the result is not
    complete. All else is as in :func:`~imgforensics.extract`.
    """
    trees: dict[int, _Sapling] = {}
    problems: list[Problem] = []
    for deleted in deleted_files(image, selected=selection.matcher(), problems=problems):
        index = deleted.layer.index
        trees.setdefault(index, _Sapling(image, index)).add(deleted)
    grown = {index: tree.grown() for index, tree in trees.items()}
    return extract_trees(
        image,
        output,
        grown,
        Form.DELETED,
        problems,
        selection=selection,
        special=special,
        force=force,
    )


class _Sapling:
    """A tree of one layer's deleted versions, while they are put together."""

    def __init__(self, image: Image, index: int) -> None:
        self._index = index
        is_known = all(layer.is_scanned for layer in image.layers[: index + 1])
        self._snapshot = image.filesystem_at(index) if is_known else None
        self._nodes: dict[bytes, Node] = {}
        self._directories: set[bytes] = {b""}
        self._late: list[DeletedFile] = []

    def add(self, deleted: DeletedFile) -> None:
        """Take one in; what was never shown has to give way, and waits."""
        if deleted.version.is_applied:
            self._put(deleted.path, deleted.version.node)
        else:
            self._late.append(deleted)

    def grown(self) -> FileTree:
        """The tree, with the directories that lead to what is in it."""
        for deleted in self._late:
            self._put(self._free_path(deleted), deleted.version.node)
        children: dict[bytes, dict[bytes, Node]] = {path: {} for path in self._directories}
        for path, node in self._nodes.items():
            if path not in self._directories:
                parent, _, name = path.rpartition(b"/")
                children[parent][name] = node
        for path in sorted(self._directories, key=len, reverse=True):
            if path:
                parent, _, name = path.rpartition(b"/")
                children[parent][name] = self._directory(path, children[path])
        return FileTree(self._directory(b"", children[b""]), self._index)

    def _put(self, path: bytes, node: Node) -> None:
        self._nodes[path] = node
        if node.is_directory:
            self._directories.add(path)
        for parent in _parents(path):
            if parent in self._directories:
                break
            self._directories.add(parent)

    def _free_path(self, deleted: DeletedFile) -> bytes:
        """A path at which nothing stands, and below which nothing does, near the version's own."""
        entry = deleted.version.node.entry
        mark = b"~%d" % (0 if entry is None else entry.member.ordinal)
        path = deleted.path or b"~"
        for parent in reversed(list(_parents(path))):
            if parent in self._nodes and parent not in self._directories:
                path = parent + mark + path[len(parent) :]
                break
        while path in self._nodes or path in self._directories:
            path += mark
        return path

    def _directory(self, path: bytes, children: dict[bytes, Node]) -> Node:
        """With the attributes that it had in the layer's snapshot, where that is known."""
        node = self._nodes.get(path)
        if node is None and self._snapshot is not None:
            node = self._snapshot.get(path)
        if node is None or not node.is_directory:
            return Node(None, None, children)
        return Node(node.entry, node.attributes, children)


def _parents(path: bytes) -> Iterator[bytes]:
    """Directories above a path, the nearest first, without the root."""
    while path := path.rpartition(b"/")[0]:
        yield path
