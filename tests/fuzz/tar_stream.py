"""The tar reader on any bytes, in chunks of any size.

The first byte of the input says how: bit 0 repairs checksums, bits 1 and 2 choose the chunks.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import Problem, ProblemCode, ProblemLog
from imgforensics.tarstream.header import number
from imgforensics.tarstream.member import TarMember
from imgforensics.tarstream.reader import TarReader
from imgforensics.tarstream.sparse import logical_content
from imgforensics.testing import (
    Entry,
    Member,
    SparseFormat,
    TarFormat,
    device,
    directory,
    fifo,
    file,
    global_records,
    hard_link,
    opaque,
    raw,
    sparse_file,
    symlink,
    tar,
    whiteout,
)
from tests.fuzz.repair import BLOCK, with_checksums

LIMITS = Limits(pax_bytes=1 << 16, name_bytes=4_096, sparse_extents=1_000)
_REPAIRED = 1
_CHUNKS = (30, 100, 512, 4_096)
_LAID_OUT = 1 << 20
"""Files of up to this size are laid out with their holes."""
_LOSSES = (
    ProblemCode.TAR_HEADER_DAMAGED,
    ProblemCode.TAR_TRAILING_DATA,
    ProblemCode.TAR_TRUNCATED,
)


class Reading(NamedTuple):
    """What one reading of an archive gave."""

    members: tuple[TarMember, ...]
    past_end: tuple[bool, ...]
    contents: tuple[bytes, ...] | None
    """None where contents were not asked for."""
    problems: tuple[Problem, ...]
    limit: str | None
    """The limit that ended it."""


def check(data: bytes) -> None:
    """Read the archive in three ways, which must agree, and compare the answer with the bytes."""
    if not data:
        return
    control, archive = data[0], data[1:]
    if control & _REPAIRED:
        archive = with_checksums(archive)
    size = _CHUNKS[control >> 1 & 3]
    whole = read([archive])
    check_members(archive, whole)
    assert read(_pieces(archive, size)) == whole, f"another answer in chunks of {size}"
    skipped = read_skipping(archive, size)
    assert skipped._replace(contents=whole.contents) == whole, "another answer when skipping"


def read(chunks: Iterable[bytes]) -> Reading:
    """Members, contents and problems of an archive."""
    return _gather(TarReader(chunks, log := ProblemLog(), LIMITS), log, with_contents=True)


def read_skipping(archive: bytes, size: int) -> Reading:
    """Members and problems alone, content being passed over as in a file."""
    window = _Skippable(archive, size)
    log = ProblemLog()
    reader = TarReader(window.chunks(), log, LIMITS, skip=window.skip)
    return _gather(reader, log, with_contents=False)


def _gather(reader: TarReader, log: ProblemLog, *, with_contents: bool) -> Reading:
    members: list[TarMember] = []
    past_end: list[bool] = []
    contents: list[bytes] = []
    limit = None
    try:
        for member in reader:
            members.append(member)
            past_end.append(reader.is_past_end)
            if with_contents:
                contents.append(b"".join(reader.content()))
    except LimitExceededError as error:
        limit = error.name
    found = tuple(contents) if with_contents else None
    return Reading(tuple(members), tuple(past_end), found, tuple(log), limit)


def check_members(archive: bytes, reading: Reading) -> None:
    """Members follow one another inside the archive, and every byte is accounted for."""
    reached = 0
    for ordinal, member in enumerate(reading.members):
        assert member.ordinal == ordinal
        assert reached <= member.header_offset < member.data_offset <= len(archive)
        assert member.size >= 0
        assert member.stored_size >= 0
        check_gap(archive, reached, member.header_offset, reading.problems)
        content = archive[member.data_offset : member.data_offset + member.stored_size]
        if reading.contents is not None:
            assert reading.contents[ordinal] == content
        if len(content) < member.stored_size:
            _assert_cut(reading.problems)
        _check_layout(member, content)
        reached = min(len(archive), member.data_offset + member.stored_size)
        reached = min(len(archive), -(-reached // BLOCK) * BLOCK)
    if reading.limit is None:
        check_gap(archive, reached, len(archive), reading.problems)


def check_gap(archive: bytes, start: int, end: int, problems: Sequence[Problem]) -> None:
    """What stands between members is zeros, global headers, or reported."""
    left = _after_global_headers(archive, start, end)
    if archive[left:end].strip(b"\0"):
        offsets = [one.where.offset for one in problems if one.code in _LOSSES]
        covered = any(offset is not None and start <= offset <= end for offset in offsets)
        many = any(one.code is ProblemCode.MORE_OF_THE_SAME for one in problems)
        assert covered or many, f"nothing is said of bytes {left} to {end}"


def _after_global_headers(archive: bytes, start: int, end: int) -> int:
    while start < end:
        block = archive[start : start + BLOCK]
        if block.strip(b"\0"):
            if block[156:157] != b"g" or len(block) < BLOCK:
                break
            size = max(0, number(block[124:136]) or 0)
            start += -(-size // BLOCK) * BLOCK
        start += BLOCK
    return min(start, end)


def _assert_cut(problems: Sequence[Problem]) -> None:
    assert any(problem.code is ProblemCode.TAR_TRUNCATED for problem in problems)


def _check_layout(member: TarMember, content: bytes) -> None:
    if member.extents is not None:
        reached = 0
        for offset, length in member.extents:
            assert offset >= reached
            assert length > 0
            reached = offset + length
        assert reached <= member.size
        assert sum(length for _, length in member.extents) == member.stored_size
    if member.size <= _LAID_OUT and len(content) == member.stored_size:
        laid_out = sum(map(len, logical_content(member, (memoryview(content),))))
        assert laid_out == (member.size or member.stored_size)


def _pieces(archive: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(archive), size):
        yield archive[start : start + size]


class _Skippable:
    """An archive that can be moved forward without reading."""

    def __init__(self, archive: bytes, size: int) -> None:
        self._archive = archive
        self._size = size
        self._position = 0

    def chunks(self) -> Iterator[bytes]:
        while chunk := self._archive[self._position : self._position + self._size]:
            self._position += len(chunk)
            yield chunk

    def skip(self, count: int) -> int:
        count = max(0, min(count, len(self._archive) - self._position))
        self._position += count
        return count


def members() -> list[Entry]:
    """A little of everything that a layer holds."""
    return [
        directory("etc/", mtime=1.5),
        file("etc/passwd", b"root:x:0:0\n", mode=0o600, uid=1000, xattrs={"user.a": b"\0b"}),
        symlink("etc/mtab", "../proc/mounts"),
        hard_link("etc/shadow", "etc/passwd"),
        device("dev/null", 1, 3),
        device("dev/sda", 8, 0, block=True),
        fifo("run/pipe"),
        whiteout("etc/gone"),
        opaque("var"),
        file("n" * 120, b"x" * 600, uid=1 << 33),
        symlink("long", "t" * 150),
        global_records([("comment", b"all"), ("mtime", b"12.000000001")]),
        file("../out", b"climbs", pax=[("path", b"a\nb"), ("size", b"6")]),
        Entry(b"odd", b"Z", b"content"),
        Entry(b"linked", b"2", b"content of a link", b"target"),
        Entry(b"cut", b"0", b"short", declared_size=700),
    ]


def seeds() -> Iterator[bytes]:
    """Archives in every dialect; sparse files in every form; damage."""
    archives: list[bytes] = []
    everything = members()
    archives.append(tar(everything))
    for tar_format in TarFormat:
        plain = [entry for entry in everything if _fits(entry, tar_format)]
        archives.append(tar(plain, tar_format=tar_format))
    for sparse_format in SparseFormat:
        runs = [(512 * number, b"%d" % number * 100) for number in range(1, 8)]
        sparse = sparse_file("sparse", 9_000, runs, sparse_format=sparse_format)
        archives.append(tar([sparse, file("after", b"!")], tar_format=TarFormat.GNU))
    first = tar(everything[:3])
    archives += [first + tar(everything[3:6]), tar([raw(b"?" * 700), *everything[:3]]), first[:900]]
    for position, archive in enumerate(archives):
        for control in (0, _REPAIRED | position % 4 << 1):
            yield bytes((control,)) + archive


def _fits(entry: Member, tar_format: TarFormat) -> bool:
    try:
        tar([entry], tar_format=tar_format)
    except ValueError:
        return False
    return True
