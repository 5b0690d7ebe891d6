"""An archive read at random, against what the standard library reads of it."""

import io
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.errors import LimitExceededError, MissingBlobError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode
from imgforensics.sources.archive import ArchiveSource
from imgforensics.tarstream.member import Extent
from tests.sources.building import Member, directory, hard_link, symlink, tar_of


def source_of(tmp_path: Path, *members: Member, limits: Limits | None = None) -> ArchiveSource:
    path = tmp_path / "archive.tar"
    path.write_bytes(tar_of(*members))
    with path.open("rb") as file:
        return ArchiveSource(file, "archive", limits=limits or Limits())


def read(source: ArchiveSource, name: str) -> bytes:
    with source.open(name) as file:
        return file.read()


def codes(source: ArchiveSource) -> list[ProblemCode]:
    return [problem.code for problem in source.problems]


def test_names_sizes_and_content(tmp_path: Path) -> None:
    members = (Member("./a/b", b"1" * 1000), directory("a"), Member("/c", b"22"), Member("empty"))
    with source_of(tmp_path, *members) as source:
        assert sorted(source.names()) == ["a/b", "c", "empty"]
        assert [source.size(name) for name in ("a/b", "./c", "/empty")] == [1000, 2, 0]
        assert (read(source, "a/b"), read(source, "c"), read(source, "empty")) == (
            b"1" * 1000,
            b"22",
            b"",
        )
        assert codes(source) == []


def test_the_location_is_where_the_bytes_are(tmp_path: Path) -> None:
    with source_of(tmp_path, Member("x", b"abc"), Member("y", b"defg")) as source:
        offset, size = source.location("y")
    assert (tmp_path / "archive.tar").read_bytes()[offset : offset + size] == b"defg"


def test_links_lead_to_content(tmp_path: Path) -> None:
    members = (
        symlink("2/layer.tar", "../1/layer.tar"),
        symlink("3/layer.tar", "../2/layer.tar"),
        hard_link("4/layer.tar", "1/layer.tar"),
        symlink("5", "/1/layer.tar"),
        Member("1/layer.tar", b"content"),
    )
    with source_of(tmp_path, *members) as source:
        for name in ("1/layer.tar", "2/layer.tar", "3/layer.tar", "4/layer.tar", "5"):
            assert (read(source, name), source.size(name)) == (b"content", 7)
        assert codes(source) == []


def test_broken_links_and_loops_are_reported(tmp_path: Path) -> None:
    members = (
        symlink("a", "b"),
        symlink("b", "a"),
        symlink("c", "../../absent"),
        hard_link("d", "x"),
    )
    with source_of(tmp_path, *members) as source:
        assert codes(source) == [ProblemCode.MEMBER_LINK_BROKEN] * 4
        for name in "abcd":
            with pytest.raises(MissingBlobError, match=f"archive: {name} "):
                source.open(name)


def test_the_last_duplicate_counts_and_is_reported(tmp_path: Path) -> None:
    members = (Member("./x", b"old"), symlink("y", "x"), Member("x", b"new"), Member("y", b"file"))
    with source_of(tmp_path, *members) as source:
        assert (read(source, "x"), read(source, "y")) == (b"new", b"file")
        assert codes(source) == [ProblemCode.MEMBER_DUPLICATED] * 2


def test_a_name_that_is_not_utf8_survives(tmp_path: Path) -> None:
    with source_of(tmp_path, Member("caf\udce9", b"x")) as source:
        (name,) = source.names()
        assert os.fsencode(name) == b"caf\xe9"
        assert read(source, name) == b"x"


def test_too_many_members_stop_the_work(tmp_path: Path) -> None:
    with pytest.raises(LimitExceededError, match="archive_members=2"):
        source_of(tmp_path, *(Member(name) for name in "abc"), limits=Limits(archive_members=2))


def test_open_files_are_independent_and_outlive_the_source(tmp_path: Path) -> None:
    source = source_of(tmp_path, Member("x", b"0123456789"))
    one, other = source.open("x"), source.open("x")
    source.close()
    with one, other:
        assert one.read(4) == b"0123"
        assert other.read() == b"0123456789"
        assert one.read() == b"456789"
        with pytest.raises(OSError, match=r"not writable|write"):
            one.write(b"x")


@given(st.lists(st.tuples(st.sampled_from([0, 1, 2]), st.integers(-30, 30), st.integers(0, 9))))
def test_a_member_behaves_as_a_file(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int, int]]
) -> None:
    data = bytes(range(20))
    with (
        source_of(tmp_path_factory.mktemp("s"), Member("x", data)) as source,
        source.open("x") as file,
    ):
        oracle = io.BytesIO(data)
        for whence, offset, count in steps:
            base = (0, oracle.tell(), len(data))[whence]
            if base + offset >= 0:
                assert file.seek(offset, whence) == oracle.seek(base + offset)
            assert file.read(count) == oracle.read(count)


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    members = [Member(str(n), bytes([n]) * 300_000) for n in range(8)]
    with source_of(tmp_path, *members) as source:
        found: dict[str, bytes] = {}
        threads = [
            threading.Thread(target=lambda name=name: found.update({name: read(source, name)}))
            for name in source.names()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == {member.name: member.data for member in members}


def test_opening_reads_headers_only(tmp_path: Path) -> None:
    """Ten thousand million bytes in a thousand members, in holes of the file: none is read."""
    path = tmp_path / "huge.tar"
    size = 10_000_000
    with path.open("wb") as file:
        for number in range(1000):
            header = bytearray(tar_of(Member(str(number)))[:512])
            header[124:136] = b"%011o\0" % size
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header)
            file.write(header)
            file.seek(size + -size % 512, os.SEEK_CUR)
        file.truncate(file.tell() + 1024)
    begin = time.process_time()
    with path.open("rb") as archive, ArchiveSource(archive, "huge") as source:
        assert sum(source.size(name) for name in source.names()) == 1000 * size
    assert time.process_time() - begin < 10


def test_a_cut_archive_still_has_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "cut.tar"
    path.write_bytes(tar_of(Member("x", b"whole"), Member("y", b"z" * 2000))[: 1024 + 512 + 100])
    with path.open("rb") as file, ArchiveSource(file, "cut") as source:
        assert read(source, "x") == b"whole"
        assert len(read(source, "y")) == 100
        assert ProblemCode.TAR_TRUNCATED in codes(source)


def test_a_sparse_member_reads_with_its_holes(tmp_path: Path) -> None:
    extents = (Extent(10, 3), Extent(20, 2))
    path = tmp_path / "sparse.tar"
    path.write_bytes(_sparse_tar(b"map", b"abcde", extents, 25))
    with path.open("rb") as file, ArchiveSource(file, "sparse") as source:
        whole = bytes(10) + b"abc" + bytes(7) + b"de" + bytes(3)
        assert (source.size("map"), read(source, "map")) == (25, whole)
        with source.open("map") as member:
            for start in range(26):
                member.seek(start)
                assert member.read() == whole[start:]


def test_holes_that_nobody_would_live_to_read_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tar"
    path.write_bytes(_sparse_tar(b"layer", b"abc", (Extent(10, 3),), 7 << 30))
    with path.open("rb") as file, ArchiveSource(file, "sparse") as source:
        for ask in (source.size, source.open):
            with pytest.raises(LimitExceededError, match="the limit hole_bytes"):
                ask("layer")


def _sparse_tar(name: bytes, data: bytes, extents: tuple[Extent, ...], size: int) -> bytes:
    """An old GNU sparse member: its map in the header (GNU tar's `tar.h`)."""
    header = bytearray(tar_of(Member(name.decode()))[:512])
    header[124:136] = b"%011o\0" % len(data)
    header[156:157] = b"S"
    header[257:265] = b"ustar  \0"
    header[345:512] = bytes(167)
    for index, extent in enumerate(extents):
        place = 386 + 24 * index
        header[place : place + 24] = b"%011o\0%011o\0" % extent
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + data.ljust(512, b"\0") + bytes(1024)
