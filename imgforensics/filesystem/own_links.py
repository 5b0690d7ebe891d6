"""The symbolic links and directories that a layer has made so far, and where paths lead."""

from typing import Union

from imgforensics.filesystem.resolve import MAXIMUM_LINKS
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.tarstream.member import EntryKind

_Names = dict[bytes, Union[bytes, "_Names"]]
"""What stands in a directory: a link's target, or a directory. Nothing else leads anywhere."""
_Trail = list[tuple[bytes, _Names | None]]
_MAXIMUM_LINKED_NAMES = 1_024


class OwnLinks:
    """Grows with the entries of a layer, in their order; lower layers' are not known."""

    def __init__(self) -> None:
        self._root: _Names = {}

    def note(self, entry: LayerEntry) -> None:
        """Take in the next entry of the layer."""
        trail = self._walk(entry.path.rpartition(b"/")[0])
        name = entry.path.rpartition(b"/")[2]
        if trail is None or not name:
            return
        names = self._root
        for parent, _ in trail[1:]:
            below = names.get(parent)
            if not isinstance(below, dict):
                below = names[parent] = {}
            names = below
        if entry.kind is EntryKind.SYMLINK:
            names[name] = entry.link_name
        elif entry.kind is EntryKind.HARD_LINK and (link := self._link_at(entry.link_name)):
            names[name] = link
        elif entry.kind is not EntryKind.DIRECTORY:
            names.pop(name, None)
        elif not isinstance(names.get(name), dict):
            names[name] = {}

    def _link_at(self, name: bytes) -> bytes | None:
        """The target of the symbolic link that stands at a path, if one does."""
        parent, _, last = normalise_path(name).rpartition(b"/")
        trail = self._walk(parent)
        names = None if trail is None else trail[-1][1]
        standing = None if names is None else names.get(last)
        return standing if isinstance(standing, bytes) else None

    def real_path(self, path: bytes, *, missing: bool) -> bytes | None:
        """Where `path` leads, links followed on the way, not at the end.

        None where they lead round in circles or, unless `missing`, to a directory that the
        layer has not made.
        """
        parent, _, name = path.rpartition(b"/")
        trail = self._walk(parent)
        if trail is None or (trail[-1][1] is None and not missing):
            return None
        return b"/".join([*(step[0] for step in trail[1:]), name])

    def _walk(self, directory: bytes) -> _Trail | None:
        trail: _Trail = [(b"", self._root)]
        remaining = directory.split(b"/")[::-1]
        links = linked_names = 0
        while remaining:
            target = _step(trail, remaining.pop())
            if target is not None:
                links += 1
                linked_names += target.count(b"/") + 1
                if links > MAXIMUM_LINKS or linked_names > _MAXIMUM_LINKED_NAMES:
                    return None
                remaining.extend(target.split(b"/")[::-1])
        return trail


def _step(trail: _Trail, name: bytes) -> bytes | None:
    """Go on by one name; returns the target of a link, which is to be gone along instead."""
    if name == b"..":
        del trail[max(1, len(trail) - 1) :]
    elif name not in (b"", b"."):
        here = trail[-1][1]
        below = None if here is None else here.get(name)
        if isinstance(below, bytes):
            if below.startswith(b"/"):
                del trail[1:]
            return below
        trail.append((name, below))
    return None
