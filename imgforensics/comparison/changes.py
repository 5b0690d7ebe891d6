"""What a comparison of two filesystems says: one value for each path that is not the same."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.texts import ContentDiff
from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import EntryKind


class Verdict(StrEnum):
    """What became of a path."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"
    """Removed at one path and added at another, with the same or similar content."""
    UNKNOWN = "unknown"
    """Damage leaves open whether anything differs."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path that differs, or may."""

    path: bytes
    """Where it is now; where it was, if it was removed. Relative to the root."""
    verdict: Verdict
    before: Node | None
    after: Node | None
    attributes: tuple[Attribute, ...] = ()
    """What differs, of a path that both have, and of what was moved."""
    moved_from: bytes | None = None
    similarity: int | None = None
    """Of what was moved: how much of the content is the same, in percent."""
    sha256_before: str | None = None
    """Of a file's content, where it had to be read."""
    sha256_after: str | None = None
    names_before: tuple[bytes, ...] = ()
    """All names of the file, where it has several."""
    names_after: tuple[bytes, ...] = ()
    content: ContentDiff | None = None
    """How the content differs, where that was asked for."""
    doubt: str = ""
    """Why it is unknown."""

    @property
    def node(self) -> Node:
        """What stands there now, or did."""
        node = self.after or self.before
        if node is None:
            raise ValueError("a change of nothing")
        return node

    @property
    def has_other_content(self) -> bool:
        """Whether bytes of a file came or went."""
        if self.verdict in (Verdict.ADDED, Verdict.REMOVED):
            return True
        return bool({Attribute.CONTENT, Attribute.TYPE, Attribute.PYC_HEADER} & {*self.attributes})

    @property
    def bytes_added(self) -> int:
        """Size of a file that is new or has other content; 0 for all but the first of its names."""
        return self._size(self.after, self.names_after)

    @property
    def bytes_removed(self) -> int:
        """Size of a file that is gone or had other content; 0 for all but the first name."""
        return self._size(self.before, self.names_before)

    def _size(self, node: Node | None, names: tuple[bytes, ...]) -> int:
        is_file = node is not None and node.kind is EntryKind.FILE
        counts = is_file and self.has_other_content and names[:1] in ((), (self.path,))
        return node.size if node is not None and counts else 0


@dataclass(slots=True)
class Totals:
    """How many changes, and bytes of files that came and went."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: int = 0
    unknown: int = 0
    bytes_added: int = 0
    bytes_removed: int = 0

    def count(self, change: FileChange) -> None:
        """Take one change in."""
        name = change.verdict.value
        setattr(self, name, getattr(self, name) + 1)
        self.bytes_added += change.bytes_added
        self.bytes_removed += change.bytes_removed

    def add(self, other: "Totals") -> None:
        """Take others in."""
        for name in fields(self):
            setattr(self, name.name, getattr(self, name.name) + getattr(other, name.name))

    @property
    def changes(self) -> int:
        """All changes."""
        return self.added + self.removed + self.changed + self.moved + self.unknown


def totals(changes: Iterable[FileChange]) -> Totals:
    """Of all changes together."""
    found = Totals()
    for change in changes:
        found.count(change)
    return found


def totals_by_directory(changes: Iterable[FileChange]) -> dict[bytes, Totals]:
    """For every directory with a change below it: all of them; the root's name is empty."""
    found: defaultdict[bytes, Totals] = defaultdict(Totals)
    for change in changes:
        found[change.path.rpartition(b"/")[0]].count(change)
    by_depth: defaultdict[int, set[bytes]] = defaultdict(set)
    for path in found:
        by_depth[_depth(path)].add(path)
    for depth in range(max(by_depth, default=0), 0, -1):
        for path in by_depth[depth]:
            parent = path.rpartition(b"/")[0]
            found[parent].add(found[path])
            by_depth[depth - 1].add(parent)
    return dict(sorted(found.items()))


def _depth(path: bytes) -> int:
    return path.count(b"/") + 1 if path else 0
