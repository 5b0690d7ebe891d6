"""The reader against the standard library's on sound archives, and on damaged ones alone."""

import io
import tarfile
from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from imgforensics.errors import LimitExceededError
from imgforensics.problems import ProblemLog, Severity
from imgforensics.tarstream.member import EntryKind, TarMember
from imgforensics.tarstream.reader import TarReader
from imgforensics.tarstream.sparse import logical_content

KINDS = {
    tarfile.REGTYPE: EntryKind.FILE,
    tarfile.CONTTYPE: EntryKind.FILE,
    tarfile.DIRTYPE: EntryKind.DIRECTORY,
    tarfile.SYMTYPE: EntryKind.SYMLINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.CHRTYPE: EntryKind.CHARACTER_DEVICE,
    tarfile.BLKTYPE: EntryKind.BLOCK_DEVICE,
    tarfile.FIFOTYPE: EntryKind.FIFO,
}
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def texts(longest: int) -> st.SearchStrategy[str]:
    """Names as a filesystem may hold them, not all of them UTF-8; no slash at an end."""
    alphabet = st.characters(codec="utf-8", exclude_characters="\0/") | st.sampled_from("\udcff/\n")
    return (
        st.text(alphabet, min_size=1, max_size=longest)
        .map(lambda name: name.strip("/") or "x")
        .filter(lambda name: len(name.encode("utf-8", "surrogateescape")) <= longest)
    )


@st.composite
def archives(draw: st.DrawFn) -> tuple[bytes, int]:
    kind = draw(st.sampled_from(FORMATS))
    stream = io.BytesIO()
    with tarfile.open(
        fileobj=stream, mode="w", format=kind, errors="surrogateescape", encoding="utf-8"
    ) as archive:
        for _ in range(draw(st.integers(0, 5))):
            info, content = draw(members(kind))
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue(), kind


@st.composite
def members(draw: st.DrawFn, kind: int) -> tuple[tarfile.TarInfo, bytes]:
    long = 90 if kind == tarfile.USTAR_FORMAT else 400
    most = 0o7777777 if kind == tarfile.USTAR_FORMAT else (1 << 32) - 2
    info = tarfile.TarInfo(draw(texts(long)))
    info.type = draw(st.sampled_from(sorted(KINDS)))
    info.mode = draw(st.integers(0, 0o7777))
    info.uid, info.gid = draw(st.integers(0, most)), draw(st.integers(0, most))
    info.uname, info.gname = draw(texts(30)), draw(texts(30))
    info.mtime = draw(mtimes(kind))
    if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        info.linkname = draw(texts(long))
    if info.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        info.devmajor, info.devminor = draw(st.integers(0, 4095)), draw(st.integers(0, 1 << 20))
    content = b""
    if info.isreg():
        content = draw(st.binary(max_size=10) | st.integers(0, 3_000).map(bytes))
    info.size = len(content)
    return info, content


def mtimes(kind: int) -> st.SearchStrategy[int | float]:
    if kind == tarfile.USTAR_FORMAT:
        return st.integers(0, 0o77777777777)
    whole = st.integers(-(1 << 40), 1 << 40)
    if kind == tarfile.GNU_FORMAT:
        return whole
    # Quarters of a second are exact in binary, so that the oracle's float says them exactly.
    return whole | st.integers(-(1 << 40), 1 << 40).map(lambda quarters: quarters / 4)


def chunked(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        yield data[position : position + size]
        position, turn = position + size, turn + 1


CHUNKINGS = st.lists(st.integers(1, 600), min_size=1, max_size=4) | st.just([1 << 20])


@given(archives(), CHUNKINGS)
def test_sound_archives_read_as_the_standard_library_reads_them(
    archive: tuple[bytes, int], sizes: list[int]
) -> None:
    data, _ = archive
    log = ProblemLog()
    reader = TarReader(chunked(data, sizes), log)
    read = [(member, b"".join(reader.content())) for member in reader]
    with tarfile.open(
        fileobj=io.BytesIO(data), errors="surrogateescape", encoding="utf-8"
    ) as oracle:
        expected = oracle.getmembers()
        assert len(read) == len(expected)
        for (member, content), info in zip(read, expected, strict=True):
            check(member, info)
            stream = oracle.extractfile(info) if info.isreg() else None
            assert content == (stream.read() if stream else b"")
    assert list(log) == []
    assert reader.offset == len(data)


def check(member: TarMember, info: tarfile.TarInfo) -> None:
    assert text(member.name).rstrip("/") == info.name
    assert member.kind is KINDS[info.type]
    assert (member.mode, member.uid, member.gid) == (info.mode, info.uid, info.gid)
    assert member.size == (info.size if info.isreg() else 0)
    assert member.mtime_ns == int(info.mtime * 4) * 250_000_000
    assert (text(member.user_name), text(member.group_name)) == (info.uname, info.gname)
    assert (member.header_offset, member.data_offset) == (info.offset, info.offset_data)
    if member.link_name:
        assert text(member.link_name) == info.linkname
    if info.isdev() and not info.isfifo():
        assert member.device == (info.devmajor, info.devminor)


def text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


@given(archives(), CHUNKINGS, CHUNKINGS)
def test_neither_chunks_nor_what_is_read_of_content_change_members(
    archive: tuple[bytes, int], sizes: list[int], others: list[int]
) -> None:
    data, _ = archive
    reader = TarReader(chunked(data, sizes), ProblemLog())
    partly = []
    for member in reader:
        partly.append(member)
        next(iter(reader.content()), None)
    assert partly == list(TarReader(chunked(data, others), ProblemLog()))


@given(archives(), st.data(), CHUNKINGS)
def test_damage_neither_raises_nor_goes_untold(
    archive: tuple[bytes, int], draw: st.DataObject, sizes: list[int]
) -> None:
    data, _ = archive
    damaged = bytearray(data)
    for _ in range(draw.draw(st.integers(1, 8))):
        damaged[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    damaged = damaged[: draw.draw(st.integers(0, len(data)) | st.just(len(data)))]
    sound = len(list(TarReader([data], ProblemLog())))
    log = ProblemLog()
    reader = TarReader(chunked(bytes(damaged), sizes), log)
    found = 0
    try:
        for member in reader:
            found += 1
            given_bytes = sum(len(piece) for piece in reader.content())
            assert given_bytes <= member.stored_size
    except LimitExceededError as error:
        assert error.name == "pax_bytes"  # noqa: PT017
        return
    assert reader.offset == len(damaged)
    if found < sound:
        assert any(problem.severity is not Severity.NOTE for problem in log)


@given(st.binary(max_size=3_000), st.binary(max_size=600), CHUNKINGS)
def test_any_bytes_behind_or_instead_of_an_archive_are_accounted_for(
    noise: bytes, more: bytes, sizes: list[int]
) -> None:
    data = noise + bytes(-len(noise) % 512) + bytes(1_024) + more
    log = ProblemLog()
    reader = TarReader(chunked(data, sizes), log)
    for member in reader:
        list(logical_content(member, reader.content()))
    assert reader.offset == len(data)
    if data.strip(b"\0"):
        assert list(log)
