"""What stands at a path: a node. Names of one file (hard links) share one node."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from imgforensics.layer.entry import LayerEntry
from imgforensics.tarstream.member import NOTHING, EntryKind

IMPLIED_DIRECTORY_MODE = 0o755


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A file, directory, link or device of a snapshot; compared by identity.

    An unchanged subtree is the same object in every snapshot and every diff skips it so.
    """

    entry: LayerEntry | None
    """The entry that brought it, and its content; None for a directory only implied by
    entries below it."""
    attributes: LayerEntry | None = None
    """A later hard-link entry whose header changed the attributes, as engines apply it."""
    children: Mapping[bytes, "Node"] | None = field(default=None, repr=False)
    """A directory's names; None for everything else."""

    def __repr__(self) -> str:
        brought = "that only what is below implies" if self.entry is None else f"by {self.entry!r}"
        return f"<Node: {self.kind} {brought}>"

    @property
    def kind(self) -> EntryKind:
        """What it is; `HARD_LINK` only for a link whose target no layer holds."""
        return self.entry.member.kind if self.entry else EntryKind.DIRECTORY

    @property
    def is_directory(self) -> bool:
        """Whether it has children, be they none."""
        return self.children is not None

    @property
    def header(self) -> LayerEntry | None:
        """The entry whose header gives mode, owner and time; None if only implied."""
        return self.attributes or self.entry

    @property
    def layer_index(self) -> int | None:
        """Index of the layer that brought the content."""
        return self.entry.layer_index if self.entry else None

    @property
    def inode(self) -> tuple[int, int] | None:
        """Layer index and ordinal of `header`: one for each file, the same under all its names.

        None for a directory only implied.
        """
        header = self.header
        return (header.layer_index, header.member.ordinal) if header else None

    @property
    def mode(self) -> int:
        """Permission bits with setuid, setgid and sticky."""
        return self.header.member.mode if self.header else IMPLIED_DIRECTORY_MODE

    @property
    def uid(self) -> int:
        """Owner's number."""
        return self.header.member.uid if self.header else 0

    @property
    def gid(self) -> int:
        """Group's number."""
        return self.header.member.gid if self.header else 0

    @property
    def mtime_ns(self) -> int:
        """Nanoseconds since the epoch; 0 for an implied directory."""
        return self.header.member.mtime_ns if self.header else 0

    @property
    def size(self) -> int:
        """Logical size of a file in bytes, length of a symbolic link's target, else 0."""
        if self.entry is None:
            return 0
        member = self.entry.member
        return len(member.link_name) if member.kind is EntryKind.SYMLINK else member.size

    @property
    def link_target(self) -> bytes:
        """A symbolic link's target as stored; empty for everything else."""
        return self.entry.member.link_name if self.entry else b""

    @property
    def device(self) -> tuple[int, int]:
        """Major and minor number of a device."""
        return self.entry.member.device if self.entry else (0, 0)

    @property
    def xattrs(self) -> Mapping[bytes, bytes]:
        """Extended attributes, name to raw value."""
        if self.entry is None:
            return NOTHING
        if self.attributes is None:
            return self.entry.member.xattrs
        return {**self.entry.member.xattrs, **self.attributes.member.xattrs}
