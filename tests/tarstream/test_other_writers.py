"""Archives of GNU tar and bsdtar, read alike to what they were made from."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from imgforensics.problems import ProblemLog
from imgforensics.tarstream.member import EntryKind, TarMember
from imgforensics.tarstream.reader import TarReader
from imgforensics.tarstream.sparse import expand, logical_content
from tests.tarstream.reading import read, split

GNU_TAR = shutil.which("tar")
BSD_TAR = shutil.which("bsdtar")

needs_gnu_tar = pytest.mark.skipif(GNU_TAR is None, reason="GNU tar is not installed")
needs_bsd_tar = pytest.mark.skipif(BSD_TAR is None, reason="bsdtar is not installed")
pytestmark = pytest.mark.oracle

SPARSE_OPTIONS = [
    ["--format=gnu"],
    ["--format=posix", "--sparse-version=0.0"],
    ["--format=posix", "--sparse-version=0.1"],
    ["--format=posix", "--sparse-version=1.0"],
]
KINDS = {
    stat.S_IFREG: (EntryKind.FILE, EntryKind.HARD_LINK),
    stat.S_IFDIR: (EntryKind.DIRECTORY,),
    stat.S_IFLNK: (EntryKind.SYMLINK,),
    stat.S_IFIFO: (EntryKind.FIFO,),
}
ATTRIBUTES = {
    "user.text": b"value",
    "user.empty": b"",
    "user.binary": b"\0\n=\xff 12 path=x\n",
    "user.equals=percent%": b"both",
    "user.sp ace": b"escaped",
}


def make(program: str | None, folder: Path, *options: str) -> bytes:
    assert program is not None
    command = [program, "-c", *options, "-f", "-", "-C", str(folder), "."]
    return subprocess.run(command, check=True, capture_output=True).stdout


def write_holes(path: Path, runs: list[tuple[int, bytes]], size: int) -> None:
    with path.open("wb") as stream:
        for offset, content in runs:
            stream.seek(offset)
            stream.write(content)
        stream.truncate(size)


def set_attributes(path: Path) -> dict[bytes, bytes]:
    path.write_bytes(b"content")
    try:
        for name, value in ATTRIBUTES.items():
            os.setxattr(path, name, value)
    except OSError:
        pytest.skip("this filesystem keeps no user xattrs")
    return {name.encode(): value for name, value in ATTRIBUTES.items()}


def members_and_content(data: bytes, chunk: int) -> dict[bytes, tuple[TarMember, bytes]]:
    log = ProblemLog()
    reader = TarReader(split(data, chunk), log)
    found = {
        member.name: (member, b"".join(logical_content(member, reader.content())))
        for member in reader
    }
    assert list(log) == []
    return found


@needs_gnu_tar
@pytest.mark.parametrize("options", SPARSE_OPTIONS)
@pytest.mark.parametrize("chunk", [600, 1 << 20])
def test_sparse_files(tmp_path: Path, options: list[str], chunk: int) -> None:
    many = [(n * 131_072, b"%05d" % n * 900) for n in range(40)]
    write_holes(tmp_path / "many", many, 6_000_000)
    write_holes(tmp_path / "hole", [], 3_000_000)
    write_holes(tmp_path / "tail", [(0, b"a" * 5_000)], 1_000_000)
    write_holes(tmp_path / "head", [(1_048_576, b"b" * 5_000)], 1_048_576 + 5_000)
    (tmp_path / "solid").write_bytes(b"c" * 10_000)
    found = members_and_content(make(GNU_TAR, tmp_path, "--sparse", *options), chunk)
    assert found.keys() == {b"./", b"./many", b"./hole", b"./tail", b"./head", b"./solid"}
    for name in ("many", "hole", "tail", "head", "solid"):
        member, content = found[b"./" + name.encode()]
        assert content == (tmp_path / name).read_bytes()
        assert member.size == len(content)
        assert (member.extents is None) == (name == "solid")
    assert found[b"./hole"][0].stored_size == 0
    assert found[b"./many"][0].stored_size < 1_000_000


@needs_gnu_tar
@pytest.mark.parametrize("options", SPARSE_OPTIONS)
def test_sparse_files_are_placed(tmp_path: Path, options: list[str]) -> None:
    write_holes(tmp_path / "file", [(n * 100_000, b"%d" % n * 5_000) for n in range(9)], 900_000)
    reader = TarReader(split(make(GNU_TAR, tmp_path, "--sparse", *options), 5_000), ProblemLog())
    laid_out = bytearray(900_000)
    for member in reader:
        if member.kind is EntryKind.FILE:
            for offset, piece in expand(member, reader.content()):
                laid_out[offset : offset + len(piece)] = piece
    assert laid_out == (tmp_path / "file").read_bytes()


@needs_gnu_tar
def test_xattrs_of_gnu_tar(tmp_path: Path) -> None:
    attributes = set_attributes(tmp_path / "file")
    data = make(GNU_TAR, tmp_path, "--format=posix", "--xattrs", "--xattrs-include=user.*")
    assert members_and_content(data, 1 << 20)[b"./file"][0].xattrs == attributes


@needs_bsd_tar
def test_xattrs_of_bsdtar_in_both_forms(tmp_path: Path) -> None:
    attributes = set_attributes(tmp_path / "file")
    data = make(BSD_TAR, tmp_path, "--format=pax", "--xattrs")
    assert b"LIBARCHIVE.xattr.user.text=" in data
    assert members_and_content(data, 1 << 20)[b"./file"][0].xattrs == attributes


@needs_bsd_tar
def test_xattrs_of_bsdtar_in_its_own_form_alone(tmp_path: Path) -> None:
    attributes = set_attributes(tmp_path / "file")
    data = make(
        BSD_TAR, tmp_path, "--format=pax", "--xattrs", "--options=pax:xattrheader=LIBARCHIVE"
    )
    assert b"SCHILY.xattr" not in data
    assert members_and_content(data, 1 << 20)[b"./file"][0].xattrs == attributes


@pytest.mark.parametrize("kind", ["v7", "oldgnu", "gnu", "ustar", "posix"])
@needs_gnu_tar
def test_a_tree_in_every_format_of_gnu_tar(tmp_path: Path, kind: str) -> None:
    tree(tmp_path, with_fifo=kind != "v7")
    check_tree(tmp_path, make(GNU_TAR, tmp_path, f"--format={kind}"), exact=kind == "posix")


@pytest.mark.parametrize("kind", ["pax", "paxr", "ustar", "gnutar", "v7tar"])
@needs_bsd_tar
def test_a_tree_in_every_format_of_bsdtar(tmp_path: Path, kind: str) -> None:
    tree(tmp_path, with_fifo=kind != "v7tar")
    check_tree(tmp_path, make(BSD_TAR, tmp_path, f"--format={kind}"), exact=kind == "pax")


def tree(root: Path, *, with_fifo: bool) -> None:
    (root / "dir").mkdir(mode=0o750)
    (root / "dir" / "file").write_bytes(b"content" * 1_000)
    (root / "link").symlink_to("dir/file")
    os.link(root / "dir" / "file", root / "other")
    if with_fifo:
        os.mkfifo(root / "fifo", 0o600)
    os.utime(root / "dir" / "file", ns=(0, 1_234_567_890_123_456_789))


def check_tree(root: Path, data: bytes, *, exact: bool) -> None:
    found = {name.strip(b"./"): each for name, each in members_and_content(data, 1_000).items()}
    paths = {path.relative_to(root) for path in root.rglob("*")} | {Path()}
    assert {Path(os.fsdecode(name)) for name in found} == paths
    for name, (member, content) in found.items():
        path = root / os.fsdecode(name)
        facts = path.lstat()
        assert member.mode == facts.st_mode & 0o7777
        assert (member.uid, member.gid) == (facts.st_uid, facts.st_gid)
        unit = 1 if exact and member.kind is not EntryKind.HARD_LINK else 10**9
        assert member.mtime_ns // unit == facts.st_mtime_ns // unit
        if member.kind is EntryKind.FILE:
            assert content == path.read_bytes()
        if member.kind is EntryKind.SYMLINK:
            assert member.link_name == b"dir/file"
        assert member.kind in KINDS[stat.S_IFMT(facts.st_mode)]
    assert sum(member.kind is EntryKind.HARD_LINK for member, _ in found.values()) == 1


@needs_gnu_tar
def test_incremental_and_labelled_archives(tmp_path: Path) -> None:
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "file").write_bytes(b"content")
    state = f"--listed-incremental={tmp_path / 'state'}"
    data = make(GNU_TAR, folder, "--format=gnu", state, "--label=volume one")
    reading = read(data)
    assert reading.problems == []
    assert [(m.name, m.type_flag) for m in reading.members] == [
        *((b"volume one", b"V"), (b"./", b"D"), (b"./file", b"0"))
    ]
    assert reading.contents[1:] == [b"Yfile\0\0", b"content"]


@needs_gnu_tar
def test_a_continued_volume(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(30_000))
    volumes = [tmp_path / "one", tmp_path / "two"]
    command = [str(GNU_TAR), "-c", "-M", "-L", "20", *(f"-f{each}" for each in volumes), "file"]
    subprocess.run(command, check=True, cwd=tmp_path, stdin=subprocess.DEVNULL)
    first, second = (read(each.read_bytes()) for each in volumes)
    assert first.names == second.names == [b"file"]
    assert second.members[0].type_flag == b"M"
    assert first.contents[0] + second.contents[0] == (tmp_path / "file").read_bytes()
