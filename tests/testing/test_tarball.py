"""Tars and streams as they are described, against the tools that read them."""

import io
import tarfile
from decimal import Decimal
from pathlib import Path

import pytest

from imgforensics.testing import (
    Entry,
    Packing,
    SparseFormat,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    global_records,
    gzip_member,
    hard_link,
    opaque,
    pack,
    raw,
    skippable_frame,
    sparse_file,
    symlink,
    tar,
    whiteout,
)
from tests.testing.oracles import read_by_tarfile, run

MEMBERS = [
    directory("etc/"),
    file("etc/passwd", b"root\n", mode=0o600, mtime=1_700_000_000),
    symlink("etc/link", "passwd"),
    hard_link("etc/hard", "etc/passwd"),
]


@pytest.mark.parametrize("tar_format", TarFormat)
def test_tarfile_reads_every_kind_in_every_format(tar_format: TarFormat) -> None:
    members = [
        directory("d", mode=0o1777, uid=1000, gid=2000),
        file("d/file", b"content", mode=0o4755, mtime=1_700_000_000),
        symlink("d/link", "file"),
        hard_link("d/hard", "d/file"),
        fifo("d/fifo"),
    ]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert [member.type for member in found.values()] == [b"5", b"0", b"2", b"1", b"6"]
    assert (found["d"].mode, found["d"].uid, found["d"].gid) == (0o1777, 1000, 2000)
    assert (found["d/file"].mode, found["d/file"].mtime) == (0o4755, 1_700_000_000)
    assert (found["d/link"].linkname, found["d/hard"].linkname) == ("file", "d/file")


@pytest.mark.parametrize("tar_format", [TarFormat.USTAR, TarFormat.GNU, TarFormat.PAX])
def test_tarfile_reads_devices_and_owners_names(tar_format: TarFormat) -> None:
    members = [
        device("null", 1, 3, user_name="root", group_name="wheel"),
        device("disk", 8, 1, block=True),
    ]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert (found["null"].devmajor, found["null"].devminor) == (1, 3)
    assert (found["null"].uname, found["null"].gname) == ("root", "wheel")
    assert found["disk"].isblk()


@pytest.mark.parametrize("tar_format", [TarFormat.GNU, TarFormat.PAX])
@pytest.mark.parametrize("length", [99, 100, 101, 155, 256, 257, 4000])
@pytest.mark.parametrize("slashes", [True, False])
def test_names_and_targets_of_any_length(tar_format: TarFormat, length: int, slashes: bool) -> None:
    name = ("abcdefghi/" if slashes else "abcdefghij") * 400
    name = name[: length - 1] + "z"
    found = read_by_tarfile(tar([file(name), symlink("link", name)], tar_format=tar_format))
    assert list(found) == [name, "link"]
    assert found["link"].linkname == name


def test_ustar_splits_a_name_at_a_slash_or_refuses_it() -> None:
    name = "p" * 100 + "/" + "n" * 100
    assert list(read_by_tarfile(tar([file(name)], tar_format=TarFormat.USTAR))) == [name]
    with pytest.raises(ValueError, match="does not fit ustar"):
        tar([file("n" * 101)], tar_format=TarFormat.USTAR)
    with pytest.raises(ValueError, match="does not fit v7"):
        tar([file("a", uid=8**8)], tar_format=TarFormat.V7)


@pytest.mark.parametrize("tar_format", [TarFormat.GNU, TarFormat.PAX])
def test_numbers_of_any_size(tar_format: TarFormat) -> None:
    members = [file("big", uid=2**31, gid=2**32, mtime=2**40), file("past", mtime=-5)]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert (found["big"].uid, found["big"].gid, found["big"].mtime) == (2**31, 2**32, 2**40)
    assert found["past"].mtime == -5


def test_records_of_a_pax_member() -> None:
    members = [
        global_records([("comment", b"for all")]),
        file("a", mtime=Decimal("1700000000.123456789"), xattrs={"user.x": b"\0\xff\n"}),
        file("b", pax=[("path", b"c")]),
    ]
    found = read_by_tarfile(tar(members))
    assert found["a"].pax_headers["mtime"] == "1700000000.123456789"
    assert found["a"].pax_headers["comment"] == "for all"
    stored = found["a"].pax_headers["SCHILY.xattr.user.x"]
    assert stored.encode("utf-8", "surrogateescape") == b"\0\xff\n"
    assert list(found) == ["a", "c"]


@pytest.mark.parametrize("name", [b"../x", b"/abs", b".", b"", b"\xff", b"a//b/../c", b"a\nb"])
def test_hostile_names_are_written_as_given(name: bytes) -> None:
    for tar_format in TarFormat:
        assert tar([file(name)], tar_format=tar_format)[:100].rstrip(b"\0") == name


def test_a_size_may_be_a_lie_and_raw_bytes_stand_as_they_are() -> None:
    lie = tar([file("a", b"abc", declared_size=5)])
    assert read_by_tarfile(lie + bytes(512))["a"].size == 5
    assert tar([raw(b"anything"), file("a")], end=b"") == b"anything" + tar([file("a")], end=b"")


def test_whiteouts_are_named_as_the_specification_says() -> None:
    written = [whiteout("a/b"), whiteout("b"), opaque("a/b/"), opaque("")]
    names = [entry.name for entry in written]
    assert names == [b"a/.wh.b", b".wh.b", b"a/b/.wh..wh..opq", b".wh..wh..opq"]


@pytest.mark.oracle
@pytest.mark.parametrize("sparse_format", SparseFormat)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 25, 26, 50])
def test_gnu_tar_reads_sparse_files(
    sparse_format: SparseFormat, count: int, tmp_path: Path
) -> None:
    extents = [(4096 * number, b"data %03d" % number * 64) for number in range(1, count + 1)]
    size = 4096 * (count + 2)
    expected = bytearray(size)
    for offset, data in extents:
        expected[offset : offset + len(data)] = data
    members: list[Entry] = [
        sparse_file("d/sparse", size, extents, sparse_format=sparse_format, mode=0o640),
        file("after", b"after"),
    ]
    tar_format = TarFormat.GNU if sparse_format is SparseFormat.OLD_GNU else TarFormat.PAX
    data = tar(members, tar_format=tar_format)
    run("tar", "-xf", "-", "-C", tmp_path, stdin=data)
    assert (tmp_path / "d/sparse").read_bytes() == expected
    assert (tmp_path / "after").read_bytes() == b"after"
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        content = opened.extractfile("d/sparse")
        assert content is not None
        assert content.read() == expected


@pytest.mark.oracle
@pytest.mark.parametrize("tar_format", TarFormat)
def test_gnu_tar_extracts_what_is_described(tar_format: TarFormat, tmp_path: Path) -> None:
    run("tar", "-xpf", "-", "-C", tmp_path, stdin=tar(MEMBERS, tar_format=tar_format))
    passwd = tmp_path / "etc/passwd"
    assert passwd.read_bytes() == b"root\n"
    assert passwd.stat().st_mode & 0o7777 == 0o600
    assert passwd.stat().st_mtime_ns == 1_700_000_000 * 10**9
    assert passwd.samefile(tmp_path / "etc/hard")
    assert (tmp_path / "etc/link").readlink() == Path("passwd")


@pytest.mark.oracle
@pytest.mark.parametrize("packing", [packing for packing in Packing if packing is not Packing.NONE])
def test_the_tools_unpack_what_is_packed(packing: Packing) -> None:
    parts = [b"one" * 1000, b"", b"two" * 1000]
    stored = pack(parts, packing)
    assert run(packing.compression, "-dc", stdin=stored) == b"".join(parts)
    assert pack(parts, packing) == stored
    assert pack(parts, Packing.NONE) == b"".join(parts)


@pytest.mark.oracle
def test_the_tools_read_single_members_and_frames() -> None:
    member = gzip_member(b"content", name=b"name", comment=b"comment", extra=b"ab\0\0")
    assert run("gzip", "-dc", stdin=member) == b"content"
    frames = skippable_frame(b"hidden", 15) + pack([b"content"], Packing.ZSTD)
    assert run("zstd", "-dc", stdin=frames) == b"content"


def test_times_out_of_a_headers_range_are_told_by_records() -> None:
    members = [file("a", mtime=-1.5), file("b", mtime=8**11), file("c", mtime=0.25)]
    found = read_by_tarfile(tar(members)).values()
    assert [member.mtime for member in found] == [-1.5, 8**11, 0.25]
