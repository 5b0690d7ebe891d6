"""Follow a path through a snapshot, links and all, never out of the image's root."""

from dataclasses import dataclass

from imgforensics.errors import PathNotADirectoryError, PathNotFoundError, SymlinkLoopError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind

MAXIMUM_LINKS = 40
"""Symbolic links followed in one lookup, as Linux does (path_resolution(7))."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One symbolic link on the way."""

    path: bytes
    """Where the link stands."""
    target: bytes
    """What it says, as stored."""


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a lookup answers."""

    requested: bytes
    """The path asked for, relative to the root."""
    path: bytes
    """Where the node stands: no link on the way, nor at its end unless asked for."""
    node: Node
    hops: tuple[Hop, ...]
    """Every link followed, in order."""


def resolve(tree: FileTree, path: bytes, *, follow: bool = True) -> Resolution:
    """Look `path` up as the kernel would with the image's root as its root.

    `..` above the root stays there. With `follow` false, a link at the very end is the
    answer itself. Raises `PathNotFoundError`, `PathNotADirectoryError`, `SymlinkLoopError`.
    """
    walk = _Walk(tree, path)
    while walk.remaining:
        name = walk.remaining.pop()
        if name == b"..":
            walk.ascend()
        elif name not in (b"", b"."):
            walk.descend(name, follow=follow or bool(walk.remaining))
        walk.check_slash()
    return Resolution(path, walk.path, walk.node, tuple(walk.hops))


class _Walk:
    """A lookup under way: the names and nodes from the root to here, and what remains."""

    def __init__(self, tree: FileTree, path: bytes) -> None:
        self._requested = path
        self._trail: list[tuple[bytes, Node]] = [(b"", tree.root)]
        self.remaining = path.split(b"/")[::-1]
        self.hops: list[Hop] = []

    @property
    def path(self) -> bytes:
        return b"/".join(name for name, _ in self._trail[1:])

    @property
    def node(self) -> Node:
        return self._trail[-1][1]

    def ascend(self) -> None:
        del self._trail[max(1, len(self._trail) - 1) :]

    def descend(self, name: bytes, *, follow: bool) -> None:
        """Go to a name of the directory that is here, or begin to follow it."""
        children = self.node.children or {}
        if name not in children:
            raise PathNotFoundError(self._shown)
        node = children[name]
        if node.kind is EntryKind.SYMLINK and follow:
            self._follow(name, node.link_target)
        else:
            self._trail.append((name, node))

    def check_slash(self) -> None:
        """Whatever is followed by a slash is a directory."""
        if self.remaining and not self.node.is_directory:
            raise PathNotADirectoryError(self._shown)

    def _follow(self, name: bytes, target: bytes) -> None:
        self.hops.append(Hop(b"/".join((self.path, name)).lstrip(b"/"), target))
        if len(self.hops) > MAXIMUM_LINKS:
            raise SymlinkLoopError(self._shown)
        if target.startswith(b"/"):
            del self._trail[1:]
        self.remaining.extend(target.split(b"/")[::-1])

    @property
    def _shown(self) -> str:
        return display(b"/" + self._requested)
