"""Shell patterns, held against `fnmatch` for names and against `pathlib` on a disk for paths."""

import fnmatch
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.filesystem.globs import glob_matcher
from imgforensics.testing import directory, file, symlink
from tests.filesystem.building import image_of, write

MEMBERS = [
    file("a/b/f.txt"),
    file("a/b/.hidden"),
    file("a/b/c/g.txt"),
    file("a/.git/config"),
    file("top.txt"),
    file("x[1]"),
    file("é.txt"),
    directory("empty/er"),
    directory("usr/lib"),
    file("usr/lib/libc.so"),
    symlink("lib", "usr/lib"),
    symlink("a/up", ".."),
    symlink("a/dangling", "nowhere"),
]
PATTERNS = [
    "*",
    "*.txt",
    "a/*",
    "a/b/*",
    "a/*/*.txt",
    "*/*",
    "?",
    "a/b/f.txt",
    "a/b/none",
    "none/*",
    "[ab]/b/*",
    "[!a]*",
    "x[[]1]",
    "*.[st]*",
    ".*",
    "a/.*",
    "é*",
    "lib/*",
    "lib/*.so",
    "usr/lib/libc.so",
    "./a/./b/*",
    "**/*.txt",
    "a/**/*.txt",
    "**/b/*",
    "**/c/**/*.txt",
    "**/.git/*",
    "**/*/*",
    "**/**/f.txt",
    "a/**/c/g.txt",
    "a/b/**/*",
]
"""`**` as the last part is left out: `pathlib` before Python 3.13 gives directories alone."""


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("start", [".", "a", "usr"])
def test_glob_is_that_of_the_disk(tmp_path: Path, pattern: str, start: str) -> None:
    """But for wildcards, which do not go through links: that may never end."""
    write(MEMBERS, tmp_path)
    expected = {
        found.relative_to(tmp_path)
        for found in (tmp_path / start).glob(pattern)
        if not {tmp_path / "a/up", tmp_path / "lib"} & set(found.parents)
        or pattern.startswith("lib/")
    }
    with image_of(MEMBERS) as image:
        found = [str(path)[1:] for path in (image.path("/") / start).glob(pattern)]
    assert {Path(each) for each in found} == expected
    assert len(found) == len(set(found))


@pytest.mark.parametrize("pattern", ["*.txt", "b/*", "c", "*"])
def test_rglob_is_that_of_the_disk(tmp_path: Path, pattern: str) -> None:
    write(MEMBERS, tmp_path)
    expected = {found.relative_to(tmp_path) for found in tmp_path.rglob(pattern)}
    hidden = {path for path in expected if {Path("a/up"), Path("lib")} & set(path.parents)}
    with image_of(MEMBERS) as image:
        found = {Path(str(path)[1:]) for path in image.path("/").rglob(pattern)}
    assert found == expected - hidden


def test_two_stars_at_the_end_are_everything_below() -> None:
    with image_of([file("a/b/c"), file("d")]) as image:
        assert [str(path) for path in image.path("/").glob("a/**")] == ["/a/b", "/a/b/c"]
        assert [str(path) for path in image.path("/a").glob("**")] == ["/a/b", "/a/b/c"]


def test_a_pattern_of_bytes_and_a_place_that_holds_nothing() -> None:
    with image_of([file(b"\xff/\xfe")]) as image:
        assert [bytes(path) for path in image.path("/").glob(b"\xff/*")] == [b"/\xff/\xfe"]
        assert list((image.path("/") / b"\xff/\xfe").glob("*")) == []
        assert list((image.path("/") / "none").glob("*")) == []
        for search in (image.path("/").glob, image.path("/").rglob):
            with pytest.raises(ValueError, match="needed"):
                search("")
            with pytest.raises(NotImplementedError, match="absolute"):
                search("/etc/*")


def test_a_slash_at_the_end_asks_for_directories() -> None:
    with image_of([directory("a/b"), file("a/f"), symlink("l", "a"), symlink("m", "a/f")]) as image:
        root = image.path("/")
        assert [str(path) for path in root.glob("*/")] == ["/a", "/l"]
        assert [str(path) for path in root.glob("a/*/")] == ["/a/b"]
        assert [str(path) for path in root.glob("l/*/")] == ["/l/b"]
        assert [str(path) for path in root.glob("a/")] == ["/a"]
        assert list(root.glob("a/f/")) == []


LETTERS = st.sampled_from("ab-]!^.\\é\n{}()&~|#")


@given(
    st.text(LETTERS | st.sampled_from("*?["), min_size=1, max_size=8),
    st.text(LETTERS, min_size=1, max_size=6),
)
def test_a_names_pattern_means_what_fnmatch_says(pattern: str, name: str) -> None:
    if pattern in {".", ".."} or name in {".", ".."} or "**" in pattern or "[^" in pattern:
        return
    as_latin = os.fsencode(name).decode("latin-1"), os.fsencode(pattern).decode("latin-1")
    expected = fnmatch.fnmatchcase(*as_latin)
    assert bool(glob_matcher(os.fsencode(pattern))(os.fsencode(name))) == expected


@pytest.mark.parametrize(
    ("pattern", "path"),
    [(b"a[+-9]b", b"a/b"), (b"a[!x]b", b"a/b"), (b"a?b", b"a/b"), (b"[z-a]", b"m"), (b"*", b"a/b")],
)
def test_no_wildcard_matches_a_slash_and_no_range_fails(pattern: bytes, path: bytes) -> None:
    assert not glob_matcher(pattern)(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (b"*a*a*a*a*a*b", b"a" * 60_000),
        (b"**/a/**/a/**/a/**/b", b"a/" * 4_000 + b"c"),
        (b"**/*a*a*b/**/x*", b"a" * 30_000 + b"/y"),
    ],
)
def test_a_hostile_path_costs_little(pattern: bytes, path: bytes) -> None:
    start = time.process_time()
    assert not glob_matcher(pattern)(path)
    assert time.process_time() - start < 20
