"""A snapshot in the making: the one below it, whose directories are copied when they change.

The snapshot below is never touched, and a directory that nothing changed stays the same
object in both. What entries mean stands in :mod:`imgforensics.filesystem.apply`.
"""

from collections.abc import Mapping
from typing import Final

from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import MAXIMUM_LINKS
from imgforensics.filesystem.rules import SymlinkParents
from imgforensics.filesystem.tree import FileTree
from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import EntryKind

Children = dict[bytes, Node]
Step = tuple[bytes, Mapping[bytes, Node] | None]
"""A name on the way, and the names below it; None where no directory stands (yet)."""

_MAXIMUM_LINKED_NAMES: Final = 1_024
"""Names in the targets of links that one lookup follows: each entry of a layer is a lookup."""


class BlockedError(Exception):
    """The layer itself put something that is no directory, or links without end, in the way."""


class WorkingTree:
    """The filesystem while one layer is applied to it."""

    def __init__(self, below: FileTree, symlink_parents: SymlinkParents) -> None:
        self._index = below.layer_index + 1
        self._symlink_parents = symlink_parents
        self._root = below.root
        # Children of directories that belong to the new snapshot alone, by identity; held
        # here so that an id is never used again.
        self._own: dict[int, Children] = {}
        # The same, by the paths that led to them lately.
        self._entered: dict[bytes, Children] = {}
        # Names that this layer's hard links gave to other entries' nodes.
        self._linked: dict[tuple[int, bytes], LayerEntry] = {}

    def snapshot(self) -> FileTree:
        """The filesystem as it now is; nothing is to be changed any more."""
        names = sum(len(children) for children in self._own.values())
        return FileTree(self._root, self._index, names)

    # Looking.

    def find(self, path: bytes) -> Node | None:
        """What stands at `path`; links are followed on the way, not at the end."""
        if not path:
            return self._root
        parent, _, name = path.rpartition(b"/")
        children = self.look(parent)
        return None if children is None else children.get(name)

    def look(self, path: bytes) -> Mapping[bytes, Node] | None:
        """Names in the directory that `path` leads to, not to be changed; None without one."""
        entered = self._entered.get(path)
        if entered is not None:
            return entered
        try:
            return self._walk(path)[-1][1]
        except BlockedError:
            return None

    def real_path(self, path: bytes) -> bytes:
        """The path that `path` leads to now, links followed on the way, not at the end."""
        parent, _, name = path.rpartition(b"/")
        try:
            names = [step[0] for step in self._walk(parent)[1:]]
        except BlockedError:
            return path
        return b"/".join([*names, name])

    def entry_at(self, path: bytes) -> LayerEntry | None:
        """The entry of the layer being applied that stands at `path`, if one does."""
        parent, _, name = path.rpartition(b"/")
        children = self.look(parent)
        return None if children is None else self.entry_in(children, name)

    def entry_in(self, children: Mapping[bytes, Node], name: bytes) -> LayerEntry | None:
        """The entry of the layer being applied that stands in a directory under `name`."""
        node = children.get(name)
        if node is None:
            return None
        if self._linked and (link := self._linked.get((id(children), name))):
            return link
        is_own = node.entry is not None and node.entry.layer_index == self._index
        return node.entry if is_own else None

    # Changing.

    def enter(self, path: bytes) -> Children:
        """Names in the directory that `path` leads to, free to change.

        Missing directories are implied, and so is one where a lower layer holds something
        else. Raises `BlockedError`; then nothing has changed.
        """
        children = self._entered.get(path)
        if children is None:
            trail = self._walk(path)
            children = self._own_root()
            for name, _ in trail[1:]:
                children = self._enter(children, name)
            self._entered[path] = children
        return children

    def put(self, children: Children, name: bytes, node: Node, entry: LayerEntry) -> None:
        """Let `node`, brought by `entry`, stand in an entered directory under `name`."""
        existing = children.get(name)
        if existing is not None:
            self._forget(existing, node)
            self._linked.pop((id(children), name), None)
        children[name] = node
        if node.entry is not entry:
            self._linked[id(children), name] = entry

    def put_root(self, entry: LayerEntry) -> None:
        """Give the root directory the attributes of `entry`."""
        self._root = Node(entry, None, self._root.children)

    def remove(self, path: bytes) -> None:
        """Delete what stands at `path`, and all below it."""
        if self.find(path) is not None:
            parent, _, name = path.rpartition(b"/")
            del self.enter(parent)[name]
            self._entered.clear()

    def empty(self, path: bytes) -> None:
        """Delete everything in the directory that `path` leads to."""
        if self.look(path):
            self.enter(path).clear()
            self._entered.clear()

    def new_children(self, like: Mapping[bytes, Node] | None = None) -> Children:
        """Names for a directory of the new snapshot alone, free to change."""
        children = dict(like or {})
        self._own[id(children)] = children
        return children

    def _forget(self, existing: Node, node: Node) -> None:
        """Paths that led through what is replaced lead elsewhere now."""
        merges = existing.children is not None and node.children is not None
        if not merges and (existing.is_directory or existing.kind is EntryKind.SYMLINK):
            self._entered.clear()

    def _enter(self, parent: Children, name: bytes) -> Children:
        node = parent.get(name)
        if node is None or node.children is None:
            children = self.new_children()
            parent[name] = Node(None, None, children)
            return children
        own = self._own.get(id(node.children))
        if own is None:
            own = self.new_children(node.children)
            parent[name] = Node(node.entry, node.attributes, own)
        return own

    def _own_root(self) -> Children:
        own = self._own.get(id(self._root.children))
        if own is None:
            own = self.new_children(self._root.children)
            self._root = Node(self._root.entry, self._root.attributes, own)
        return own

    # Walking.

    def _walk(self, path: bytes) -> list[Step]:
        """The way to a directory, be it there or not, from the root on, without links."""
        trail: list[Step] = [(b"", self._root.children)]
        remaining = path.split(b"/")[::-1]
        links = linked_names = 0
        while remaining:
            name = remaining.pop()
            if name == b"..":
                del trail[max(1, len(trail) - 1) :]
            elif name not in (b"", b"."):
                link = self._step(trail, name)
                if link is not None:
                    links += 1
                    linked_names += link.count(b"/") + 1
                    if links > MAXIMUM_LINKS or linked_names > _MAXIMUM_LINKED_NAMES:
                        raise BlockedError
                    remaining.extend(link.split(b"/")[::-1])
        return trail

    def _step(self, trail: list[Step], name: bytes) -> bytes | None:
        """Go on by one name; returns the target of a link, which is to be gone along instead."""
        here = trail[-1][1]
        node = None if here is None else here.get(name)
        if here is None or node is None or node.children is not None:
            trail.append((name, None if node is None else node.children))
            return None
        is_own = self.entry_in(here, name) is not None
        if node.kind is EntryKind.SYMLINK and self._follows(is_own=is_own):
            if b"\0" in node.link_target:
                raise BlockedError
            if node.link_target.startswith(b"/"):
                del trail[1:]
            return node.link_target
        if is_own:
            raise BlockedError
        trail.append((name, None))
        return None

    def _follows(self, *, is_own: bool) -> bool:
        if self._symlink_parents is SymlinkParents.SAME_LAYER:
            return is_own
        return self._symlink_parents is SymlinkParents.EVERY_LAYER
