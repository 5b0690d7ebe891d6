"""PAX records: as such, and as extension headers of members in an archive.

The first byte says which headers hold the records: bit 0 the member's own, bit 1 a global one,
bit 2 a GNU long name beside them. The file's content follows the records behind `SEPARATOR`.
"""

from collections.abc import Iterator

from imgforensics.tarstream.pax import InvalidRecordError, Records, nanoseconds, records
from imgforensics.testing import Entry, SparseFormat, TarFormat, file, sparse_file, tar
from tests.fuzz import tar_stream

SEPARATOR = b"\0\0\0content:"


def check(data: bytes) -> None:
    """Parse the records by themselves and ahead of a member."""
    if not data:
        return
    payload, _, content = data[1:].partition(SEPARATOR)
    check_records(payload)
    archive = tar(list(members(data[0], payload, content)), tar_format=TarFormat.USTAR)
    reading = tar_stream.read([archive])
    tar_stream.check_members(archive, reading)
    if reading.limit is None:
        assert reading.members, "no member is left"
    tar_stream.check(b"\x02" + archive)


def check_records(payload: bytes) -> None:
    """Records cover their header byte by byte, and what is taken in can be used."""
    taken, invalid = Records(), False
    covered = 0
    try:
        for key, value in records(payload):
            covered += len(key) + len(value)
            try:
                taken.add(key, value)
            except InvalidRecordError:
                invalid = True
    except InvalidRecordError:
        invalid = True
    assert covered <= len(payload)
    kept = len(taken.values) + len(taken.xattrs) + len(taken.removed)
    assert kept or invalid or not payload.strip(b"\0"), "records are gone without a word"
    for key in (b"size", b"uid", b"gid"):
        assert 0 <= int(taken.values.get(key, 0)) < 1 << 63
    if b"mtime" in taken.values:
        nanoseconds(taken.values[b"mtime"])
    assert b"" not in taken.values
    check_overlay(taken)


def check_overlay(taken: Records) -> None:
    """Nothing changes by being said twice, and nothing by an empty header."""
    nothing = Records()
    assert nothing.for_member(taken) is taken
    assert nothing.overlaid(taken).values == taken.values
    twice = taken.overlaid(taken)
    assert twice.values == taken.values
    assert taken.for_member(taken).values == taken.values


def members(control: int, payload: bytes, content: bytes) -> Iterator[Entry]:
    """Extension headers as the control byte asks for them, and the files they are about."""
    if control & 2:
        yield Entry(b"global", b"g", payload)
    if control & 1:
        yield Entry(b"own", b"x", payload)
    if control & 4:
        yield Entry(b"././@LongLink", b"L", b"a/long/name\0")
    flag = b"2" if control & 8 else b"0"
    yield Entry(b"name", flag, content, b"target" if control & 8 else b"")
    yield file("after", b"!")


def seeds() -> Iterator[bytes]:
    """Records of every key that means something, and sparse maps with their content."""
    texts = [
        (b"path", b"dir/n\xc3\xa4me\n"),
        (b"linkpath", b"../elsewhere"),
        (b"size", b"5"),
        (b"uid", b"4294967296"),
        (b"gid", b"0"),
        (b"uname", b"root"),
        (b"gname", b""),
        (b"mtime", b"-1.5000000009"),
        (b"SCHILY.devmajor", b"8"),
        (b"SCHILY.devminor", b"1"),
        (b"SCHILY.xattr.user.a%3Db", b"\0\n="),
        (b"LIBARCHIVE.xattr.user.a%3Db", b"AAo9"),
        (b"hdrcharset", b"BINARY"),
    ]
    payload = b"".join(record(key, value) for key, value in texts)
    for control in range(16):
        yield bytes((control,)) + payload + SEPARATOR + b"five!"
    for key, value in texts:
        yield b"\1" + record(key, value) + SEPARATOR + b"five!"
    for sparse_format in (SparseFormat.PAX_0_0, SparseFormat.PAX_0_1, SparseFormat.PAX_1_0):
        entry = sparse_file(
            b"s", 4_000, [(1_000, b"run"), (2_000, b"2")], sparse_format=sparse_format
        )
        assert isinstance(entry, Entry)
        described = b"".join(record(key.encode(), value) for key, value in entry.pax)
        yield b"\1" + described + SEPARATOR + entry.content
        yield b"\2" + described + SEPARATOR + entry.content


def record(key: bytes, value: bytes) -> bytes:
    """One record with the length that it should have."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest)
    while length != len(rest) + len(b"%d" % length):
        length = len(rest) + len(b"%d" % length)
    return b"%d" % length + rest
