"""The names of an archive: the last of duplicates, and where its links lead."""

import posixpath
from collections.abc import Iterator
from typing import Generic, TypeVar

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode, ProblemLog, display
from imgforensics.sources.base import decode_name, normalise
from imgforensics.tarstream.member import (
    EXTENT_BYTES,
    ORDINARY_NAME_BYTES,
    EntryKind,
    TarMember,
)

T = TypeVar("T")
_MAXIMUM_HOPS = 40
"""Links followed for one name, as many as the kernel follows."""


class Members(Generic[T]):
    """Name to content, of whatever form `T` the source keeps; links lead to another name."""

    def __init__(self, log: ProblemLog, limits: Limits) -> None:
        self._log = log
        self._limits = limits
        self._contents: dict[str, T] = {}
        self._links: dict[str, str] = {}
        self._count = 0
        self._bytes = 0

    def count(self, member: TarMember) -> None:
        """Count one member of any kind.

        Raises `LimitExceededError` past `archive_members`, and past `entry_bytes` for long
        names and sparse maps.
        """
        self._count += 1
        if self._count > self._limits.archive_members:
            raise LimitExceededError(
                "archive_members",
                self._limits.archive_members,
                f"the archive has over {self._limits.archive_members} members",
            )
        self._weigh(member)

    def _weigh(self, member: TarMember) -> None:
        names = len(member.name) + len(member.link_name)
        if names > ORDINARY_NAME_BYTES:
            self._bytes += names
        if member.extents is not None:
            self._bytes += EXTENT_BYTES * len(member.extents)
        if self._bytes > self._limits.entry_bytes:
            detail = f"names and sparse maps of the archive's members take {self._bytes} bytes"
            raise LimitExceededError("entry_bytes", self._limits.entry_bytes, detail)

    def add(self, member: TarMember, content: T) -> None:
        """Keep a file's content under its name."""
        name = self._claim(member)
        self._contents[name] = content

    def add_link(self, member: TarMember) -> None:
        """Keep a symbolic link (relative to its directory) or a hard link (to the top)."""
        name, target = self._claim(member), decode_name(member.link_name)
        if member.kind is EntryKind.SYMLINK and not target.startswith("/"):
            target = posixpath.join(posixpath.dirname(name), target)
        self._links[name] = normalise(target)

    def find(self, name: str) -> T | None:
        """The content that a name leads to, if any."""
        name = normalise(name)
        for _ in range(_MAXIMUM_HOPS):
            if name in self._contents:
                return self._contents[name]
            if name not in self._links:
                return None
            name = self._links[name]
        return None

    def report_broken_links(self) -> None:
        """Report each link that leads to no content: to be called when all members are known."""
        for name, target in self._links.items():
            if self.find(name) is None:
                self._log.report(
                    ProblemCode.MEMBER_LINK_BROKEN,
                    f"leads to {display(target.encode('utf-8', 'surrogateescape'))}, "
                    "which is no file of the archive",
                    action="its content is absent",
                    path=name.encode("utf-8", "surrogateescape"),
                )

    def __iter__(self) -> Iterator[str]:
        yield from self._contents
        yield from self._links

    def _claim(self, member: TarMember) -> str:
        """The member's name, taken from whichever earlier member had it."""
        name = normalise(decode_name(member.name))
        if name in self._contents or name in self._links:
            self._contents.pop(name, None)
            self._links.pop(name, None)
            self._log.report(
                ProblemCode.MEMBER_DUPLICATED,
                "the archive holds this name more than once",
                action="the last one counts",
                path=member.name,
                offset=member.header_offset,
            )
        return name
