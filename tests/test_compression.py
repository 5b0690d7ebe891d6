"""Decompression against the formats' own tools, on sound, cut, flipped and hostile streams."""

import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.compression import Compression, decompress, detect_compression, read_chunks
from imgforensics.errors import LimitExceededError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Problem, ProblemCode, ProblemLog

TEXT = b"".join(b"%d times %x\n" % (number, number * 7919 % 65537) for number in range(300))
SKIPPABLE = b"\x5a\x2a\x4d\x18" + struct.pack("<I", 6) + b"hidden"


def chunked(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def run(
    stored: bytes, compression: Compression, size: int = 1 << 20, limits: Limits = DEFAULT_LIMITS
) -> tuple[bytes, list[Problem]]:
    """Decompress, and hold the promises that every input is owed."""
    log = ProblemLog()
    seen = hashlib.sha256()

    def passing() -> Iterator[bytes]:
        for chunk in chunked(stored, size):
            seen.update(chunk)
            yield chunk

    pieces = list(decompress(passing(), compression, log, limits))
    assert seen.digest() == hashlib.sha256(stored).digest()
    assert all(0 < len(piece) <= 5 << 18 for piece in pieces)
    return b"".join(pieces), list(log)


def codes(problems: list[Problem]) -> list[ProblemCode]:
    return [problem.code for problem in problems]


def gzip_member(data: bytes, flags: int = 0, fields: bytes = b"") -> bytes:
    """A member whose header has the given flags and optional fields."""
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(data) + deflate.flush()
    header = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6) + fields
    return header + body + struct.pack("<II", zlib.crc32(data), len(data))


def zstd_frame(data: bytes, *, checksum: bool = False) -> bytes:
    return zstandard.ZstdCompressor(write_checksum=checksum).compress(data)


def zstd_stream(data: bytes) -> bytes:
    """A frame that does not say how much it holds."""
    compressor = zstandard.ZstdCompressor(write_checksum=True).compressobj()
    return compressor.compress(data) + compressor.flush()


HEADER = b"\x1f\x8b\x08\x02" + bytes(6)
WITH_ALL_FIELDS = gzip_member(TEXT, 4 | 8 | 16, b"\x05\x00extra" + b"a name\0" + b"a comment\0")
WITH_HEADER_CRC = gzip_member(TEXT, 2, struct.pack("<H", zlib.crc32(HEADER) & 0xFFFF))

SOUND: dict[str, tuple[Compression, bytes, bytes]] = {
    "none": (Compression.NONE, TEXT, TEXT),
    "gzip": (Compression.GZIP, gzip.compress(TEXT), TEXT),
    "gzip of nothing": (Compression.GZIP, gzip.compress(b""), b""),
    "gzip members": (
        Compression.GZIP,
        gzip.compress(TEXT) + gzip.compress(b"more"),
        TEXT + b"more",
    ),
    "gzip fields": (Compression.GZIP, WITH_ALL_FIELDS, TEXT),
    "gzip header crc": (Compression.GZIP, WITH_HEADER_CRC, TEXT),
    "gzip then zeros": (Compression.GZIP, gzip.compress(TEXT) + bytes(1000), TEXT),
    "zstd": (Compression.ZSTD, zstd_frame(TEXT), TEXT),
    "zstd of nothing": (Compression.ZSTD, zstd_frame(b""), b""),
    "zstd checksum": (Compression.ZSTD, zstd_frame(TEXT, checksum=True), TEXT),
    "zstd unsized": (Compression.ZSTD, zstd_stream(TEXT), TEXT),
    "zstd frames": (
        Compression.ZSTD,
        SKIPPABLE + zstd_frame(TEXT) + SKIPPABLE + zstd_stream(TEXT) + SKIPPABLE,
        TEXT * 2,
    ),
    "xz": (Compression.XZ, lzma.compress(TEXT), TEXT),
    "xz streams": (
        Compression.XZ,
        lzma.compress(TEXT) + bytes(8) + lzma.compress(TEXT, check=lzma.CHECK_SHA256) + bytes(4),
        TEXT * 2,
    ),
    "bzip2": (Compression.BZIP2, bz2.compress(TEXT), TEXT),
    "bzip2 streams": (
        Compression.BZIP2,
        bz2.compress(TEXT) + bz2.compress(b"more"),
        TEXT + b"more",
    ),
}
ONE_STREAM = {
    "gzip": (Compression.GZIP, gzip.compress(TEXT)),
    "gzip fields": (Compression.GZIP, WITH_ALL_FIELDS),
    "zstd": (Compression.ZSTD, zstd_frame(TEXT)),
    "zstd checksum": (Compression.ZSTD, zstd_frame(TEXT, checksum=True)),
    "zstd unsized": (Compression.ZSTD, zstd_stream(TEXT)),
    "xz": (Compression.XZ, lzma.compress(TEXT)),
    "bzip2": (Compression.BZIP2, bz2.compress(TEXT)),
}
CHECKED = sorted(ONE_STREAM.keys() - {"zstd"})
TOOLS = {
    Compression.GZIP: "gzip",
    Compression.ZSTD: "zstd",
    Compression.XZ: "xz",
    Compression.BZIP2: "bzip2",
}


@pytest.fixture(params=["isal", "zlib"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run with isal, and as where it has no wheel."""
    if request.param == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    return str(request.param)


@pytest.mark.parametrize("name", SOUND)
def test_a_sound_stream_decodes_without_problems(name: str) -> None:
    compression, stored, content = SOUND[name]
    assert detect_compression(stored[:8]) is compression
    assert run(stored, compression) == (content, [])


@given(st.sampled_from(sorted(SOUND)), st.integers(1, 5000))
def test_chunk_sizes_change_nothing(name: str, size: int) -> None:
    compression, stored, content = SOUND[name]
    assert run(stored, compression, size) == (content, [])


@given(st.binary(max_size=3000), st.sampled_from(sorted(TOOLS)), st.integers(1, 64))
def test_round_trip_of_any_content(content: bytes, compression: Compression, size: int) -> None:
    compress: dict[Compression, Callable[[bytes], bytes]] = {
        Compression.GZIP: gzip.compress,
        Compression.ZSTD: zstd_stream,
        Compression.XZ: lzma.compress,
        Compression.BZIP2: bz2.compress,
    }
    assert run(compress[compression](content), compression, size) == (content, [])


@pytest.mark.oracle
@pytest.mark.parametrize("compression", TOOLS)
def test_what_the_tools_write(compression: Compression) -> None:
    tool = TOOLS[compression]
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed")
    content = TEXT * 200
    stored = subprocess.run([tool, "-c"], input=content, capture_output=True, check=True).stdout
    assert detect_compression(stored[:8]) is compression
    assert run(stored, compression, 1000) == (content, [])


def test_gzip_with_and_without_isal(inflater: str) -> None:
    content = TEXT * 500 + bytes(3 << 20)
    stored = gzip.compress(content) + gzip.compress(TEXT) + bytes(10)
    for size in (1, 100, 1 << 20)[inflater == "zlib" :]:
        assert run(stored, Compression.GZIP, size) == (content + TEXT, [])
    cut, problems = run(stored[:-100], Compression.GZIP)
    assert content.startswith(cut[: len(content)])
    assert codes(problems) == [ProblemCode.COMPRESSION_TRUNCATED]
    assert codes(run(b"\x1f\x8b\x08" + bytes(7) + b"\xff" * 99, Compression.GZIP)[1]) == [
        ProblemCode.COMPRESSION_DAMAGED
    ]


def test_a_cut_gzip_gives_all_that_can_be_decoded(inflater: str) -> None:
    stored = gzip.compress(bytes(1 << 20) + TEXT)
    for end in range(20, len(stored), 7):
        decodable = zlib.decompressobj(wbits=31).decompress(stored[:end])
        content, _ = run(stored[:end], Compression.GZIP)
        assert decodable.startswith(content)
        # isal decodes several symbols at a time, and none of those that are not whole.
        assert len(content) >= len(decodable) - (300 if inflater == "isal" else 0)


@pytest.mark.parametrize(
    ("head", "compression"),
    [
        (b"", Compression.NONE),
        (b"\x1f", Compression.NONE),
        (b"etc/pass", Compression.NONE),
        (b"BZhello/", Compression.NONE),
        (b"BZh0", Compression.NONE),
        (b"BZh9name", Compression.NONE),
        (b"\x4f\x2a\x4d\x18", Compression.NONE),
        (b"\x50\x2a\x4d\x18", Compression.ZSTD),
        (b"\x5f\x2a\x4d\x18", Compression.ZSTD),
        (b"\x60\x2a\x4d\x18", Compression.NONE),
    ],
)
def test_detection_at_its_edges(head: bytes, compression: Compression) -> None:
    assert detect_compression(head) is compression


@pytest.mark.parametrize("name", ONE_STREAM)
def test_a_stream_cut_anywhere_is_truncated(name: str) -> None:
    compression, stored = ONE_STREAM[name]
    for end in range(len(stored)):
        content, problems = run(stored[:end], compression, 1 + end % 97)
        assert TEXT.startswith(content)
        assert codes(problems) == [ProblemCode.COMPRESSION_TRUNCATED], end
        assert problems[0].where.offset == end


@pytest.mark.parametrize("name", ONE_STREAM)
def test_a_flipped_byte_never_raises_and_never_passes_a_check(name: str) -> None:
    compression, stored = ONE_STREAM[name]
    for position in range(len(stored)):
        flipped = bytearray(stored)
        flipped[position] ^= 1 << position % 8
        try:
            content, problems = run(bytes(flipped), compression)
        except LimitExceededError:  # the flipped byte asks for a window of terabytes
            continue
        assert problems or content == TEXT or name not in CHECKED


@pytest.mark.parametrize("name", ONE_STREAM)
def test_trailing_garbage_is_told_with_its_offset(name: str) -> None:
    compression, stored = ONE_STREAM[name]
    content, problems = run(stored + b"garbage", compression, 50)
    assert content == TEXT
    assert codes(problems) == [ProblemCode.COMPRESSION_TRAILING_DATA]
    assert problems[0].where.offset == len(stored)


def test_garbage_behind_zeros_behind_gzip() -> None:
    stored = gzip.compress(TEXT) + bytes(300)
    content, problems = run(stored + b"x", Compression.GZIP)
    assert (content, codes(problems)) == (TEXT, [ProblemCode.COMPRESSION_TRAILING_DATA])
    assert problems[0].where.offset == len(stored)


def test_xz_padding_of_a_wrong_length() -> None:
    _, problems = run(lzma.compress(TEXT) + bytes(3), Compression.XZ)
    assert codes(problems) == [ProblemCode.COMPRESSION_TRAILING_DATA]


@pytest.mark.parametrize("compression", TOOLS)
def test_something_else_altogether(compression: Compression) -> None:
    content, problems = run(b"something else altogether" * 100, compression, 5)
    assert (content, codes(problems)) == (b"", [ProblemCode.COMPRESSION_DAMAGED])


def test_a_wrong_gzip_checksum_costs_no_content() -> None:
    stored = gzip.compress(TEXT)
    wrong_checksum = stored[:-8] + bytes(4) + stored[-4:]
    wrong_length = stored[:-4] + bytes(4)
    for damaged, reason in ((wrong_checksum, "CRC-32"), (wrong_length, "length")):
        content, problems = run(damaged, Compression.GZIP)
        assert (content, codes(problems)) == (TEXT, [ProblemCode.COMPRESSION_DAMAGED])
        assert reason in problems[0].detail


def test_a_wrong_zstd_checksum_costs_no_content() -> None:
    content, problems = run(zstd_stream(TEXT)[:-4] + bytes(4), Compression.ZSTD)
    assert (content, codes(problems)) == (TEXT, [ProblemCode.COMPRESSION_DAMAGED])


def test_content_before_damage_is_delivered() -> None:
    content = bytes(range(256)) * 20_000
    for compression, stored in (
        (Compression.GZIP, gzip.compress(content, 1)),
        (Compression.ZSTD, zstd_stream(content)),
        (Compression.XZ, lzma.compress(content[:-1] + b"x")),
    ):
        damaged = stored[:-20] + bytes([stored[-20] ^ 0x55]) + stored[-19:]
        decoded, problems = run(damaged, compression)
        assert len(decoded) >= len(content) - (256 << 10)
        assert codes(problems) == [ProblemCode.COMPRESSION_DAMAGED]


def test_a_dictionary_that_is_not_there_is_named() -> None:
    dictionary = zstandard.train_dictionary(1024, [TEXT[i : i + 90] for i in range(2000)])
    stored = zstandard.ZstdCompressor(dict_data=dictionary).compress(TEXT)
    _, problems = run(stored, Compression.ZSTD)
    assert codes(problems) == [ProblemCode.COMPRESSION_DAMAGED]
    assert f"dictionary {dictionary.dict_id()}" in problems[0].detail


def test_a_window_over_the_limit_stops_the_work() -> None:
    limits = Limits(decoder_window_bytes=1 << 20)
    wide = zstandard.ZstdCompressionParameters(window_log=22, write_content_size=False)
    compressor = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    zstd = compressor.compress(TEXT) + compressor.flush()
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 4 << 20}]
    xz = lzma.compress(TEXT, filters=filters)
    for stored, compression in ((zstd, Compression.ZSTD), (xz, Compression.XZ)):
        assert run(stored, compression) == (TEXT, [])
        with pytest.raises(LimitExceededError, match="decoder_window_bytes"):
            run(stored, compression, limits=limits)


def test_a_zstd_frame_that_says_its_size_needs_no_larger_window() -> None:
    for content in (TEXT, TEXT[:200] * 100):
        stored = zstd_frame(content)
        exact = Limits(decoder_window_bytes=len(content))
        assert run(stored, Compression.ZSTD, limits=exact) == (content, [])
        with pytest.raises(LimitExceededError, match="decoder_window_bytes"):
            run(stored, Compression.ZSTD, limits=Limits(decoder_window_bytes=len(content) - 1))


@pytest.mark.parametrize("compression", [Compression.NONE, Compression.GZIP])
def test_a_layer_over_the_limit_stops_the_work(compression: Compression) -> None:
    stored = gzip.compress(TEXT) if compression is Compression.GZIP else TEXT
    assert run(stored, compression, limits=Limits(layer_bytes=len(TEXT))) == (TEXT, [])
    with pytest.raises(LimitExceededError, match="layer_bytes"):
        run(stored, compression, limits=Limits(layer_bytes=len(TEXT) - 1))


def test_the_ratio_is_looked_at_past_its_floor() -> None:
    bomb = gzip.compress(bytes(4 << 20))
    limits = Limits(ratio=100, ratio_floor_bytes=1 << 20)
    with pytest.raises(LimitExceededError, match="ratio=100"):
        run(bomb, Compression.GZIP, limits=limits)
    high_floor = Limits(ratio=100, ratio_floor_bytes=8 << 20)
    assert run(bomb, Compression.GZIP, limits=high_floor)[1] == []


@pytest.mark.parametrize(
    "bomb",
    [gzip.compress, zstd_stream, lzma.compress, bz2.compress],
    ids=["gzip", "zstd", "xz", "bzip2"],
)
def test_a_bomb_takes_little_memory(bomb: Callable[[bytes], bytes]) -> None:
    stored = bomb(bytes(64 << 20))
    tracemalloc.start()
    try:
        pieces = decompress([stored], detect_compression(stored[:8]), ProblemLog())
        assert sum(map(len, pieces)) == 64 << 20
        assert tracemalloc.get_traced_memory()[1] < 12 << 20  # xz: a window of 8 MiB
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "compress",
    [gzip.compress, zstd_stream, lzma.compress, bz2.compress],
    ids=["gzip", "zstd", "xz", "bzip2"],
)
def test_thousands_of_tiny_streams_in_one_chunk_take_linear_time(
    compress: Callable[[bytes], bytes], inflater: str
) -> None:
    stream = compress(b"tiny")
    compression = detect_compression(stream[:8])

    def seconds(count: int, chunk: int) -> float:
        start = time.process_time()
        assert run(stream * count, compression, chunk) == (b"tiny" * count, [])
        return time.process_time() - start

    few, many, one_by_one = (
        min(seconds(count, chunk) for _ in range(3))
        for count, chunk in ((2_000, 64 << 20), (20_000, 64 << 20), (20_000, len(stream)))
    )
    assert many < 30 * few
    assert many < 2 * one_by_one


@given(st.sampled_from(sorted(SOUND)), st.integers(0, 40), st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(name: str, kept: int, data: bytes) -> None:
    compression, stored, _ = SOUND[name]
    try:
        _, problems = run(stored[:kept] + data, compression)
    except LimitExceededError:
        return
    assert len(problems) <= 1


def test_a_gzip_name_without_end_is_truncated() -> None:
    _, problems = run(HEADER[:3] + b"\x08" + bytes(6) + b"a" * (1 << 20), Compression.GZIP)
    assert codes(problems) == [ProblemCode.COMPRESSION_TRUNCATED]


def test_read_chunks_reads_to_the_end() -> None:
    assert list(read_chunks(io.BytesIO(b"abcde"), 2)) == [b"ab", b"cd", b"e"]
