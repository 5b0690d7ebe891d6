"""How the contents of changed files differ, for those that were asked for."""

from collections.abc import Sequence
from dataclasses import replace

from imgforensics.comparison.archives import LARGEST_ARCHIVE, compare_inside
from imgforensics.comparison.changes import FileChange, Verdict
from imgforensics.comparison.reading import Reading
from imgforensics.comparison.texts import LARGEST_TEXT, ContentDiff, Form, compare_contents
from imgforensics.extraction.selection import Selection
from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import EntryKind

_MOST_LINES_OF_DIFFS = 256 << 20
"""Bytes of hunks that are held; past them, files are named only."""


class ContentDiffs:
    """Chooses files by patterns, and compares their contents when they have been read."""

    def __init__(self, patterns: Sequence[str], reading: Reading, *, decompress: bool) -> None:
        self._matches = Selection(include=tuple(patterns)).matcher() if patterns else None
        self._reading = reading
        self._decompress = decompress
        self._left = _MOST_LINES_OF_DIFFS

    def is_wanted(self, path: bytes, before: Node | None, after: Node | None) -> bool | None:
        """None for what is not asked for; else whether its content is needed, and not only hashes.

        Contents that are too large to be compared are hashed.
        """
        if self._matches is None or not self._matches(path):
            return None
        most = LARGEST_ARCHIVE if self._decompress else LARGEST_TEXT
        return all(node is None or node.size <= most for node in (before, after))

    def described(self, change: FileChange) -> FileChange:
        """The change, with how its content differs where that was asked for."""
        if self._matches is None or not self._matches(change.path):
            return change
        if not change.has_other_content or change.verdict is Verdict.UNKNOWN:
            return change
        if EntryKind.FILE not in (_kind(change.before), _kind(change.after)):
            return change
        return replace(change, content=self._difference(change))

    def _difference(self, change: FileChange) -> ContentDiff:
        before, after = self._content(change.before), self._content(change.after)
        if before is None or after is None:
            sides = ((change.before, change.sha256_before), (change.after, change.sha256_after))
            return ContentDiff(Form.BINARY, note=" → ".join(_named(*side) for side in sides))
        difference = compare_inside(before, after) if self._decompress else None
        if difference is None:
            difference = compare_contents(before, after)
        self._left -= _weight(difference)
        if self._left < 0:
            return ContentDiff(difference.form, note="not shown: too much in all")
        return difference

    def _content(self, node: Node | None) -> bytes | None:
        """A file's bytes; none where there is no file, None where they were not read."""
        if _kind(node) is not EntryKind.FILE or node is None:
            return b""
        return self._reading.content(node.entry) if node.size else b""


def _named(node: Node | None, sha256: str | None) -> str:
    if node is None:
        return "nothing"
    return f"{node.size} bytes sha256:{sha256 or ' not read'}"


def _kind(node: Node | None) -> EntryKind | None:
    return None if node is None else node.kind


def _weight(difference: ContentDiff) -> int:
    own = sum(len(line) for hunk in difference.hunks for line in hunk.lines)
    return own + sum(map(_weight, difference.members))
