"""Damage and what else may stand between members: nothing ends a listing in silence."""

import random

import pytest

from imgforensics.problems import ProblemCode, ProblemLog
from imgforensics.tarstream.reader import TarReader
from tests.tarstream.building import BLOCK, END, V7, base_256, file, header, pax, raw_pax, record
from tests.tarstream.reading import read

DAMAGED = ProblemCode.TAR_HEADER_DAMAGED
CHUNKS = pytest.mark.parametrize("chunk", [1, 300, 512, 1 << 20])
GARBAGE = random.Random(7).randbytes(4 * BLOCK)


def broken(name: bytes = b"broken", size: int = 0) -> bytes:
    return header(name, size=size, checksum=b"0000001\0")


class TestDamagedHeader:
    @CHUNKS
    def test_is_told_with_its_offset_and_the_next_member_found(self, chunk: int) -> None:
        data = file(b"a", b"1" * 600) + broken() + file(b"b", b"2" * 600) + END
        reading = read(data, chunk)
        assert reading.names == [b"a", b"b"]
        assert reading.contents == [b"1" * 600, b"2" * 600]
        (problem,) = reading.problems
        assert (problem.code, problem.where.offset) == (DAMAGED, 1_536)
        assert "checksum" in problem.detail
        assert "skipped 512 bytes to the next header, at offset 2048" in problem.action

    @CHUNKS
    def test_its_content_is_skipped_with_it(self, chunk: int) -> None:
        data = broken(size=2_000) + b"content!" * 256 + header(b"next") + END
        reading = read(data, chunk)
        assert reading.names == [b"next"]
        assert reading.codes == [DAMAGED]
        assert "skipped 2560 bytes" in reading.problems[0].action

    @pytest.mark.parametrize(
        ("size", "words"),
        [
            (base_256(-1, 12), "size -1 is impossible"),
            (base_256(1 << 63, 12), "is no number"),
            (b"\x80" + b"\xff" * 11, "is no number"),
            (b"-0000000001\0", "size -1 is impossible"),
            (b"nonsense!!!!", "is no number"),
        ],
    )
    def test_of_an_impossible_size(self, size: bytes, words: str) -> None:
        reading = read(header(b"a") + header(b"odd", size=size) + header(b"b") + END)
        assert reading.names == [b"a", b"b"]
        (problem,) = reading.problems
        assert (problem.code, problem.where.offset) == (DAMAGED, 512)
        assert words in problem.detail

    def test_takes_its_extension_headers_with_it(self) -> None:
        data = header(b"a") + pax((b"path", b"evil")) + broken() + header(b"b") + END
        reading = read(data)
        assert reading.names == [b"a", b"b"]
        assert reading.codes == [DAMAGED, DAMAGED]
        assert [problem.where.offset for problem in reading.problems] == [512, 1_536]

    def test_each_gap_is_told(self) -> None:
        reading = read((broken() + header(b"ok")) * 3 + END)
        assert reading.names == [b"ok"] * 3
        assert [problem.where.offset for problem in reading.problems] == [0, 1_024, 2_048]

    def test_as_the_last_thing_of_all(self) -> None:
        reading = read(header(b"a") + broken() + END)
        assert reading.names == [b"a"]
        assert reading.codes == [DAMAGED]
        assert "skipped 512 bytes to the end" in reading.problems[0].action

    def test_with_no_end_marker_behind_it(self) -> None:
        reading = read(header(b"a") + broken() + b"rest")
        assert reading.codes == [DAMAGED]
        assert "skipped 516 bytes to the end" in reading.problems[0].action

    def test_zeros_inside_a_damaged_part_are_no_end(self) -> None:
        reading = read(broken() + GARBAGE + bytes(5_120) + GARBAGE + header(b"b") + END)
        assert reading.names == [b"b"]
        assert reading.codes == [DAMAGED]

    def test_zeros_behind_a_damaged_part_are_no_end_either(self) -> None:
        data = header(b"a") + broken() + bytes(5_120) + header(b"b") + END
        assert read(data).codes == [DAMAGED]
        reader = TarReader([data], ProblemLog())
        assert [(m.name, reader.is_past_end) for m in reader] == [(b"a", False), (b"b", False)]

    def test_behind_it_only_a_header_with_magic_counts(self) -> None:
        reading = read(broken() + header(b"old", magic=V7) + header(b"new") + END)
        assert reading.names == [b"new"]
        assert "skipped 1024 bytes" in reading.problems[0].action

    def test_what_is_off_the_512_byte_grid_is_not_taken_for_a_header(self) -> None:
        assert read(broken() + b"x" + header(b"off")).names == []


class TestNoTar:
    def test_empty_input(self) -> None:
        reading = read(b"")
        assert (reading.members, reading.codes) == ([], [ProblemCode.TAR_END_MISSING])
        assert "empty" in reading.problems[0].detail

    @pytest.mark.parametrize("length", [512, 513, 1_000, 100_000])
    @CHUNKS
    def test_other_data(self, length: int, chunk: int) -> None:
        reading = read(random.Random(1).randbytes(length), chunk)
        assert (reading.members, reading.codes) == ([], [DAMAGED])
        assert reading.problems[0].where.offset == 0
        assert f"skipped {length} bytes to the end; no header follows" in reading.problems[0].action

    @pytest.mark.parametrize("length", [1, 100, 511])
    def test_other_data_shorter_than_a_block(self, length: int) -> None:
        reading = read(b"x" * length)
        assert (reading.members, reading.codes) == ([], [ProblemCode.TAR_TRUNCATED])
        assert f"{512 - length} bytes are missing" in reading.problems[0].detail

    @CHUNKS
    def test_nothing_but_zeros_is_an_empty_archive(self, chunk: int) -> None:
        assert read(bytes(10_240), chunk) == ([], [], [])


class TestTruncation:
    @pytest.mark.parametrize("length", [1, 100, 511])
    @CHUNKS
    def test_inside_a_header(self, length: int, chunk: int) -> None:
        reading = read(file(b"a", b"1" * 512) + header(b"b")[:length], chunk)
        assert reading.names == [b"a"]
        (problem,) = reading.problems
        assert (problem.code, problem.where.offset) == (ProblemCode.TAR_TRUNCATED, 1_024 + length)
        assert f"inside a header: {512 - length} bytes are missing" in problem.detail

    @pytest.mark.parametrize("length", [0, 1, 512, 999])
    @CHUNKS
    def test_inside_content(self, length: int, chunk: int) -> None:
        reading = read((header(b"a", size=1_000) + b"1" * 1_000)[: 512 + length], chunk)
        assert reading.names == [b"a"]
        assert reading.contents == [b"1" * length]
        (problem,) = reading.problems
        assert problem.code is ProblemCode.TAR_TRUNCATED
        assert (problem.where.offset, problem.where.path) == (512 + length, b"a")
        assert f"{1_000 - length} bytes are missing" in problem.detail

    @CHUNKS
    def test_inside_padding_loses_nothing(self, chunk: int) -> None:
        reading = read(header(b"a", size=1_000) + b"1" * 1_000 + bytes(10), chunk)
        assert reading.contents == [b"1" * 1_000]
        assert reading.codes == [ProblemCode.TAR_END_MISSING]

    @CHUNKS
    def test_inside_an_extension_header(self, chunk: int) -> None:
        data = header(b"a") + raw_pax(record(b"uname", b"bob") + record(b"path", b"p" * 900))
        reading = read(data[:1_500], chunk)
        assert reading.names == [b"a"]
        assert set(reading.codes) == {
            *(ProblemCode.TAR_TRUNCATED, ProblemCode.PAX_RECORD_INVALID, DAMAGED)
        }
        cut = next(p for p in reading.problems if p.code is ProblemCode.TAR_TRUNCATED)
        assert "bytes are missing" in cut.detail

    @pytest.mark.parametrize("behind", [b"", END])
    def test_behind_an_extension_header(self, behind: bytes) -> None:
        reading = read(header(b"a") + pax((b"path", b"never")) + behind)
        assert reading.names == [b"a"]
        assert DAMAGED in reading.codes
        assert reading.problems[0].where.offset == 512


class TestEndMarker:
    @CHUNKS
    @pytest.mark.parametrize("zeros", [1_024, 1_025, 9_216, 300_000])
    def test_of_two_blocks_or_more_is_no_problem(self, chunk: int, zeros: int) -> None:
        assert read(header() + bytes(zeros), max(chunk, zeros // 1_000)).problems == []

    @CHUNKS
    @pytest.mark.parametrize("zeros", [0, 1, 511, 512, 1_023])
    def test_missing_or_half_there(self, chunk: int, zeros: int) -> None:
        reading = read(header() + bytes(zeros), chunk)
        assert len(reading.members) == 1
        (problem,) = reading.problems
        assert problem.code is ProblemCode.TAR_END_MISSING
        assert problem.where.offset == 512 + zeros
        assert f"{zeros // 512} of two zero blocks" in problem.detail


class TestBehindTheEnd:
    @CHUNKS
    @pytest.mark.parametrize("marker", [512, 1_024, 9_728])
    def test_members_are_read_and_told(self, chunk: int, marker: int) -> None:
        first = file(b"a", b"1") + bytes(marker)
        reading = read(first + pax((b"path", b"b")) + file(b"", b"2") + END, chunk)
        assert reading.names == [b"a", b"b"]
        assert [member.ordinal for member in reading.members] == [0, 1]
        assert reading.contents == [b"1", b"2"]
        (problem,) = reading.problems
        assert problem.code is ProblemCode.TAR_CONCATENATED
        assert problem.where.offset == len(first)
        blocks = marker // 512
        assert ("a lone zero block" if blocks == 1 else f"{blocks} zero") in problem.detail

    def test_the_reader_knows_which_members_those_are(self) -> None:
        data = header(b"a") + header(b"b") + END + header(b"c") + header(b"d") + END
        reader = TarReader([data], ProblemLog())
        past = [(member.name, reader.is_past_end) for member in reader]
        assert past == [(b"a", False), (b"b", False), (b"c", True), (b"d", True)]

    def test_a_v7_member_is_found_there_too(self) -> None:
        assert read(header(b"a") + END + header(b"b", magic=V7) + END).names == [b"a", b"b"]

    @CHUNKS
    @pytest.mark.parametrize("length", [1, 511, 512, 2_000])
    def test_other_data_is_told(self, chunk: int, length: int) -> None:
        reading = read(header(b"a") + END + GARBAGE[:length], chunk)
        assert reading.names == [b"a"]
        (problem,) = reading.problems
        assert problem.code is ProblemCode.TAR_TRAILING_DATA
        assert problem.where.offset == 512 + len(END)
        assert f"skipped {length} bytes to the end" in problem.action

    def test_other_data_between_zeros(self) -> None:
        reading = read(header(b"a") + END + GARBAGE + END * 5)
        assert reading.codes == [ProblemCode.TAR_TRAILING_DATA]
        assert f"skipped {len(GARBAGE)} bytes" in reading.problems[0].action

    def test_other_data_and_then_members(self) -> None:
        reading = read(header(b"a") + END + GARBAGE + END + header(b"b") + END)
        assert reading.names == [b"a", b"b"]
        assert reading.codes == [ProblemCode.TAR_TRAILING_DATA, ProblemCode.TAR_CONCATENATED]

    def test_other_data_and_zeros_and_half_a_block(self) -> None:
        reading = read(header(b"a") + END + GARBAGE + END + b"rest")
        assert reading.codes == [ProblemCode.TAR_TRAILING_DATA] * 2
        assert "skipped 4 bytes" in reading.problems[1].action

    def test_a_member_behind_the_end_needs_an_end_of_its_own(self) -> None:
        reading = read(header(b"a") + END + header(b"b"))
        assert reading.codes == [ProblemCode.TAR_CONCATENATED, ProblemCode.TAR_END_MISSING]
