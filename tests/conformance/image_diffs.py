"""Diffs of two images, against programs that compare extracted trees.

    python -m tests.conformance.image_diffs OLD NEW [OLD NEW]...

extracts both images of each pair and holds our diff against `rsync -nai --checksum --delete`,
`diff -r` and, for every text that changed, `git diff --no-index`. Needs root for owners.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from imgforensics import ImageDiff, Node, diff, extract, open_image
from imgforensics.comparison import Attribute, FileChange, Form, Verdict
from imgforensics.layer import EntryKind
from tests.comparison.stating import FACTS
from tests.conformance.tree_facts import PathFacts, Tree

Told = dict[bytes, frozenset[str]]
"""What differs at each path; `added`, `removed`, or names of facts."""


def told_by_us(answer: ImageDiff) -> Told:
    """Our diff, a move taken for what it is made of; another type says nothing of the rest."""
    told: Told = {}
    for change in answer.files:
        path = b"/" + change.path
        if change.moved_from is not None:
            told[path] = frozenset({"added"})
            told[b"/" + change.moved_from] = frozenset({"removed"})
        elif change.verdict in (Verdict.ADDED, Verdict.REMOVED):
            told[path] = frozenset({change.verdict.value})
        elif Attribute.TYPE in change.attributes:
            told[path] = frozenset({"kind"})
        else:
            told[path] = frozenset(FACTS[attribute] for attribute in change.attributes)
    return told


def told_by_truth(before: Tree, after: Tree) -> Told:
    """Two trees as engines showed them, compared fact by fact."""
    told: Told = {}
    for path in before.keys() | after.keys():
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            told[path] = frozenset({"removed" if new is None else "added"})
        elif facts := frozenset(_differing(old, new)):
            told[path] = facts
    return told


def _differing(old: PathFacts, new: PathFacts) -> Iterator[str]:
    if old.kind != new.kind:
        yield "kind"
        return
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield "owner"
    if (old.size, old.sha256) != (new.size, new.sha256):
        yield "content"
    for fact in ("mode", "mtime_ns", "xattrs", "link", "device", "hard_links"):
        if fact == "mode" and old.kind == "l":
            continue
        if getattr(old, fact) != getattr(new, fact):
            yield fact


# rsync.

_ITEM = re.compile(rb"(\*deleting  |\S{11}) (.*)", re.DOTALL)
_ESCAPE = re.compile(rb"\\#(\d{3})")
_COLUMNS = {2: "content", 3: "content", 4: "mtime_ns", 5: "mode", 6: "owner", 7: "owner"}


def told_by_rsync(before: Path, after: Path) -> Told:
    """What rsync would do to the one tree to make it the other."""
    command = ["rsync", "-naiX", "--checksum", "--delete", "--8-bit-output", "--out-format=%i %n"]
    done = subprocess.run([*command, f"{after}/", f"{before}/"], capture_output=True, check=True)
    told: Told = {}
    for line in done.stdout.splitlines():
        match = _ITEM.fullmatch(line)
        assert match, line
        item, name = match[1], _ESCAPE.sub(lambda m: bytes((int(m[1], 8),)), match[2])
        path = b"/" + name.rstrip(b"/") if name != b"./" else b"/"
        if item.startswith(b"*deleting"):
            told[path] = frozenset({"removed"})
        elif item.endswith(b"+++++++++"):
            stands = os.path.lexists(bytes(before) + path)
            told[path] = frozenset({"kind" if stands else "added"})
        elif facts := frozenset(_facts_of(item)):
            told[path] = facts
    return told


def _facts_of(item: bytes) -> Iterator[str]:
    for column, fact in _COLUMNS.items():
        if item[column : column + 1] not in b".":
            yield "link" if fact == "content" and item[1:2] == b"L" else fact
    if item[10:11] == b"x":
        yield "xattrs"


def as_rsync_tells(told: Told) -> Told:
    """Ours without what rsync is not asked about: groups of hard links."""
    reduced = {path: facts - {"hard_links"} for path, facts in told.items()}
    return {path: facts for path, facts in reduced.items() if facts}


# diff -r and git diff.


def paths_by_diff(before: Path, after: Path) -> set[bytes]:
    """Files whose contents differ, and what only one tree has, as `diff -rq` names them."""
    command = ["diff", "-rq", "--no-dereference", "before", "after"]
    done = subprocess.run(
        command,
        capture_output=True,
        check=False,
        cwd=before.parent,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode in (0, 1), done.stderr
    return {path for line in done.stdout.splitlines() for path in _path_of(line)}


_ONLY = re.compile(rb"Only in (?:before|after)(?P<parent>/.*)?: (?P<name>[^:]*)")
_DIFFER = re.compile(rb"(?:Files|Symbolic links) before(?P<path>/.*?) and after.* differ")
_KINDS = re.compile(
    rb"File before(?P<path>/.*) is a (?P<old>.*) while file after.* is a (?P<new>.*)"
)


def _path_of(line: bytes) -> Iterator[bytes]:
    """Of devices and pipes, `diff` says that it did not compare them."""
    if match := _ONLY.fullmatch(line):
        yield (match["parent"] or b"") + b"/" + match["name"]
    elif match := _DIFFER.fullmatch(line):
        yield match["path"]
    elif match := _KINDS.fullmatch(line):
        if match["old"] != match["new"]:
            yield match["path"]
    else:
        raise AssertionError(line)


def paths_as_diff_names_them(told: Told) -> set[bytes]:
    """Ours as `diff -rq` has it: of a tree that only one side has, its top alone."""
    alone = {path for path, facts in told.items() if facts & {"added", "removed"}}
    differing = {path for path, facts in told.items() if facts & {"content", "link", "kind"}}
    return differing | {path for path in alone if not _has_parent_among(path, alone | differing)}


def _has_parent_among(path: bytes, paths: set[bytes]) -> bool:
    while path := path.rpartition(b"/")[0]:
        if path in paths:
            return True
    return False


_HUNK = re.compile(rb"^@@ [^@]* @@", re.MULTILINE)


@dataclass
class TextOutcome:
    """How many texts had the same hunks as git's, and the others."""

    same: int
    others: list[bytes]


def compare_texts(changes: Iterable[FileChange], before: Path, after: Path) -> TextOutcome:
    """Hold every unified diff against `git diff --no-index`, line for line."""
    outcome = TextOutcome(0, [])
    for change in changes:
        content = change.content
        if content is None or content.form is not Form.TEXT or change.moved_from is not None:
            continue
        theirs = git_hunks(
            *(_place(root, change.path, node) for root, node in _roots(change, before, after))
        )
        ours = [(hunk.head.encode(), b"".join(_terminated(hunk.lines))) for hunk in content.hunks]
        if ours == theirs:
            outcome.same += 1
        else:
            outcome.others.append(change.path)
    return outcome


def _roots(change: FileChange, before: Path, after: Path) -> Iterator[tuple[Path, Node | None]]:
    yield before, change.before
    yield after, change.after


def _place(root: Path, path: bytes, node: Node | None) -> bytes:
    is_file = node is not None and node.kind is EntryKind.FILE
    return bytes(root) + b"/" + path if is_file else b"/dev/null"


def _terminated(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield line if line.endswith(b"\n") else line + b"\n\\ No newline at end of file\n"


def git_hunks(before: bytes, after: bytes) -> list[tuple[bytes, bytes]]:
    """Head and body of every hunk of `git diff --no-index`, headings left out."""
    done = subprocess.run(
        ["git", "diff", "--no-index", "--no-color", "--no-ext-diff", "--", before, after],
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    found = []
    starts = [*_HUNK.finditer(done.stdout)]
    ends = [*(match.start() for match in starts[1:]), len(done.stdout)][: len(starts)]
    for match, end in zip(starts, ends, strict=True):
        body = done.stdout[match.end() : end].partition(b"\n")[2]
        found.append((match[0], body))
    return found


# Pairs.


@dataclass
class PairOutcome:
    """What came of one pair of images."""

    changes: int
    rsync: Mapping[bytes, tuple[frozenset[str], frozenset[str]]]
    """Paths of which rsync says something else: what we say, what it says."""
    diff: set[bytes]
    texts: TextOutcome

    @property
    def is_alike(self) -> bool:
        """Whether rsync and diff say what we say."""
        return not self.rsync and not self.diff


def compare_pair(old: Path, new: Path, folder: Path, **options: str) -> PairOutcome:
    """Extract both images into `folder` and compare what four programs say of them."""
    before, after = folder / "before", folder / "after"
    with open_image(old, **options) as a, open_image(new, **options) as b:  # type: ignore[arg-type]
        answer = diff(a, b, content=["**"])
        for image, target in ((a, before), (b, after)):
            extract(image, target, special=True)
    ours = told_by_us(answer)
    theirs = told_by_rsync(before, after)
    told = as_rsync_tells(ours)
    nothing: frozenset[str] = frozenset()
    return PairOutcome(
        len(ours),
        {
            path: (told.get(path, nothing), theirs.get(path, nothing))
            for path in sorted(told.keys() | theirs.keys())
            if told.get(path) != theirs.get(path)
        },
        paths_by_diff(before, after) ^ paths_as_diff_names_them(ours),
        compare_texts(answer.files, before, after),
    )


def main(arguments: list[str]) -> int:
    """Compare pairs of images; 1 where a program says something else."""
    if not arguments or len(arguments) % 2:
        print(__doc__, file=sys.stderr)
        return 2
    failed = False
    for old, new in zip(arguments[::2], arguments[1::2], strict=True):
        with tempfile.TemporaryDirectory() as folder:
            outcome = compare_pair(Path(old), Path(new), Path(folder))
        failed |= not outcome.is_alike
        texts = f"{outcome.texts.same} texts as git, {len(outcome.texts.others)} otherwise"
        verdict = "alike" if outcome.is_alike else "NOT alike"
        print(f"{verdict}: {old} {new}: {outcome.changes} changes; {texts}")
        for path, (ours, theirs) in list(outcome.rsync.items())[:20]:
            print(f"    {path!r}: we say {sorted(ours)}, rsync {sorted(theirs)}")
        for path in sorted(outcome.diff)[:20]:
            print(f"    {path!r}: diff -r says something else")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
