"""`ImagePath.iterdir` and `walk`, held against the same files on a disk."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgforensics import Image
from imgforensics.testing import (
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)
from tests.filesystem.building import image_of, write

MEMBERS = [
    file("etc/passwd"),
    file("etc/notes"),
    symlink("etc/link", "passwd"),
    symlink("etc/absolute", "/etc/passwd"),
    symlink("etc/escape", "../../../../etc/passwd"),
    symlink("etc/dangling", "nowhere"),
    hard_link("etc/broken", "never"),
    symlink("conf", "etc"),
    fifo("dev/pipe"),
]


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    with image_of(MEMBERS) as opened:
        yield opened


def test_iterdir_goes_through_links_and_keeps_the_path(image: Image) -> None:
    names = ["absolute", "broken", "dangling", "escape", "link", "notes", "passwd"]
    assert [str(path) for path in image.path("/conf").iterdir()] == [f"/conf/{n}" for n in names]


def test_walk_is_that_of_the_disk(tmp_path: Path) -> None:
    members = [
        file("a/b/f"),
        file("a/.hidden/g"),
        symlink("a/up", ".."),
        file("c"),
        directory("d/e"),
    ]
    write(members, tmp_path)
    with image_of(members) as image:
        ours = [(str(path), set(dirs), set(files)) for path, dirs, files in image.path("/").walk()]
    theirs = []
    for top, directories, files in os.walk(tmp_path):
        # As `pathlib.Path.walk` of Python 3.12 has it, links are among the files.
        links = {name for name in directories if (Path(top) / name).is_symlink()}
        shown = "/" + os.path.relpath(top, tmp_path) if top != str(tmp_path) else "/"
        theirs.append((shown, set(directories) - links, set(files) | links))
    assert sorted(ours) == sorted(theirs)


def test_walk_leaves_out_what_is_taken_out_and_follows_its_start(image: Image) -> None:
    visited = []
    for path, directories, _ in image.path("/").walk():
        visited.append(str(path))
        if "etc" in directories:
            directories.remove("etc")
    assert visited == ["/", "/dev"]
    ((path, directories, files),) = image.path("/conf").walk()
    assert (str(path), directories, len(files)) == ("/conf", [], 7)
    assert list(image.path("/etc/passwd").walk()) == []
