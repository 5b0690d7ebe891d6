"""Root restores everything; another user what they may, and what they may not is recorded."""

import os
import stat
import struct
from pathlib import Path

import pytest

from imgforensics import extract, open_image
from imgforensics.testing import (
    Entry,
    device,
    directory,
    fifo,
    file,
    hard_link,
    symlink,
)
from tests.conformance.tree_facts import compare, walk
from tests.extraction.as_nobody import NOBODY, as_nobody
from tests.extraction.building import expected_tree, image_of, needs_root, reasons

pytestmark = needs_root

MEMBERS: list[Entry] = [
    directory(".", mode=0o755, uid=NOBODY, gid=NOBODY, mtime=9),
    directory("closed", mode=0o000, mtime=10),
    directory("closed/read-only", mode=0o555, uid=5, mtime=11),
    file("closed/read-only/unreadable", b"unreadable", mode=0o000, mtime=12),
    file("closed/read-only/execute", b"execute", mode=0o111, mtime=13),
    hard_link("closed/linked", "closed/read-only/unreadable", mode=0o000, mtime=14),
    file("marked", b"marked", mode=0o444, uid=7, xattrs={"user.mark": b"mark"}, mtime=15),
    symlink("link", "marked", uid=3, gid=4, mtime=16),
    fifo("fifo", mode=0o620, mtime=17),
    file("sticky", b"", mode=0o1644),
    directory("sticky-directory", mode=0o1777, gid=50),
    directory("group-directory", mode=0o2775, uid=NOBODY, gid=NOBODY),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that nobody reaches and may write to."""
    above = tmp_path
    while above != above.parent:
        above.chmod(above.stat().st_mode | 0o111)
        above = above.parent
    tmp_path.chmod(0o777)
    return tmp_path


def extract_as_nobody(
    folder: Path, umask: int = 0o022, *, special: bool = False
) -> dict[bytes, list[str]]:
    """Extract `folder/image.tar` to `folder/out`; the reasons in the record."""

    def work() -> dict[bytes, list[str]]:
        with open_image(folder / "image.tar") as image:
            record = extract(image, folder / "out", special=special)
            assert record.is_complete
            return reasons(record.deviations)

    return as_nobody(work, umask)


@pytest.mark.parametrize("umask", [0o022, 0o077, 0])
def test_another_user_restores_all_but_owners(folder: Path, umask: int) -> None:
    with image_of(folder, MEMBERS) as image:
        (folder / "image.tar").chmod(0o644)
        found = extract_as_nobody(folder, umask)
        expected = expected_tree(image, image.filesystem)
    differences = compare(expected, walk(folder / "out"), ignore=("uid", "gid"))
    assert not differences, "\n".join(map(str, differences))
    assert {facts.uid for facts in walk(folder / "out").values()} == {NOBODY}
    owned = {b"", b"group-directory"}
    assert {path for path, why in found.items() if "owner-not-restored" in why} == {
        path.strip(b"/") for path in expected if path.strip(b"/") not in owned
    } - {b"closed/linked"}
    assert {reason for why in found.values() for reason in why} == {"owner-not-restored"}


def test_a_hard_links_xattrs_of_a_file_that_nobody_may_write_to(folder: Path) -> None:
    marks = {"user.mark": b"mark"}
    members = [file("f", b"f", mode=0o444), hard_link("g", "f", mode=0o444, xattrs=marks)]
    image_of(folder, members).close()
    (folder / "image.tar").chmod(0o644)
    found = extract_as_nobody(folder)
    assert set(found[b"f"]) == {"owner-not-restored"}
    assert os.getxattr(folder / "out" / "g", "user.mark") == b"mark"
    assert stat.S_IMODE((folder / "out" / "g").stat().st_mode) == 0o444


def test_what_another_user_may_not_restore_is_recorded(folder: Path) -> None:
    members = [
        device("null", 1, 3),
        file("capable", b"", mode=0o755, xattrs={"security.capability": capability()}),
        file("trusted", b"", xattrs={"trusted.mark": b"1"}),
        symlink("marked-link", "x", xattrs={"user.mark": b"1"}),
    ]
    image_of(folder, members).close()
    (folder / "image.tar").chmod(0o644)
    found = extract_as_nobody(folder, special=True)
    assert found[b"null"] == ["device-not-restored"]
    assert not (folder / "out" / "null").exists()
    for path in (b"capable", b"trusted", b"marked-link"):
        assert sorted(found[path]) == ["owner-not-restored", "xattr-not-restored"]
        assert os.path.lexists(os.fsencode(folder / "out") + b"/" + path)


def test_a_setgid_bit_that_the_kernel_drops_is_recorded(folder: Path) -> None:
    """Below a setgid directory of another group, nobody is in the group of what they make."""
    image_of(folder, [directory("d", mode=0o2755), file("f", b"", mode=0o2755)]).close()
    (folder / "image.tar").chmod(0o644)
    os.chown(folder, -1, 50)
    folder.chmod(0o2777)
    found = extract_as_nobody(folder, special=True)
    for name in ("d", "f"):
        facts = (folder / "out" / name).stat()
        is_set = bool(facts.st_mode & stat.S_ISGID)
        assert is_set == ("mode-not-restored" not in found[name.encode()])
        assert stat.S_IMODE(facts.st_mode) & 0o777 == 0o755


def test_owners_are_restored_by_root(tmp_path: Path) -> None:
    members = [
        file("a", b"", uid=1, gid=2),
        directory("b", uid=3, gid=4),
        symlink("c", "a", uid=5, gid=6),
        fifo("d", uid=7, gid=8),
        hard_link("e", "a", uid=9, gid=10),
        file("large", b"", uid=4_000_000_000, gid=4_294_967_294),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    owners = {
        path.name: (path.lstat().st_uid, path.lstat().st_gid)
        for path in (tmp_path / "out").iterdir()
    }
    assert owners == {
        "a": (9, 10),
        "b": (3, 4),
        "c": (5, 6),
        "d": (7, 8),
        "e": (9, 10),
        "large": (4_000_000_000, 4_294_967_294),
    }
    assert not record.deviations


@pytest.mark.parametrize("number", [4_294_967_295, 4_294_967_296, 1 << 62])
def test_owners_that_cannot_be_are_recorded(tmp_path: Path, number: int) -> None:
    members = [
        file("f", b"", uid=number, gid=1),
        directory("d", uid=1, gid=number),
        symlink("l", "f", uid=number, gid=number),
        fifo("p", uid=number, gid=1),
    ]
    with image_of(tmp_path, members) as image:
        record = extract(image, tmp_path / "out")
    assert reasons(record.deviations) == {
        path: ["owner-not-restored"] for path in (b"f", b"d", b"l", b"p")
    }
    assert {path.lstat().st_uid for path in (tmp_path / "out").iterdir()} == {0}


@pytest.mark.parametrize("umask", [0, 0o022, 0o077, 0o177])
def test_the_umask_changes_nothing(tmp_path: Path, umask: int) -> None:
    previous = os.umask(umask)
    try:
        with image_of(tmp_path, MEMBERS) as image:
            record = extract(image, tmp_path / "out")
            expected = expected_tree(image, image.filesystem)
    finally:
        os.umask(previous)
    assert not compare(expected, walk(tmp_path / "out"))
    assert not record.deviations


def test_a_setgid_parent_changes_nothing(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    os.chown(parent, 0, 77)
    parent.chmod(0o2775)
    with image_of(tmp_path, MEMBERS, [file("new/x", b"x"), symlink("l", "x")]) as image:
        record = extract(image, parent / "out")
        expected = expected_tree(image, image.filesystem)
    assert not compare(expected, walk(parent / "out"))
    assert not record.deviations


def test_a_default_acl_of_the_parent_changes_nothing(tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    parent.mkdir()
    try:
        os.setxattr(parent, "system.posix_acl_default", acl())
    except OSError:
        pytest.skip("this filesystem has no ACLs")
    (parent / "probe").touch()
    assert "system.posix_acl_access" in os.listxattr(parent / "probe"), "the ACL has no effect"
    with image_of(tmp_path, MEMBERS) as image:
        extract(image, parent / "out")
        expected = expected_tree(image, image.filesystem)
    differences = compare(expected, walk(parent / "out"))
    assert not differences, "\n".join(map(str, differences))


def acl() -> bytes:
    """An ACL that lets user 1000 do all: version 2, then tag, permissions and id of each line."""
    lines = [(0x01, 7, -1), (0x02, 7, 1000), (0x04, 5, -1), (0x10, 7, -1), (0x20, 0, -1)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *line) for line in lines)


def capability() -> bytes:
    """`cap_net_raw+ep`, revision 2."""
    return struct.pack("<IIIII", 0x02000001, 1 << 13, 0, 0, 0)
