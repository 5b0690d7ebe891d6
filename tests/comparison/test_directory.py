"""A directory on disk as a tree: all that an image can have, and no way out of it."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from imgforensics import DirectoryTree, diff
from imgforensics.comparison import Rule, parse_attributes
from imgforensics.errors import SourceUnreadableError
from imgforensics.layer import EntryKind
from imgforensics.testing import directory, fifo, file, hard_link, symlink
from tests.comparison.building import image_of, shown

OWN = "mtime,owner,mode,xattrs"


def filled(place: Path) -> Path:
    (place / "d" / "e").mkdir(parents=True)
    (place / "d" / "x").write_bytes(b"1")
    os.link(place / "d" / "x", place / "y")
    (place / "link").symlink_to("/etc/passwd")
    os.mkfifo(place / "pipe")
    return place


def test_it_has_every_attribute_of_what_stands_there(tmp_path: Path) -> None:
    place = filled(tmp_path)
    (place / "d" / "x").chmod(0o640)
    os.utime(place / "d" / "x", ns=(0, 1_234_567_891))
    tree = DirectoryTree(place)
    node = tree.tree.get(b"d/x")
    assert node is not None
    assert node is tree.tree.get(b"y")
    assert (node.mode, node.uid, node.mtime_ns, node.size) == (0o640, os.getuid(), 1_234_567_891, 1)
    kinds = {path: node.kind for path, node in tree.tree.walk()}
    assert kinds == {
        b"": EntryKind.DIRECTORY,
        b"d": EntryKind.DIRECTORY,
        b"d/e": EntryKind.DIRECTORY,
        b"d/x": EntryKind.FILE,
        b"link": EntryKind.SYMLINK,
        b"pipe": EntryKind.FIFO,
        b"y": EntryKind.FILE,
    }
    tree.close()


def test_it_is_the_image_it_was_made_of(tmp_path: Path) -> None:
    tree = DirectoryTree(filled(tmp_path))
    members = [
        directory("d/e"),
        file("d/x", b"1"),
        hard_link("y", "d/x"),
        symlink("link", "/etc/passwd"),
        fifo("pipe"),
    ]
    rules = [Rule(parse_attributes(OWN))]
    with image_of(members) as image:
        assert diff(image, tree, rules=rules).is_same
        (tmp_path / "y").unlink()
        (tmp_path / "y").write_bytes(b"2")
        changed = DirectoryTree(tmp_path)
        told = shown(diff(image, changed, rules=rules))
    assert told == {"d/x": "changed hard-links", "y": "changed content,hard-links"}
    changed.close()
    tree.close()


def test_two_directories(tmp_path: Path) -> None:
    one, other = (DirectoryTree(filled(tmp_path / name)) for name in ("one", "other"))
    answer = diff(one, one)
    assert answer.is_same
    answer = diff(one, other)
    assert all(change.attributes == ("mtime",) for change in answer.files)
    one.close()
    other.close()


def test_a_socket_is_of_unknown_kind(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(tmp_path)  # the name of a socket must be short
        listening.bind("s")
        os.chdir(here)
        tree = DirectoryTree(tmp_path)
    node = tree.tree.get(b"s")
    assert node is not None
    assert node.kind is EntryKind.UNKNOWN
    tree.close()


def test_a_tree_deeper_than_any_path(tmp_path: Path) -> None:
    depth, name = 60, "d" * 100
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=descriptor))
    os.close(descriptor)
    tree = DirectoryTree(tmp_path)
    assert tree.problems == ()
    assert sum(1 for _ in tree.tree.walk()) == depth + 2
    tree.close()
    # What cleans up behind the tests would not get to the bottom of it.
    subprocess.run(["rm", "-r", tmp_path / name], check=True)


def test_a_link_put_in_place_of_a_directory_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_bytes(b"outside")
    place = tmp_path / "tree"
    (place / "d").mkdir(parents=True)
    (place / "d" / "x").write_bytes(b"inside!")
    tree = DirectoryTree(place)
    node = tree.tree.get(b"d/x")
    assert node is not None
    assert node.entry is not None
    (place / "d").rename(tmp_path / "moved")
    (place / "d").symlink_to(tmp_path / "secret")
    tree.open_content(node.entry).close()  # the directory that was entered last is still held
    other = DirectoryTree(place)
    with pytest.raises(SourceUnreadableError, match="d/x"):
        other.open_content(node.entry)
    tree.close()
    other.close()


def test_what_is_no_directory_cannot_be_read_as_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("file", "absent"):
        with pytest.raises(SourceUnreadableError, match=name):
            DirectoryTree(tmp_path / name)


def test_descriptors_are_given_back(tmp_path: Path) -> None:
    before = open_descriptors()
    tree = DirectoryTree(filled(tmp_path))
    with pytest.raises(SourceUnreadableError):
        DirectoryTree(tmp_path / "absent")
    tree.close()
    assert open_descriptors() == before


def open_descriptors() -> set[str]:
    return {descriptor.name for descriptor in Path("/proc/self/fd").iterdir()}
