from itertools import chain

import pytest

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import EntryKind, Extent, TarMember
from imgforensics.tarstream.reader import TarReader
from imgforensics.tarstream.sparse import expand, logical_content
from tests.tarstream.building import (
    END,
    base_256,
    file,
    header,
    long_name,
    old_sparse_header,
    padded,
    pax,
)
from tests.tarstream.reading import read, split

RUNS = [(1_000, 600), (5_000, 1_024), (10_000, 0)]
STORED = bytes(range(1, 255)) * 6 + b"x" * 100
EXTENTS = (Extent(1_000, 600), Extent(5_000, 1_024))
LOGICAL = bytes(1_000) + STORED[:600] + bytes(3_400) + STORED[600:] + bytes(3_976)


def text_map(runs: list[tuple[int, int]]) -> bytes:
    numbers = (len(runs), *chain.from_iterable(runs))
    return padded(b"".join(b"%d\n" % number for number in numbers))


def old(runs: list[tuple[int, int]] = RUNS, size: int = 10_000, stored: bytes = STORED) -> bytes:
    return old_sparse_header(b"sparse", runs, size, len(stored)) + padded(stored)


def pax_0_0(runs: list[tuple[int, int]] = RUNS, size: bytes = b"10000") -> bytes:
    pairs = [
        (key, b"%d" % value)
        for run in runs
        for key, value in zip((b"GNU.sparse.offset", b"GNU.sparse.numbytes"), run, strict=True)
    ]
    count = b"%d" % len(runs)
    head = [(b"GNU.sparse.size", size), (b"GNU.sparse.numblocks", count)]
    return pax(*head, *pairs) + file(b"sparse", STORED)


def pax_0_1(sparse_map: bytes | None = None, size: bytes = b"10000") -> bytes:
    if sparse_map is None:
        sparse_map = b",".join(b"%d,%d" % run for run in RUNS)
    return pax(
        (b"GNU.sparse.major", b"0"),
        (b"GNU.sparse.minor", b"1"),
        (b"GNU.sparse.name", b"sparse"),
        (b"GNU.sparse.size", size),
        (b"GNU.sparse.map", sparse_map),
    ) + file(b"GNUSparseFile.0/sparse", STORED)


def pax_1_0(
    head: bytes | None = None, stored: bytes = STORED, size: bytes = b"10000", minor: bytes = b"0"
) -> bytes:
    return pax(
        (b"GNU.sparse.major", b"1"),
        (b"GNU.sparse.minor", minor),
        (b"GNU.sparse.name", b"sparse"),
        (b"GNU.sparse.realsize", size),
    ) + file(b"GNUSparseFile.0/sparse", (text_map(RUNS) if head is None else head) + stored)


ALL = [old(), pax_0_0(), pax_0_1(), pax_1_0()]


def logical(data: bytes, chunk: int = 1 << 20) -> bytes:
    reader = TarReader(split(data, chunk), ProblemLog())
    return b"".join(
        piece for member in reader for piece in logical_content(member, reader.content())
    )


@pytest.mark.parametrize("data", ALL)
@pytest.mark.parametrize("chunk", [1, 300, 512, 1 << 20])
def test_all_four_formats_read_alike(data: bytes, chunk: int) -> None:
    reading = read(data + file(b"next", b"after") + END, chunk)
    assert reading.problems == []
    assert reading.names == [b"sparse", b"next"]
    member = reading.members[0]
    assert member.kind is EntryKind.FILE
    assert (member.size, member.stored_size, member.extents) == (10_000, 1_624, EXTENTS)
    assert reading.contents == [STORED, b"after"]
    assert data[member.data_offset :].startswith(STORED)
    assert logical(data + END, chunk) == LOGICAL


def test_an_old_map_of_more_runs_than_a_header_and_an_extension_hold() -> None:
    runs = [(n * 1_000, 3) for n in range(60)]
    stored = b"abc" * 60
    data = old([*runs, (100_000, 0)], 100_000, stored) + file(b"next") + END
    reading = read(data)
    assert reading.problems == []
    assert reading.names == [b"sparse", b"next"]
    assert reading.members[0].extents == tuple(Extent(*run) for run in runs)
    assert reading.contents[0] == stored


def test_half_a_version_is_read_as_gnu_tar_does_and_that_is_told() -> None:
    data = pax_1_0(text_map([(10, 3)]), b"abc", b"100") + END
    whole, half = read(data), read(data.replace(b"GNU.sparse.minor", b"GNU.sparse.minus"))
    assert half.members[0].extents == whole.members[0].extents == (Extent(10, 3),)
    assert (whole.codes, half.codes) == ([], [ProblemCode.TAR_MEMBER_AMBIGUOUS])


def test_sparse_records_without_a_map_are_told() -> None:
    data = pax_1_0(text_map([(10, 3)]), b"abc", b"100") + END
    reading = read(data.replace(b"GNU.sparse.major", b"GNU.sparse.mayor"))
    assert reading.members[0].extents is None
    assert reading.names == [b"GNUSparseFile.0/sparse"]
    # For its name and for its content.
    assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS] * 2


def test_a_1_0_map_longer_than_a_block() -> None:
    runs = [(n * 1_000, 1) for n in range(300)]
    data = pax_1_0(text_map(runs), b"z" * 300, b"300000") + file(b"next") + END
    reading = read(data, 700)
    assert reading.problems == []
    assert reading.names == [b"sparse", b"next"]
    assert reading.members[0].extents == tuple(Extent(*run) for run in runs)
    assert reading.contents[0] == b"z" * 300


@pytest.mark.parametrize(
    "data",
    [
        old([], 5_000, b""),
        pax((b"GNU.sparse.size", b"5000"), (b"GNU.sparse.numblocks", b"0")) + file(b"sparse"),
        pax_1_0(text_map([]), b"", b"5000"),
        pax_1_0(text_map([(5_000, 0)]), b"", b"5000"),
    ],
)
def test_a_file_that_is_one_hole(data: bytes) -> None:
    reading = read(data + END)
    assert reading.problems == []
    assert (reading.members[0].size, reading.members[0].extents) == (5_000, ())
    assert logical(data + END) == bytes(5_000)


MISFITS = {
    "overlapping": old([(0, 1_000), (999, 624)]),
    "backwards": old([(5_000, 1_024), (1_000, 600)]),
    "past the end": old([(9_000, 1_624)]),
    "more than stored": old([(0, 2_000)]),
    "less than stored": old([(0, 1_000)]),
    "negative size": old_sparse_header(b"sparse", RUNS, base_256(-1, 12), len(STORED))
    + padded(STORED),
    "0.0 unpaired": pax((b"GNU.sparse.size", b"9"), (b"GNU.sparse.offset", b"0"))
    + file(b"sparse", STORED),
    "0.0 not alternating": pax(
        (b"GNU.sparse.size", b"9999"),
        *((b"GNU.sparse.offset", b"0"), (b"GNU.sparse.offset", b"1624")),
    )
    + file(b"sparse", STORED),
    "0.0 no number": pax(
        (b"GNU.sparse.size", b"9999"),
        *((b"GNU.sparse.offset", b"x"), (b"GNU.sparse.numbytes", b"1624")),
    )
    + file(b"sparse", STORED),
    "0.0 no size": pax_0_0(size=b"many"),
    "0.1 odd": pax_0_1(b"0,1624,5"),
    "0.1 letters": pax_0_1(b"0,x"),
    "0.1 negative": pax_0_1(b"0,-1"),
    "0.1 no size": pax_0_1(size=b"-5"),
    "0.1 huge number": pax_0_1(b"0," + b"9" * 50),
    "unknown version": pax_1_0(minor=b"7", head=b""),
    "1.0 letters": pax_1_0(padded(b"x\n"), STORED),
    "1.0 no newline": pax_1_0(b"1" * 512, STORED),
    "1.0 empty": pax_1_0(b"", b""),
    "1.0 cut short": pax_1_0(padded(b"900\n"), b""),
}


@pytest.mark.parametrize("data", MISFITS.values(), ids=MISFITS.keys())
def test_a_map_that_does_not_fit_gives_the_content_as_stored(data: bytes) -> None:
    reading = read(data + file(b"next", b"after") + END)
    assert reading.codes == [ProblemCode.SPARSE_MAP_INVALID]
    assert reading.problems[0].where.path == b"sparse"
    assert reading.names == [b"sparse", b"next"]
    member = reading.members[0]
    assert member.extents is None
    assert member.size == member.stored_size == len(reading.contents[0])
    assert STORED.endswith(reading.contents[0]) or reading.contents[0].endswith(STORED)


def test_an_old_map_that_holds_no_number() -> None:
    data = bytearray(old())
    data[386:398] = b"not a number"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    assert read(bytes(data) + END).codes == [ProblemCode.SPARSE_MAP_INVALID]


def test_an_old_map_cut_short_with_the_archive() -> None:
    data = old_sparse_header(b"sparse", [(n * 10, 1) for n in range(60)], 1_000, 60)[:1_000]
    reading = read(data)
    assert reading.names == [b"sparse"]
    assert reading.codes == [ProblemCode.SPARSE_MAP_INVALID, ProblemCode.TAR_TRUNCATED]
    assert "60 bytes" in reading.problems[1].detail


@pytest.mark.parametrize("data", ALL)
def test_content_cut_short_is_given_as_far_as_it_goes(data: bytes) -> None:
    cut = data[: data.rindex(b"x" * 100) - 300]
    reading = read(cut)
    assert reading.members[0].extents == EXTENTS
    assert reading.contents == [STORED[:-400]]
    assert reading.codes == [ProblemCode.TAR_TRUNCATED]
    assert logical(cut) == LOGICAL[: 5_000 + 624]


def test_sparse_records_on_anything_but_a_file_mean_nothing() -> None:
    data = pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.minor", b"0"))
    reading = read(data + header(b"d/", type_flag=b"5") + END)
    assert (reading.members[0].kind, reading.problems) == (EntryKind.DIRECTORY, [])


class TestLimits:
    def test_old(self) -> None:
        self.check(old([(n * 10, 1) for n in range(60)], 1_000, b"z" * 60), 50)

    def test_pax_0_0(self) -> None:
        self.check(pax_0_0(), 2)

    def test_pax_0_1(self) -> None:
        self.check(pax_0_1(), 2)

    def test_pax_1_0(self) -> None:
        self.check(pax_1_0(), 2)

    def test_a_claim_of_many_runs_allocates_nothing(self) -> None:
        self.check(pax_1_0(padded(b"9000000000000000000\n")), 1_000_000)

    def check(self, data: bytes, limit: int) -> None:
        with pytest.raises(LimitExceededError) as caught:
            read(data + END, limits=Limits(sparse_extents=limit))
        assert caught.value.name == "sparse_extents"


@pytest.mark.parametrize("chunk", [7, 512, 1 << 20])
def test_expand_places_content_between_holes(chunk: int) -> None:
    reader = TarReader(split(pax_1_0() + END, chunk), ProblemLog())
    file_bytes = bytearray(10_000)
    for member in reader:
        for offset, piece in expand(member, reader.content()):
            file_bytes[offset : offset + len(piece)] = piece
    assert bytes(file_bytes) == LOGICAL


def test_expand_of_a_file_without_holes_counts_from_0() -> None:
    reader = TarReader(split(file(b"file", STORED) + END, 500), ProblemLog())
    for member in reader:
        pieces = list(expand(member, reader.content()))
        assert b"".join(piece for _, piece in pieces) == STORED
        assert [offset for offset, _ in pieces[:3]] == [0, 488, 988]


def test_holes_are_slices_of_one_small_buffer() -> None:
    member = sparse_member(size=600 << 30)
    first = [piece for piece, _ in zip(logical_content(member, ()), range(5_000), strict=False)]
    assert {len(piece) for piece in first} == {len(first[0])}
    assert len(first[0]) <= 1 << 20
    assert len({id(piece.obj) for piece in first}) == 1
    assert not any(first[0])


def sparse_member(size: int) -> TarMember:
    member = read(old([], 1, b"") + END).members[0]
    return member._replace(size=size)


@pytest.mark.parametrize("type_flag", [b"0", b"2", b"5"])
def test_a_sparse_name_names_sparse_files_only(type_flag: bytes) -> None:
    """As in Go's archive/tar, in which engines are written; GNU tar renames any member."""
    records = pax((b"GNU.sparse.name", b"hidden"), (b"path", b"shown"))
    link = b"target" if type_flag == b"2" else b""
    reading = read(records + header(b"short", type_flag=type_flag, link_name=link) + END)
    assert reading.names == [b"shown"]
    assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]


def test_a_sparse_files_name_beats_a_long_name() -> None:
    reading = read(long_name(b"other") + pax_1_0() + END)
    assert reading.names == [b"sparse"]
