"""An immutable snapshot of the image's filesystem after one of its layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from imgforensics.filesystem.node import Node
from imgforensics.layer.entry import LayerEntry


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class FileTree:
    """The filesystem after layer `layer_index`; shares what did not change with the one before.

    Paths are `bytes`, relative to the root, empty for the root itself. Nothing here follows
    a symbolic link; :func:`~imgforensics.filesystem.resolve.resolve` does.
    """

    root: Node
    layer_index: int
    """Of the last layer applied; -1 for the empty filesystem below all layers."""
    own_names: int = 0
    """Names in directories that are not shared with the snapshot below: what this one costs."""
    linked: Mapping[bytes, LayerEntry | None] = field(default_factory=dict)
    """Paths at which the last layer's hard links made one of several names of a file, and each
    link's entry; paths at which they found one, and None."""

    def __repr__(self) -> str:
        names = len(self.root.children or ())
        return f"<FileTree after layer {self.layer_index}: {names} names in its root>"

    def get(self, path: bytes) -> Node | None:
        """What stands at exactly this path, or None."""
        node: Node | None = self.root
        if not path:
            return node
        for name in path.split(b"/"):
            if node is None or node.children is None:
                return None
            node = node.children.get(name)
        return node

    def __contains__(self, path: bytes) -> bool:
        return self.get(path) is not None

    def walk(self) -> Iterator[tuple[bytes, Node]]:
        """Every path and its node: parents first, names in byte order, the root first of all."""
        return walk(b"", self.root)


def walk(path: bytes, node: Node) -> Iterator[tuple[bytes, Node]]:
    """`node`, said to stand at `path`, and all below it: parents first, names in byte order."""
    pending = [(path, node)]
    while pending:
        path, node = pending.pop()
        yield path, node
        if node.children:
            prefix = path + b"/" if path else b""
            pending.extend(
                (prefix + name, node.children[name]) for name in sorted(node.children, reverse=True)
            )


EMPTY_TREE = FileTree(Node(None, None, {}), -1)
"""What every image starts from."""
