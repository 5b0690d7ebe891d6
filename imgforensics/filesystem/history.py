"""What happened to one path, layer by layer: derived from the snapshots, stored nowhere."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import BinaryIO

from imgforensics.filesystem.deletions import sort_entries
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.filesystem.whiteout import Whiteout, WhiteoutKind
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.layer import Layer
from imgforensics.tarstream.member import EntryKind


class Change(StrEnum):
    """What a layer did to a path."""

    ADDED = "added"
    REMOVED = "removed"
    TYPE = "type"
    """Something of another type took its place."""
    CONTENT = "content"
    """Content or link target differs (attributes may, too)."""
    METADATA = "metadata"
    """Same content; mode, owner, time, xattrs or device numbers differ."""
    REWRITTEN = "rewritten"
    """The layer holds it again, the same to the last attribute."""


class Cause(StrEnum):
    """How the layer did it."""

    ENTRY = "entry"
    """An entry of this very path."""
    HARD_LINK = "hard-link"
    """A hard link of another name: its header changed the file, under all its names."""
    SYMLINK_PARENT = "symlink-parent"
    """An entry of another path, which a symbolic link of the same layer leads here."""
    IMPLIED = "implied"
    """A directory that only entries below it imply."""
    WHITEOUT = "whiteout"
    """A whiteout of the path."""
    PARENT_WHITEOUT = "parent-whiteout"
    """A whiteout of a directory above it."""
    OPAQUE = "opaque"
    """An opaque marker in a directory above it."""
    REPLACED_PARENT = "replaced-parent"
    """Something else took the place of a directory above it."""


@dataclass(frozen=True, slots=True)
class PathEvent:
    """One layer's effect on one path."""

    path: bytes
    layer: Layer
    change: Change
    cause: Cause
    entry: LayerEntry | None
    """The entry that did it; None where only entries below the path imply it, or where an
    entry of another path replaced a directory above it."""
    before: Node | None
    after: Node | None

    @property
    def created_by(self) -> str | None:
        """The layer's instruction."""
        return self.layer.created_by

    def __str__(self) -> str:
        instruction = f" ({self.created_by})" if self.created_by else ""
        return f"{self.change} by layer {self.layer.index}{instruction}"


_PIECE = 1 << 20

OpenContent = Callable[[LayerEntry], BinaryIO]


def path_events(
    path: bytes, trees: Iterable[FileTree], layers: Sequence[Layer], open_content: OpenContent
) -> tuple[PathEvent, ...]:
    """Every layer's effect on `path`, oldest first.

    `trees` are the snapshots in order, the empty one below all layers first. Contents
    are read only where sizes agree and entries differ; what that raises is raised here.
    """
    events = []
    for layer, (below, above) in zip(layers, pairwise(trees), strict=False):
        before, after = below.get(path), above.get(path)
        if before is after or (before and after and _only_children_differ(before, after)):
            continue
        change = _change(before, after, open_content)
        entries = [entry for entry in layer.entries if not entry.is_past_end]
        cause, entry = _cause(path, entries, after)
        events.append(PathEvent(path, layer, change, cause, entry, before, after))
    return tuple(events)


def _only_children_differ(before: Node, after: Node) -> bool:
    return (
        before.is_directory
        and after.is_directory
        and before.entry is after.entry
        and before.attributes is after.attributes
    )


def _change(before: Node | None, after: Node | None, open_content: OpenContent) -> Change:
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    if before.kind is not after.kind:
        return Change.TYPE
    if not _same_content(before, after, open_content):
        return Change.CONTENT
    return Change.REWRITTEN if _attributes(before) == _attributes(after) else Change.METADATA


def _attributes(node: Node) -> tuple[object, ...]:
    return (node.mode, node.uid, node.gid, node.mtime_ns, dict(node.xattrs), node.device)


def _same_content(before: Node, after: Node, open_content: OpenContent) -> bool:
    if before.entry is after.entry:
        return True
    if before.size != after.size or before.link_target != after.link_target:
        return False
    if not before.entry or not after.entry or before.kind is not EntryKind.FILE or not before.size:
        return True
    return _hash(before.entry, open_content) == _hash(after.entry, open_content)


def _hash(entry: LayerEntry, open_content: OpenContent) -> bytes:
    digest = hashlib.sha256()
    with open_content(entry) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return digest.digest()


def _cause(
    path: bytes, entries: Sequence[LayerEntry], after: Node | None
) -> tuple[Cause, LayerEntry | None]:
    if after is None:
        return _cause_of_removal(path, entries)
    if after.header is not None and after.header.path == path:
        return Cause.ENTRY, after.header
    for entry in reversed(entries):
        if entry.path == path:
            return Cause.ENTRY, entry
    if after.header is None:
        return Cause.IMPLIED, None
    is_linked = after.header.kind is EntryKind.HARD_LINK
    return Cause.HARD_LINK if is_linked else Cause.SYMLINK_PARENT, after.header


def _cause_of_removal(
    path: bytes, entries: Sequence[LayerEntry]
) -> tuple[Cause, LayerEntry | None]:
    parents = _parents(path)
    found: dict[Cause, LayerEntry] = {}
    deletions, additions = sort_entries(entries)
    for entry, whiteout in deletions:
        cause = _cause_by_whiteout(whiteout, path, parents)
        if cause is not None:
            found[cause] = entry
    for entry in additions:
        if entry.kind is not EntryKind.DIRECTORY and entry.path in parents:
            found[Cause.REPLACED_PARENT] = entry
    for cause in (Cause.WHITEOUT, Cause.PARENT_WHITEOUT, Cause.OPAQUE):
        if cause in found:
            return cause, found[cause]
    return Cause.REPLACED_PARENT, found.get(Cause.REPLACED_PARENT)


def _cause_by_whiteout(whiteout: Whiteout, path: bytes, parents: set[bytes]) -> Cause | None:
    if whiteout.kind is WhiteoutKind.OPAQUE:
        return Cause.OPAQUE if whiteout.path in parents else None
    if whiteout.kind is not WhiteoutKind.PLAIN:
        return None
    if whiteout.path == path:
        return Cause.WHITEOUT
    return Cause.PARENT_WHITEOUT if whiteout.path in parents else None


def _parents(path: bytes) -> set[bytes]:
    parents = {b""}
    while path := path.rpartition(b"/")[0]:
        parents.add(path)
    return parents
