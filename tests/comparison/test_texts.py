"""Lines in common, hunks and what stands inside of archives; git is the judge of hunks."""

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.comparison.archives import compare_inside
from imgforensics.comparison.lines import differing_blocks, segments
from imgforensics.comparison.texts import Form, compare_contents, hunk_bytes
from tests.conformance.image_diffs import git_hunks

LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b" c\n", b"\n", b"}\n"]), max_size=25)


def rebuilt(before: Sequence[bytes], after: Sequence[bytes]) -> list[bytes]:
    """The second text, made of the first and the blocks."""
    made: list[bytes] = []
    position = 0
    for block in differing_blocks(before, after):
        assert block.before_start >= position
        made += before[position : block.before_start]
        made += after[block.after_start : block.after_end]
        position = block.before_end
    return made + list(before[position:])


@given(LINES, LINES)
def test_blocks_make_the_one_text_the_other(before: list[bytes], after: list[bytes]) -> None:
    assert rebuilt(before, after) == after
    assert rebuilt(after, before) == before


@given(LINES, LINES)
def test_no_diff_is_longer_than_the_shortest(before: list[bytes], after: list[bytes]) -> None:
    """Against the textbook's table of longest common subsequences."""
    lengths = [[0] * (len(after) + 1) for _ in range(len(before) + 1)]
    for x, line in enumerate(before):
        for y, other in enumerate(after):
            longest = max(lengths[x][y + 1], lengths[x + 1][y])
            lengths[x + 1][y + 1] = lengths[x][y] + 1 if line == other else longest
    common = sum(len(s.before) for s in segments(before, after) if s.is_common)
    assert common == lengths[-1][-1]


def test_segments_cover_both_texts() -> None:
    told = [(*s.before, "|", *s.after, s.is_common) for s in segments("abcx", "xabyc")]
    assert told == [
        ("|", 0, False),
        (0, 1, "|", 1, 2, True),
        ("|", 3, False),
        (2, "|", 4, True),
        (3, "|", False),
    ]


SOURCE = Path(__file__).parents[2] / "imgforensics" / "comparison" / "files.py"


@pytest.mark.oracle
def test_edits_of_a_source_have_gits_hunks(tmp_path: Path) -> None:
    """A duplicated function, removed and altered lines: where a run could stand elsewhere, too."""
    if not shutil.which("git"):
        pytest.skip("no git")
    lines = SOURCE.read_bytes().splitlines(keepends=True)
    edits = [
        [*lines[:60], *lines[40:60], *lines[60:]],
        [*lines[:100], *lines[120:]],
        [line.replace(b"draft", b"sketch") for line in lines],
        [*lines[:30], b"\n", b"\n", *lines[30:200], b"# end\n", *lines[200:-1], b"last"],
        lines[::2],
        [],
    ]
    for number, edited in enumerate(edits):
        old, new = tmp_path / f"{number}.old", tmp_path / f"{number}.new"
        old.write_bytes(b"".join(lines))
        new.write_bytes(b"".join(edited))
        content = compare_contents(old.read_bytes(), new.read_bytes())
        ours = b"".join(piece for hunk in content.hunks for piece in hunk_bytes(hunk))
        theirs = b"".join(head + b"\n" + body for head, body in git_hunks(bytes(old), bytes(new)))
        assert ours == theirs, number


def test_a_text_made_to_be_slow_ends_in_time() -> None:
    before, after = [b"a", b"b"] * 10_000, [b"b", b"a", b"a"] * 7_000
    start = time.process_time()
    assert rebuilt(before, after) == after
    assert time.process_time() - start < 10


def test_lines_end_at_newlines_and_nowhere_else() -> None:
    content = compare_contents(b"a\rb\x0cc\x85d\n", b"a\rb\x0cc\x85e\n")
    assert content.hunks[0].lines == (b"-a\rb\x0cc\x85d\n", b"+a\rb\x0cc\x85e\n")


def test_what_is_binary() -> None:
    content = compare_contents(b"a\0b", b"text")
    assert (content.form, content.hunks) == (Form.BINARY, ())
    first, second = content.note.split(" → ")
    assert first == "3 bytes sha256:" + hashlib.sha256(b"a\0b").hexdigest()
    assert second.startswith("4 bytes sha256:")


# Inside.


def zipped(**members: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


@pytest.mark.parametrize(
    "compress", [gzip.compress, bz2.compress, lzma.compress, zstandard.ZstdCompressor().compress]
)
def test_compressed_text(compress: "type[bytes]") -> None:
    content = compare_inside(compress(b"one\n"), compress(b"two\n"))
    assert content is not None
    assert content.form is Form.ARCHIVE
    assert content.members[0].hunks[0].lines == (b"-one\n", b"+two\n")


def test_the_members_of_a_zip() -> None:
    before = zipped(same=b"1", gone=b"x\n", changed=b"old\n")
    after = zipped(new=b"y\n", changed=b"new\n", same=b"1")
    content = compare_inside(before, after)
    assert content is not None
    told = {member.name: member.hunks[0].lines for member in content.members}
    assert told == {
        "changed": (b"-old\n", b"+new\n"),
        "gone": (b"-x\n",),
        "new": (b"+y\n",),
    }


def test_a_bomb_or_a_cut_archive_is_not_looked_into() -> None:
    pairs = [
        (gzip.compress(bytes(40 << 20)), gzip.compress(b"1")),
        (gzip.compress(b"text" * 99), gzip.compress(b"text" * 99)[:-9]),
        (zipped(a=bytes(40 << 20)), zipped(a=b"1")),
        (zipped(a=b"1"), b"PK\3\4 and nothing else"),
    ]
    for before, after in pairs:
        content = compare_inside(before, after)
        assert content is not None
        assert "not looked into" in content.note
    assert compare_inside(b"text", b"text") is None
