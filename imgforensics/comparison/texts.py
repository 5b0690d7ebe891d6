"""How the content of two files differs: unified hunks for text, size and hash for the rest."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imgforensics.comparison.lines import Block, differing_blocks

_CONTEXT = 3
_PROBED = 8_000
"""Bytes in which a NUL makes a file binary, as git has it."""
LARGEST_TEXT = 8 << 20
"""Bytes of a file that is compared line by line."""
_MOST_LINES = 500_000

_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


class Form(StrEnum):
    """What a content was taken for."""

    TEXT = "text"
    BINARY = "binary"
    """Either side has a NUL near its start, or is too large to compare line by line."""
    ARCHIVE = "archive"
    """Compressed, or an archive, and compared inside."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines that differ, with the three unchanged ones around them."""

    before_start: int
    """Number of the first line, from 1; of the line ahead of it where there is none, as 0."""
    before_count: int
    after_start: int
    after_count: int
    lines: tuple[bytes, ...]
    """Each with its mark (space, `-` or `+`) and its newline, where the file has one."""

    @property
    def head(self) -> str:
        """`@@ -1,3 +1,4 @@`."""
        before = _range(self.before_start, self.before_count)
        after = _range(self.after_start, self.after_count)
        return f"@@ -{before} +{after} @@"


@dataclass(frozen=True, slots=True)
class ContentDiff:
    """How one content became another. An absent file's is empty."""

    form: Form
    name: str = ""
    """Of a member inside an archive; empty for the file itself."""
    hunks: tuple[Hunk, ...] = ()
    members: tuple["ContentDiff", ...] = ()
    """Of an archive: those that differ."""
    note: str = ""
    """What there is to say without lines: sizes, or why it was not compared."""


def compare_contents(before: bytes, after: bytes, name: str = "") -> ContentDiff:
    """Compare two contents as text, if both are."""
    if _is_binary(before) or _is_binary(after):
        return ContentDiff(Form.BINARY, name, note=f"{_named(before)} → {_named(after)}")
    lines_before, lines_after = _lines(before), _lines(after)
    if max(len(before), len(after)) > LARGEST_TEXT or (
        max(len(lines_before), len(lines_after)) > _MOST_LINES
    ):
        note = f"too long for lines: {_named(before)} → {_named(after)}"
        return ContentDiff(Form.BINARY, name, note=note)
    return ContentDiff(Form.TEXT, name, tuple(_hunks(lines_before, lines_after)))


def _named(content: bytes) -> str:
    return f"{len(content)} bytes sha256:{hashlib.sha256(content).hexdigest()}"


def _is_binary(content: bytes) -> bool:
    return b"\0" in content[:_PROBED]


def _lines(content: bytes) -> list[bytes]:
    """Lines end at a newline and nowhere else."""
    return _LINE.findall(content)


def _hunks(before: Sequence[bytes], after: Sequence[bytes]) -> Iterator[Hunk]:
    together: list[Block] = []
    for block in differing_blocks(before, after):
        if together and block.before_start - together[-1].before_end > 2 * _CONTEXT:
            yield _hunk(together, before, after)
            together = []
        together.append(block)
    if together:
        yield _hunk(together, before, after)


def _hunk(blocks: Sequence[Block], before: Sequence[bytes], after: Sequence[bytes]) -> Hunk:
    ahead = min(_CONTEXT, blocks[0].before_start)
    behind = min(_CONTEXT, len(before) - blocks[-1].before_end)
    start, start_after = blocks[0].before_start - ahead, blocks[0].after_start - ahead
    end, end_after = blocks[-1].before_end + behind, blocks[-1].after_end + behind
    lines: list[bytes] = []
    position = start
    for block in blocks:
        lines += [b" " + line for line in before[position : block.before_start]]
        lines += [b"-" + line for line in before[block.before_start : block.before_end]]
        lines += [b"+" + line for line in after[block.after_start : block.after_end]]
        position = block.before_end
    lines += [b" " + line for line in before[position:end]]
    return Hunk(
        start + 1 if end > start else start,
        end - start,
        start_after + 1 if end_after > start_after else start_after,
        end_after - start_after,
        tuple(lines),
    )


def _range(start: int, count: int) -> str:
    return str(start) if count == 1 else f"{start},{count}"


NO_NEWLINE = b"\\ No newline at end of file\n"


def hunk_bytes(hunk: Hunk) -> Iterator[bytes]:
    """A hunk as it stands in a patch."""
    yield hunk.head.encode() + b"\n"
    for line in hunk.lines:
        yield line
        if not line.endswith(b"\n"):
            yield b"\n" + NO_NEWLINE
