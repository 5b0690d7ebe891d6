"""Two filesystems, compared: every path that differs, and in what.

Paths are paired first, by attributes alone. What then remains in doubt is read, each layer once:
files of one size that are not known to be the same, and whatever may have been moved.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from imgforensics.comparison.attributes import Attribute, differing_attributes
from imgforensics.comparison.changes import FileChange, Verdict
from imgforensics.comparison.contents import ContentDiffs
from imgforensics.comparison.hard_links import Names, linked_names
from imgforensics.comparison.moves import (
    Move,
    same_content,
    similar_content,
    worth_comparing,
)
from imgforensics.comparison.pairs import Pair, differing_pairs
from imgforensics.comparison.reading import Reading
from imgforensics.comparison.rules import EVERYTHING, Ignored, Rule, ignored_attributes
from imgforensics.comparison.sides import Progress, Side
from imgforensics.filesystem.node import Node
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import Problem
from imgforensics.tarstream.member import EntryKind


@dataclass(frozen=True, slots=True)
class Options:
    """What a comparison is asked for beyond the plain differences."""

    rules: tuple[Rule, ...] = ()
    """What is noise."""
    content: tuple[str, ...] = ()
    """Patterns, as those of rules: for these files, how their contents differ."""
    decompress: bool = False
    """Whether contents are compared inside of compressed files and zips."""
    spool_directory: Path | None = None
    """Where a temporary copy of contents goes; the system's temporary directory if None."""


class FilesCompared(NamedTuple):
    """All changes in byte order of their paths, and what came up on the way."""

    changes: tuple[FileChange, ...]
    ignored: int
    """Paths whose differences the rules ignore, all of them."""
    problems: tuple[Problem, ...]


def compare_files(
    before: Side, after: Side, shared: int, options: Options, progress: Progress | None = None
) -> FilesCompared:
    """Compare two sides, whose lowest `shared` layers are the same."""
    ignored = ignored_attributes(options.rules)
    with Reading(before, after, shared, options.spool_directory) as reading:
        contents = ContentDiffs(options.content, reading, decompress=options.decompress)
        comparison = _Comparison(before, after, ignored, reading, contents)
        comparison.pair_up()
        comparison.link_up()
        comparison.read(progress)
        comparison.resolve()
        comparison.find_moves()
        changes = tuple(comparison.changes())
        return FilesCompared(changes, comparison.ignored, tuple(reading.problems))


@dataclass(slots=True)
class _Draft:
    """A change as far as it is known."""

    path: bytes
    before: Node | None
    after: Node | None
    verdict: Verdict
    attributes: set[Attribute]
    in_doubt: bool = False
    """Whether only the contents tell if they differ."""
    doubt: str = ""
    moved_from: bytes | None = None
    similarity: int | None = None


class _Comparison:
    """One comparison under way."""

    def __init__(
        self,
        before: Side,
        after: Side,
        ignored: Ignored,
        reading: Reading,
        contents: ContentDiffs,
    ) -> None:
        self._before = before
        self._after = after
        self._ignored_at = ignored
        self._reading = reading
        self._contents = contents
        self._drafts: dict[bytes, _Draft] = {}
        self._names_before: Mapping[bytes, Names] = {}
        self._names_after: Mapping[bytes, Names] = {}
        self.ignored = 0

    # What metadata tell.

    def pair_up(self) -> None:
        """Draft a change for every path that differs, or may."""
        before, after = self._before.tree, self._after.tree
        in_doubt = bool(self._before.doubt() or self._after.doubt())
        for pair in differing_pairs(before.root, after.root, shared_too=in_doubt):
            draft = self._draft(pair)
            if draft is None:
                continue
            if self._ignored_at(pair.path) >= EVERYTHING:
                self.ignored += not draft.in_doubt
            else:
                self._drafts[pair.path] = draft

    def _draft(self, pair: Pair) -> _Draft | None:
        path, before, after = pair
        doubt = self._doubt(path, before, after)
        if doubt:
            return _Draft(path, before, after, Verdict.UNKNOWN, set(), doubt=doubt)
        if before is None or after is None:
            verdict = Verdict.ADDED if before is None else Verdict.REMOVED
            return _Draft(path, before, after, verdict, set())
        attributes = set(differing_attributes(before, after))
        in_doubt = Attribute.CONTENT not in attributes and self._may_differ(before, after)
        if not attributes and not in_doubt:
            return None
        return _Draft(path, before, after, Verdict.CHANGED, attributes, in_doubt)

    def _doubt(self, path: bytes, before: Node | None, after: Node | None) -> str:
        for side, node in ((self._before, before), (self._after, after)):
            if not side.is_known(path, node):
                return side.doubt()
        return ""

    def _may_differ(self, before: Node, after: Node) -> bool:
        """Whether two files of one size have to be read to know."""
        if before.entry is after.entry or not before.size:
            return False
        if before.kind is not EntryKind.FILE or after.kind is not EntryKind.FILE:
            return False
        origin = self._before.origin(before)
        return origin is None or origin != self._after.origin(after)

    def link_up(self) -> None:
        """Draft a change for every file that has other names than before."""
        self._names_before, self._names_after = linked_names(self._before, self._after)
        for path in sorted(self._names_before.keys() | self._names_after.keys()):
            if self._names_before.get(path) is self._names_after.get(path):
                continue
            draft = self._drafts.get(path) or self._draft_of_links(path)
            if draft is not None and draft.verdict is Verdict.CHANGED:
                draft.attributes.add(Attribute.HARD_LINKS)
                self._drafts[path] = draft

    def _draft_of_links(self, path: bytes) -> _Draft | None:
        before, after = self._before.tree.get(path), self._after.tree.get(path)
        if before is None or after is None or self._ignored_at(path) >= EVERYTHING:
            return None
        return _Draft(path, before, after, Verdict.CHANGED, set())

    # What contents tell.

    def read(self, progress: Progress | None) -> None:
        """Read all contents that the rest needs."""
        for draft in self._drafts.values():
            if draft.in_doubt and Attribute.CONTENT not in self._ignored_at(draft.path):
                self._want(draft.before, draft.after)
            keep = self._contents.is_wanted(draft.path, draft.before, draft.after)
            if keep is not None and draft.verdict is not Verdict.UNKNOWN:
                self._want(draft.before, draft.after, keep=keep)
        self._want_moves()
        self._reading.read(progress)

    def _want(self, before: Node | None, after: Node | None, *, keep: bool = False) -> None:
        for node, of_after in ((before, False), (after, True)):
            if node is not None and node.entry is not None and node.kind is EntryKind.FILE:
                self._reading.want(node.entry, of_after=of_after, keep=keep)

    def _want_moves(self) -> None:
        removed, added = self._files(Verdict.REMOVED), self._files(Verdict.ADDED)
        sizes = {node.size for node in removed.values()} & {node.size for node in added.values()}
        similar = worth_comparing(
            [(path, node.size) for path, node in removed.items()],
            [(path, node.size) for path, node in added.items()],
        )
        for files, of_after in ((removed, False), (added, True)):
            for path, node in files.items():
                entry = node.entry
                if entry is not None and (node.size in sizes or path in similar):
                    self._reading.want(entry, of_after=of_after, keep=path in similar)

    def _files(self, verdict: Verdict) -> dict[bytes, Node]:
        """Files with content that were added, or removed."""
        drafts = (draft for draft in self._drafts.values() if draft.verdict is verdict)
        nodes = ((draft.path, draft.after or draft.before) for draft in drafts)
        return {
            path: node
            for path, node in nodes
            if node is not None and node.kind is EntryKind.FILE and node.size
        }

    def resolve(self) -> None:
        """Decide what was in doubt."""
        for draft in self._drafts.values():
            if draft.in_doubt and Attribute.CONTENT not in self._ignored_at(draft.path):
                self._resolve(draft)

    def _resolve(self, draft: _Draft) -> None:
        before = self._reading.facts(_entry(draft.before))
        after = self._reading.facts(_entry(draft.after))
        if before is None or after is None:
            side = self._before if before is None else self._after
            draft.verdict = Verdict.UNKNOWN
            draft.doubt = f"its content could not be read in {side.name}"
        elif before.sha256 != after.sha256:
            is_code = before.code_sha256 is not None
            is_same_code = is_code and before.code_sha256 == after.code_sha256
            draft.attributes.add(Attribute.PYC_HEADER if is_same_code else Attribute.CONTENT)

    # What was moved.

    def find_moves(self) -> None:
        """Make one change of each removal and addition that belong together."""
        for move in same_content(*(self._hashed(v) for v in (Verdict.REMOVED, Verdict.ADDED))):
            self._move(move)
        removed, added = self._files(Verdict.REMOVED), self._files(Verdict.ADDED)
        nodes = {**removed, **added}

        def content(path: bytes) -> bytes | None:
            return self._reading.content(_entry(nodes[path]))

        for move in similar_content(sorted(removed), sorted(added), content):
            self._move(move)

    def _hashed(self, verdict: Verdict) -> Iterator[tuple[bytes, str]]:
        for path, node in self._files(verdict).items():
            facts = self._reading.facts(_entry(node))
            if facts is not None:
                yield path, facts.sha256

    def _move(self, move: Move) -> None:
        before, draft = self._drafts.pop(move.before).before, self._drafts[move.after]
        draft.verdict = Verdict.MOVED
        draft.before = before
        draft.moved_from = move.before
        draft.similarity = move.similarity
        if before is not None and draft.after is not None:
            draft.attributes = set(differing_attributes(before, draft.after))
        if move.similarity < 100:
            draft.attributes.add(Attribute.CONTENT)

    # What is told.

    def changes(self) -> Iterator[FileChange]:
        """All drafts that are changes, less what the rules ignore."""
        for path, draft in sorted(self._drafts.items()):
            noticed = draft.attributes - self._ignored_at(path)
            if draft.verdict is Verdict.CHANGED and not noticed:
                self.ignored += bool(draft.attributes)
            else:
                yield self._change(draft, noticed)

    def _change(self, draft: _Draft, noticed: set[Attribute]) -> FileChange:
        path_before = draft.path if draft.moved_from is None else draft.moved_from
        before = self._reading.facts(_entry(draft.before))
        after = self._reading.facts(_entry(draft.after))
        change = FileChange(
            path=draft.path,
            verdict=draft.verdict,
            before=draft.before,
            after=draft.after,
            attributes=tuple(attribute for attribute in Attribute if attribute in noticed),
            moved_from=draft.moved_from,
            similarity=draft.similarity,
            sha256_before=before.sha256 if before else None,
            sha256_after=after.sha256 if after else None,
            names_before=self._names_before.get(path_before, ()) if draft.before else (),
            names_after=self._names_after.get(draft.path, ()) if draft.after else (),
            doubt=draft.doubt,
        )
        return self._contents.described(change)


def _entry(node: Node | None) -> LayerEntry | None:
    return None if node is None else node.entry
