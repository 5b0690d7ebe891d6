"""Where paths lead in a layer that is unpacked by itself, as far as it has been by now."""

from typing import Union

from imgforensics.filesystem.resolve import MAXIMUM_LINKS
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.tarstream.member import EntryKind

_Standing = Union[bytes, "_Names", None]
"""A symbolic link's target, a directory, or None for everything else."""
_Names = dict[bytes, _Standing]
"""What stands in a directory."""
_Trail = list[tuple[bytes, _Names | None]]
_MAXIMUM_LINKED_NAMES = 1_024
_NOTHING: _Names = {}


class OwnLinks:
    """Grows with the entries of a layer, in their order; lower layers' are not known."""

    def __init__(self) -> None:
        self._root: _Names = {}

    def note(self, entry: LayerEntry) -> None:
        """Take in the next entry of the layer."""
        parent, _, name = entry.path.rpartition(b"/")
        trail = self._walk(parent)
        standing = self._standing(entry)
        if trail is None or not name or standing is _NOTHING:
            return
        names = self._root
        for above, _ in trail[1:]:
            below = names.setdefault(above, {})
            if not isinstance(below, dict):
                return
            names = below
        if not (isinstance(standing, dict) and isinstance(names.get(name), dict)):
            names[name] = standing

    def _standing(self, entry: LayerEntry) -> _Standing:
        """What an entry lets stand at its path; `_NOTHING` for a link whose target is not here."""
        if entry.kind is EntryKind.SYMLINK:
            return entry.link_name
        if entry.kind is EntryKind.DIRECTORY:
            return {}
        if entry.kind is not EntryKind.HARD_LINK:
            return None
        parent, _, name = normalise_path(entry.link_name).rpartition(b"/")
        trail = self._walk(parent)
        names = None if trail is None else trail[-1][1]
        target = _NOTHING if names is None else names.get(name, _NOTHING)
        return _NOTHING if isinstance(target, dict) else target

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
