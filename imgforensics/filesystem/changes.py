"""What differs between two snapshots of one image; subtrees that they share are passed over."""

from collections.abc import Iterator
from typing import NamedTuple

from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree


class Ended(NamedTuple):
    """What a snapshot shows at a path, and a later one does not."""

    path: bytes
    node: Node
    successor: Node | None
    """What stands there instead."""
    is_hidden: bool
    """Whether something that is no directory took the place of a directory above it."""


def new_nodes(below: FileTree, above: FileTree) -> Iterator[tuple[bytes, Node]]:
    """What the upper of two snapshots shows that the lower one does not, by path."""
    pending: list[tuple[bytes, Node | None, Node]] = [(b"", below.root, above.root)]
    while pending:
        path, old, new = pending.pop()
        if old is new:
            continue
        if old is None or not is_same(old, new):
            yield path, new
        if new.children:
            prefix = path + b"/" if path else b""
            olds = old.children if old is not None and old.children else {}
            pending.extend(
                (prefix + name, olds.get(name), new.children[name])
                for name in sorted(new.children, reverse=True)
            )


def ended_nodes(below: FileTree, above: FileTree) -> Iterator[Ended]:
    """What the lower of two snapshots shows that the upper one does not, by path."""
    pending: list[Ended] = [Ended(b"", below.root, above.root, is_hidden=False)]
    while pending:
        ended = path, old, new, is_hidden = pending.pop()
        if old is new:
            continue
        if new is None or not is_same(old, new):
            yield ended
        if old.children:
            prefix = path + b"/" if path else b""
            news = new.children if new is not None and new.children else {}
            is_hidden = is_hidden or (new is not None and not new.is_directory)
            pending.extend(
                Ended(prefix + name, old.children[name], news.get(name), is_hidden)
                for name in sorted(old.children, reverse=True)
            )


def is_same(one: Node, other: Node) -> bool:
    """Whether two nodes are one version: the same entries, or directories with the same facts."""
    if one.entry is other.entry and one.attributes is other.attributes:
        return True
    return one.is_directory and other.is_directory and _facts(one) == _facts(other)


def _facts(node: Node) -> tuple[object, ...]:
    return node.mode, node.uid, node.gid, node.mtime_ns, dict(node.xattrs)
