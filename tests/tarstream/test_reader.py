from collections.abc import Iterator

import pytest

from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.member import NOTHING, EntryKind
from imgforensics.tarstream.reader import TarReader
from tests.tarstream.building import END, GNU, USTAR, V7, base_256, file, header, long_name, pax
from tests.tarstream.reading import only, read, split


def reader_of(data: bytes, chunk: int = 1 << 20) -> TarReader:
    return TarReader(split(data, chunk), ProblemLog())


def test_a_member_as_its_header_says_it() -> None:
    data = header(b"first") + file(
        b"dir/file",
        b"content",
        mode=0o4755,
        uid=1000,
        gid=100,
        mtime=1_700_000_000,
        user=b"alice",
        group=b"users",
    )
    reading = read(data + END)
    member = reading.members[1]
    assert reading.problems == []
    assert reading.contents == [b"", b"content"]
    assert tuple(member) == (
        *(1, b"dir/file", EntryKind.FILE, 0o4755, 1000, 100, 7, 1_700_000_000 * 10**9, b""),
        *(512, 1024, 7, b"alice", b"users", (0, 0), {}, {}, None, b"0"),
    )
    assert member.xattrs is NOTHING
    assert member.pax is NOTHING


@pytest.mark.parametrize(
    ("type_flag", "kind"),
    [
        (b"\0", EntryKind.FILE),
        (b"0", EntryKind.FILE),
        (b"1", EntryKind.HARD_LINK),
        (b"2", EntryKind.SYMLINK),
        (b"3", EntryKind.CHARACTER_DEVICE),
        (b"4", EntryKind.BLOCK_DEVICE),
        (b"5", EntryKind.DIRECTORY),
        (b"6", EntryKind.FIFO),
        (b"7", EntryKind.FILE),
        (b"M", EntryKind.UNKNOWN),
        (b"N", EntryKind.UNKNOWN),
        (b"V", EntryKind.UNKNOWN),
        (b"A", EntryKind.UNKNOWN),
        (b"\xff", EntryKind.UNKNOWN),
    ],
)
@pytest.mark.parametrize("magic", [V7, USTAR, GNU])
def test_kinds(type_flag: bytes, kind: EntryKind, magic: bytes) -> None:
    data = header(b"name", type_flag=type_flag, link_name=b"target", magic=magic) + END
    member = only(data)
    assert (member.kind, member.type_flag, member.name) == (kind, type_flag, b"name")
    is_link = kind in (EntryKind.HARD_LINK, EntryKind.SYMLINK)
    assert member.link_name == (b"target" if is_link else b"")


@pytest.mark.parametrize("type_flag", [b"D", b"M", b"V", b"N", b"Z"])
def test_content_of_unusual_members_is_found_and_passed_over(type_flag: bytes) -> None:
    content = b"Yfile\0Nother\0\0" * 100
    data = file(b"odd", content, type_flag=type_flag, magic=GNU) + header(b"next") + END
    reading = read(data)
    assert reading.problems == []
    assert reading.names == [b"odd", b"next"]
    assert reading.contents[0] == content
    assert (reading.members[0].size, reading.members[0].stored_size) == (0, len(content))
    expected = EntryKind.DIRECTORY if type_flag == b"D" else EntryKind.UNKNOWN
    assert reading.members[0].kind is expected


def test_a_v7_directory_is_a_file_whose_name_ends_in_a_slash() -> None:
    data = header(b"dir/", type_flag=b"\0", magic=V7) + header(b"f/", type_flag=b"0") + END
    assert [m.kind for m in read(data).members] == [EntryKind.DIRECTORY, EntryKind.FILE]


def test_the_slash_of_a_long_name_counts_too() -> None:
    data = long_name(b"d/" * 80) + header(b"d/d", type_flag=b"\0", magic=GNU) + END
    assert only(data).kind is EntryKind.DIRECTORY


class TestSizeOfWhatHasNoContent:
    KINDS = pytest.mark.parametrize("type_flag", [b"1", b"2", b"3", b"4", b"5", b"6"])

    @KINDS
    def test_a_header_behind_it_means_no_content(self, type_flag: bytes) -> None:
        reading = read(header(b"a", type_flag=type_flag, size=5_000) + header(b"b") + END)
        assert reading.problems == []
        assert reading.names == [b"a", b"b"]
        assert (reading.members[0].size, reading.members[0].stored_size) == (0, 0)

    @KINDS
    @pytest.mark.parametrize("behind", [b"", bytes(100), END])
    def test_so_do_zeros_and_the_end(self, type_flag: bytes, behind: bytes) -> None:
        reading = read(header(b"a", type_flag=type_flag, size=5_000) + behind)
        assert reading.contents == [b""]
        assert ProblemCode.TAR_TRUNCATED not in reading.codes

    @KINDS
    @pytest.mark.parametrize("chunk", [100, 1 << 20])
    def test_anything_else_is_its_content_and_told(self, type_flag: bytes, chunk: int) -> None:
        data = file(b"a", b"body" * 300, type_flag=type_flag, link_name=b"t") + header(b"b") + END
        reading = read(data, chunk)
        assert reading.names == [b"a", b"b"]
        assert reading.contents == [b"body" * 300, b""]
        assert (reading.members[0].size, reading.members[0].stored_size) == (0, 1_200)
        assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]

    def test_a_pax_size_on_a_hard_link_is_judged_alike(self) -> None:
        data = pax((b"size", b"1200")) + header(b"a", type_flag=b"1")
        assert read(data + b"body" * 300 + bytes(336) + header(b"b") + END).names == [b"a", b"b"]
        assert read(data + header(b"b") + END).names == [b"a", b"b"]

    def test_a_v7_directory(self) -> None:
        data = header(b"d/", type_flag=b"\0", magic=V7, size=512) + header(b"b") + END
        assert read(data).names == [b"d/", b"b"]


class TestContent:
    FILES = tuple((b"f%d" % size, b"%d" % (size % 10) * size) for size in (0, 1, 511, 512, 5_000))
    DATA = b"".join(file(*each) for each in FILES) + END

    @pytest.mark.parametrize("chunk", [1, 3, 511, 512, 513, 1_000, 4_096, 1 << 20])
    def test_whatever_the_chunks(self, chunk: int) -> None:
        reading = read(self.DATA, chunk)
        assert reading.problems == []
        assert list(zip(reading.names, reading.contents, strict=True)) == list(self.FILES)

    @pytest.mark.parametrize("chunk", [100, 1_000, 1 << 20])
    def test_may_be_left_unread(self, chunk: int) -> None:
        assert [member.name for member in reader_of(self.DATA, chunk)] == [n for n, _ in self.FILES]

    @pytest.mark.parametrize("chunk", [100, 1_000, 1 << 20])
    def test_may_be_left_half_read(self, chunk: int) -> None:
        reader = reader_of(self.DATA, chunk)
        names = []
        for member in reader:
            names.append(member.name)
            for _ in reader.content():
                break
        assert names == [name for name, _ in self.FILES]

    @pytest.mark.parametrize("chunk", [100, 1_000, 1 << 20])
    def test_may_be_taken_up_again(self, chunk: int) -> None:
        reader = reader_of(file(b"file", b"abcde" * 1_000) + END, chunk)
        next(iter(reader))
        first = next(iter(reader.content()))
        rest = b"".join(reader.content())
        assert rest in (b"abcde" * 1_000, (b"abcde" * 1_000)[len(first) :])

    def test_in_one_chunk_is_a_slice_of_it_and_can_be_gone_through_again(self) -> None:
        data = file(b"file", b"content") + END
        reader = TarReader([data], ProblemLog())
        next(iter(reader))
        (piece,) = reader.content()
        assert piece.obj is data
        assert [bytes(piece) for piece in reader.content()] == [b"content"]

    def test_over_many_chunks_is_not_copied_either(self) -> None:
        chunks = list(split(file(b"file", b"abcde" * 1_000) + END, 1_024))
        reader = TarReader(chunks, ProblemLog())
        next(iter(reader))
        owners = [piece.obj for piece in reader.content()]
        assert [any(owner is chunk for chunk in chunks) for owner in owners] == [True] * 6

    def test_of_a_member_that_iteration_has_passed_ends(self) -> None:
        reader = reader_of(file(b"a", b"1" * 2_000) + file(b"b", b"2" * 2_000) + END, 600)
        members = iter(reader)
        next(members)
        stale = iter(reader.content())
        next(stale)
        next(members)
        assert list(stale) == []
        assert b"".join(reader.content()) == b"2" * 2_000

    def test_before_and_behind_all_members_is_empty(self) -> None:
        reader = reader_of(self.DATA)
        assert b"".join(reader.content()) == b""
        list(reader)
        assert b"".join(reader.content()) == b""


class TestEndOfInput:
    def test_every_byte_behind_the_last_member_is_consumed(self) -> None:
        seen = []

        def chunks() -> Iterator[bytes]:
            for chunk in split(file(b"file", b"content") + bytes(100_000), 700):
                seen.append(len(chunk))
                yield chunk

        log = ProblemLog()
        reader = TarReader(chunks(), log)
        assert len(list(reader)) == 1
        assert sum(seen) == reader.offset == 1_024 + 100_000
        assert list(log) == []

    @pytest.mark.parametrize("chunk", [100, 700, 1 << 20])
    def test_drain_passes_what_is_left_and_ends_the_iteration(self, chunk: int) -> None:
        data = file(b"a", b"1" * 2_000) + file(b"b") + END
        log = ProblemLog()
        reader = TarReader(split(data, chunk), log)
        members = iter(reader)
        next(members)
        before = reader.offset
        assert reader.drain() == len(data) - before
        assert reader.offset == len(data)
        assert list(members) == []
        assert reader.offset == len(data)
        assert reader.drain() == 0
        assert list(log) == []

    def test_iteration_goes_on_where_it_stopped(self) -> None:
        reader = reader_of(file(b"a", b"1" * 600) + file(b"b") + END)
        assert next(iter(reader)).name == b"a"
        assert [member.name for member in reader] == [b"b"]
        assert list(reader) == []

    def test_empty_chunks_are_no_end(self) -> None:
        data = file(b"a", b"1" * 600) + END
        chunks = [b"", data[:300], b"", b"", data[300:900], b"", data[900:], b""]
        reader = TarReader(chunks, ProblemLog())
        assert [b"".join(reader.content()) for _ in reader] == [b"1" * 600]


class Source:
    """A seekable file behind chunks."""

    def __init__(self, data: bytes, chunk: int, most: int = 1 << 62) -> None:
        self.data, self.chunk, self.most = data, chunk, most
        self.position = self.bytes_read = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self.data[self.position : self.position + self.chunk]:
            self.position += len(chunk)
            self.bytes_read += len(chunk)
            yield chunk

    def skip(self, count: int) -> int:
        count = min(count, self.most, len(self.data) - self.position)
        self.position += count
        return count


class TestSkip:
    DATA = (
        file(b"a", b"1" * 100_000)
        + file(b"b", b"2" * 10)
        + pax((b"path", b"c"))
        + file(b"short", b"3" * 100_001)
        + file(b"d", b"4" * 511)
        + END
    )

    @pytest.mark.parametrize("chunk", [100, 512, 700, 4_096])
    @pytest.mark.parametrize("most", [0, 1, 5_000, 1 << 62])
    def test_gives_the_same_members(self, chunk: int, most: int) -> None:
        source = Source(self.DATA, chunk, most)
        log = ProblemLog()
        reader = TarReader(source, log, skip=source.skip)
        assert list(reader) == read(self.DATA).members
        assert list(log) == []
        assert reader.offset == len(self.DATA)

    @pytest.mark.parametrize("chunk", [100, 512, 700, 4_096])
    def test_leaves_wanted_content_alone(self, chunk: int) -> None:
        source = Source(self.DATA, chunk)
        reader = TarReader(source, ProblemLog(), skip=source.skip)
        found = {m.name: b"".join(reader.content()) for m in reader if m.name in b"bd"}
        assert found == {b"b": b"2" * 10, b"d": b"4" * 511}

    def test_saves_reading(self) -> None:
        source = Source(self.DATA, 512)
        list(TarReader(source, ProblemLog(), skip=source.skip))
        assert source.bytes_read < 12_000

    def test_past_the_end_is_found_out(self) -> None:
        source = Source(self.DATA[:60_000], 512)
        log = ProblemLog()
        list(TarReader(source, log, skip=source.skip))
        (problem,) = log
        assert problem.code is ProblemCode.TAR_TRUNCATED
        assert "40512 bytes are missing" in problem.detail


def test_sizes_beyond_octal() -> None:
    data = header(b"huge", size=base_256(1 << 40, 12)) + b"start"
    reading = read(data)
    assert (reading.members[0].size, reading.contents) == (1 << 40, [b"start"])
    assert f"{(1 << 40) - 5} bytes are missing" in reading.problems[0].detail
