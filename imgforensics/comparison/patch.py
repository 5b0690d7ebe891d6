"""A comparison as a patch: text as `git apply` and `patch -p1` take it, the rest as remarks.

Source: https://git-scm.com/docs/diff-format#generate_patch_text_with_p; lines that begin with
`#` between two files are passed over by both programs.
"""

from collections.abc import Iterator
from dataclasses import replace

from imgforensics.comparison.attributes import Attribute
from imgforensics.comparison.changes import FileChange, Verdict
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.texts import ContentDiff, Form, Hunk, compare_contents, hunk_bytes
from imgforensics.comparison.wording import MARKS, path_text, summary, what_text
from imgforensics.filesystem.node import Node
from imgforensics.problems import display
from imgforensics.tarstream.member import EntryKind

_ESCAPES = {
    0x07: b"\\a",
    0x08: b"\\b",
    0x09: b"\\t",
    0x0A: b"\\n",
    0x0B: b"\\v",
    0x0C: b"\\f",
    0x0D: b"\\r",
    0x22: b'\\"',
    0x5C: b"\\\\",
}
_NOWHERE = b"/dev/null"


def patch_pieces(diff: ImageDiff) -> Iterator[bytes]:
    """The whole patch, piece by piece; a rename stands after what it makes room for."""
    for line in summary(diff):
        yield f"# {line.subject}: {line.told}\n".encode()
    for change in diff.files:
        yield from _of_file(change)


def content_lines(content: ContentDiff) -> Iterator[bytes]:
    """How a content differs as the lines of a patch, what is inside of archives, too."""
    if content.name:
        yield b"# " + display(content.name.encode("utf-8", "surrogateescape")).encode() + b"\n"
    if content.note:
        yield f"# {content.form.value}: ".encode() + display(content.note.encode()).encode() + b"\n"
    for hunk in content.hunks:
        for piece in hunk_bytes(hunk):
            yield from piece.splitlines(keepends=True) if piece.startswith(b"\n") else (piece,)
    for member in content.members:
        yield from content_lines(member)


def _of_file(change: FileChange) -> Iterator[bytes]:
    yield f"# {MARKS[change.verdict]} {path_text(change)}  {what_text(change)}\n".encode()
    parts = [(part, _hunks(part)) for part in _parts(change)]
    if any(hunks is None for _, hunks in parts):
        yield from _remarks(change)
        return
    for part, hunks in parts:
        yield from _of_part(part, hunks or ())


def _parts(change: FileChange) -> tuple[FileChange, ...]:
    """The change; of a file that became a symbolic link, or was one, its two halves."""
    kinds = {node.kind for node in (change.before, change.after) if node is not None}
    if kinds != {EntryKind.FILE, EntryKind.SYMLINK}:
        return (change,)
    removed = replace(change, verdict=Verdict.REMOVED, after=None)
    return removed, replace(change, verdict=Verdict.ADDED, before=None)


def _of_part(change: FileChange, hunks: tuple[Hunk, ...]) -> Iterator[bytes]:
    if not hunks and not _has_mode_line(change) and not change.moved_from:
        yield from _remarks(change)
        return
    before, after = _name(b"a/", _path_before(change)), _name(b"b/", change.path)
    yield b"diff --git " + before + b" " + after + b"\n"
    yield from _mode_lines(change)
    yield from _move_lines(change)
    if hunks:
        yield b"--- " + (_NOWHERE if change.verdict is Verdict.ADDED else _ended(before)) + b"\n"
        yield b"+++ " + (_NOWHERE if change.verdict is Verdict.REMOVED else _ended(after)) + b"\n"
        for hunk in hunks:
            yield from hunk_bytes(hunk)


def _path_before(change: FileChange) -> bytes:
    return change.path if change.moved_from is None else change.moved_from


def _hunks(change: FileChange) -> tuple[Hunk, ...] | None:
    """Lines that differ; None for what a patch cannot say."""
    kinds = {node.kind for node in (change.before, change.after) if node is not None}
    if change.verdict is Verdict.UNKNOWN or len(kinds) != 1:
        return None
    if kinds == {EntryKind.SYMLINK}:
        return compare_contents(_target(change.before), _target(change.after)).hunks
    if kinds != {EntryKind.FILE}:
        return None
    if change.content is None:
        return None if change.has_other_content and _has_bytes(change) else ()
    return change.content.hunks if change.content.form is Form.TEXT else None


def _has_bytes(change: FileChange) -> bool:
    return any(node is not None and node.size for node in (change.before, change.after))


def _target(node: Node | None) -> bytes:
    return node.link_target if node is not None else b""


def _remarks(change: FileChange) -> Iterator[bytes]:
    """What is to be said of a file that no patch makes."""
    for sign, digest in (("-", change.sha256_before), ("+", change.sha256_after)):
        if digest is not None:
            yield f"#   {sign} sha256:{digest}\n".encode()
    if change.content is not None:
        for line in content_lines(change.content):
            yield b"#   " + line if line.endswith(b"\n") else b"#   " + line + b"\n"


def _git_mode(node: Node) -> bytes:
    if node.kind is EntryKind.SYMLINK:
        return b"120000"
    return b"100755" if node.mode & 0o100 else b"100644"


def _has_mode_line(change: FileChange) -> bool:
    if change.verdict in (Verdict.ADDED, Verdict.REMOVED):
        return True
    before, after = change.before, change.after
    return before is not None and after is not None and _git_mode(before) != _git_mode(after)


def _mode_lines(change: FileChange) -> Iterator[bytes]:
    before, after = change.before, change.after
    if change.verdict is Verdict.ADDED and after is not None:
        yield b"new file mode " + _git_mode(after) + b"\n"
    elif change.verdict is Verdict.REMOVED and before is not None:
        yield b"deleted file mode " + _git_mode(before) + b"\n"
    elif before is not None and after is not None and _has_mode_line(change):
        yield b"old mode " + _git_mode(before) + b"\n"
        yield b"new mode " + _git_mode(after) + b"\n"


def _move_lines(change: FileChange) -> Iterator[bytes]:
    if change.moved_from is None:
        return
    is_same = Attribute.CONTENT not in change.attributes
    similarity = 100 if is_same else min(change.similarity or 0, 99)
    yield b"similarity index %d%%\n" % similarity
    yield b"rename from " + _name(b"", change.moved_from) + b"\n"
    yield b"rename to " + _name(b"", change.path) + b"\n"


def _name(prefix: bytes, path: bytes) -> bytes:
    """A name as git writes it: in quotes and escaped where it is not plain ASCII."""
    whole = prefix + path
    if all(0x20 <= byte < 0x7F and byte not in _ESCAPES for byte in whole):
        return whole
    escaped = b"".join(
        _ESCAPES.get(byte, b"\\%03o" % byte if not 0x20 <= byte < 0x7F else bytes((byte,)))
        for byte in whole
    )
    return b'"' + escaped + b'"'


def _ended(name: bytes) -> bytes:
    """A name with blanks is ended by a tab, so that none is taken for a time."""
    return name + b"\t" if b" " in name else name
