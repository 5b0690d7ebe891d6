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
    trail: list[tuple[bytes, Node]] = [(b"", tree.root)]
    remaining = path.split(b"/")[::-1]
    hops: list[Hop] = []
    while remaining:
        name = remaining.pop()
        here = trail[-1][1]
        if here.children is None and (name or remaining or path.endswith(b"/")):
            raise PathNotADirectoryError(display(b"/" + path))
        if name in (b"", b"."):
            continue
        if name == b"..":
            del trail[max(1, len(trail) - 1) :]
            continue
        node = here.children.get(name) if here.children else None
        if node is None:
            raise PathNotFoundError(display(b"/" + path))
        is_last = not any(remaining)
        if node.kind is EntryKind.SYMLINK and (follow or not is_last):
            hops.append(Hop(_join(trail, name), node.link_target))
            if len(hops) > MAXIMUM_LINKS:
                raise SymlinkLoopError(display(b"/" + path))
            if node.link_target.startswith(b"/"):
                del trail[1:]
            remaining.extend(node.link_target.split(b"/")[::-1])
        else:
            trail.append((name, node))
    real = b"/".join(name for name, _ in trail[1:])
    return Resolution(path, real, trail[-1][1], tuple(hops))


def _join(trail: list[tuple[bytes, Node]], name: bytes) -> bytes:
    return b"/".join([*(part for part, _ in trail[1:]), name])
