"""What happened to one path, layer by layer: derived from the snapshots, stored nowhere."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import count, pairwise
from typing import BinaryIO

from imgforensics.errors import DamagedBlobError
from imgforensics.filesystem.deletions import sort_entries
from imgforensics.filesystem.moves import HashOf, came_from, went_to
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.filesystem.whiteout import Whiteout, WhiteoutKind
from imgforensics.layer.entry import LayerEntry, normalise_path
from imgforensics.layer.layer import Layer
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind


class Change(StrEnum):
    """What a layer did to a path."""

    ADDED = "added"
    READDED = "re-added"
    """It stood there before, in a lower layer, and was removed."""
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
    version: int | None = None
    """Number of what stands there now among all that stood there, from 0; None after a removal."""
    sha256: str | None = None
    """Of the content that stands there now, hexadecimal; None for what is no file, and where
    contents were not asked for or are lost."""
    moved: tuple[bytes, ...] = ()
    """Where the same content went, or came from, in the same layer: paths at which it stands
    after a removal, or stood before an addition. A directory goes by the first file in it."""

    @property
    def created_by(self) -> str | None:
        """The layer's instruction."""
        return self.layer.created_by

    @property
    def created(self) -> str | None:
        """When the layer was made, as the history says."""
        history = self.layer.record.history
        return history.created if history else None

    def __str__(self) -> str:
        instruction = f" ({display(self.created_by)})" if self.created_by else ""
        return f"{self.change} by layer {self.layer.index}{instruction}"

    def __repr__(self) -> str:
        return f"<PathEvent {display(b'/' + self.path)} {self}>"


OpenContent = Callable[[LayerEntry], BinaryIO]


def path_events(
    path: bytes,
    trees: Iterable[FileTree],
    layers: Sequence[Layer],
    open_content: OpenContent,
    *,
    contents: bool = True,
) -> tuple[PathEvent, ...]:
    """Every layer's effect on `path`, oldest first.

    `trees` are the snapshots in order, the empty one below all layers first. Without
    `contents`, they are read only where sizes agree and entries differ, and neither hashes nor
    moves are told. What reading them raises is raised here, where sizes agree.
    """
    events: list[PathEvent] = []
    versions = count()
    hash_of = _Hashes(open_content)
    for layer, (below, above) in zip(layers, pairwise(trees), strict=False):
        before, after = below.get(path), above.get(path)
        if before is after or (before and after and _only_children_differ(before, after)):
            continue
        change = _change(before, after, hash_of)
        if change is Change.ADDED and events:
            change = Change.READDED
        cause, entry = _cause(path, layer, above)
        version = None if after is None else next(versions)
        event = PathEvent(path, layer, change, cause, entry, before, after, version)
        events.append(_with_contents(event, below, above, hash_of) if contents else event)
    return tuple(events)


def followed(
    events: tuple[PathEvent, ...], events_of: Callable[[bytes], tuple[PathEvent, ...]]
) -> tuple[PathEvent, ...]:
    """The events of a file under its former names, ahead of those under its present one."""
    seen = {event.path for event in events}
    while events:
        first = events[0]
        name = _former_name(first)
        if name is None or name in seen:
            break
        seen.add(name)
        earlier = [e for e in events_of(name) if e.layer.index <= first.layer.index]
        events = (*earlier, *events)
    return events


def _former_name(event: PathEvent) -> bytes | None:
    """What a file was called before an event that gave it its name."""
    if event.before is not None:
        return None
    if event.entry is not None and event.entry.kind is EntryKind.HARD_LINK:
        return normalise_path(event.entry.link_name)
    return event.moved[0] if event.moved else None


def _with_contents(
    event: PathEvent, below: FileTree, above: FileTree, hash_of: HashOf
) -> PathEvent:
    """The event with what contents tell; nothing where they are lost."""
    try:
        return replace(
            event,
            sha256=_sha256(event.after, hash_of),
            moved=_moved(event, below, above, hash_of),
        )
    except DamagedBlobError:
        return event


def _sha256(node: Node | None, hash_of: HashOf) -> str | None:
    if node is None or node.entry is None or node.kind is not EntryKind.FILE:
        return None
    return hash_of(node.entry).hex()


def _moved(
    event: PathEvent, below: FileTree, above: FileTree, hash_of: HashOf
) -> tuple[bytes, ...]:
    if event.after is None:
        return went_to(event.path, below, above, hash_of)
    if event.before is None:
        return came_from(event.path, below, above, hash_of)
    return ()


def _only_children_differ(before: Node, after: Node) -> bool:
    return (
        before.is_directory
        and after.is_directory
        and before.entry is after.entry
        and before.attributes is after.attributes
    )


def _change(before: Node | None, after: Node | None, hash_of: HashOf) -> Change:
    if before is None:
        return Change.ADDED
    if after is None:
        return Change.REMOVED
    if before.kind is not after.kind:
        return Change.TYPE
    if not _same_content(before, after, hash_of):
        return Change.CONTENT
    return Change.REWRITTEN if _attributes(before) == _attributes(after) else Change.METADATA


def _attributes(node: Node) -> tuple[object, ...]:
    return (node.mode, node.uid, node.gid, node.mtime_ns, dict(node.xattrs), node.device)


def _same_content(before: Node, after: Node, hash_of: HashOf) -> bool:
    if before.entry is after.entry:
        return True
    if before.size != after.size or before.link_target != after.link_target:
        return False
    if not before.entry or not after.entry or before.kind is not EntryKind.FILE or not before.size:
        return True
    return hash_of(before.entry) == hash_of(after.entry)


class _Hashes:
    """Digests of contents, each read once."""

    def __init__(self, open_content: OpenContent) -> None:
        self._open = open_content
        self._known: dict[tuple[int, int], bytes] = {}

    def __call__(self, entry: LayerEntry) -> bytes:
        place = entry.layer_index, entry.member.ordinal
        if place not in self._known:
            with self._open(entry) as file:
                self._known[place] = hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]
        return self._known[place]


def _cause(path: bytes, layer: Layer, above: FileTree) -> tuple[Cause, LayerEntry | None]:
    after = above.get(path)
    entries = [entry for entry in layer.entries if not entry.is_past_end]
    if after is None:
        return _cause_of_removal(path, entries)
    header = after.header
    if header is not None and (header.path, header.layer_index) == (path, layer.index):
        return Cause.ENTRY, header
    for entry in reversed(entries):
        if entry.path == path:
            return Cause.ENTRY, entry
    link = above.linked.get(path)
    if link is not None:
        return Cause.SYMLINK_PARENT, link
    if header is None:
        return Cause.IMPLIED, None
    is_linked = header.kind is EntryKind.HARD_LINK
    return Cause.HARD_LINK if is_linked else Cause.SYMLINK_PARENT, header


def _cause_of_removal(
    path: bytes, entries: Sequence[LayerEntry]
) -> tuple[Cause, LayerEntry | None]:
    parents = _parents(path)
    found: dict[Cause, LayerEntry] = {}
    deletions, additions = sort_entries(entries)
    for entry, whiteout, _ in deletions:
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
