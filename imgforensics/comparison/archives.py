"""Inside of compressed files and archives, one level deep.

What layers may be compressed with (gzip, zstd, xz, bzip2), and zip, which jar and wheel are.
"""

import io
import zipfile
from collections.abc import Iterator

from imgforensics.comparison.texts import ContentDiff, Form, compare_contents
from imgforensics.compression import Compression, decompress, detect_compression
from imgforensics.problems import ProblemLog, has_errors

LARGEST_ARCHIVE = 64 << 20
"""Bytes of an archive that is looked into."""
_LARGEST_INSIDE = 32 << 20
"""Bytes that one file, or one member of a zip, is unpacked to."""
_LARGEST_TOGETHER = 256 << 20
"""Bytes that all members of one zip are unpacked to."""
_MOST_MEMBERS = 20_000
_HEAD = 16

_ZIP, _ZIP_MEMBER = b"PK\x03\x04", b"PK\x01\x02"
_PIECE = 1 << 20


class _UnreadableError(Exception):
    """It does not unpack, or to too much; the message says which."""


def compare_inside(before: bytes, after: bytes) -> ContentDiff | None:
    """Compare what two compressed files, or two zips, hold; None for what are none."""
    try:
        if before.startswith(_ZIP) and after.startswith(_ZIP):
            return _compare_zip(before, after)
        kind, kind_after = _compression(before), _compression(after)
        if Compression.NONE not in (kind, kind_after):
            return _compare_packed(_unpacked(before, kind), _unpacked(after, kind_after))
    except _UnreadableError as error:
        return ContentDiff(Form.BINARY, note=f"not looked into: {error}")
    return None


def _compare_packed(inside: bytes, inside_after: bytes) -> ContentDiff:
    if inside == inside_after:
        return ContentDiff(Form.ARCHIVE, note="the same inside, packed differently")
    return ContentDiff(Form.ARCHIVE, members=(compare_contents(inside, inside_after),))


def _compression(content: bytes) -> Compression:
    return detect_compression(content[:_HEAD])


def _unpacked(content: bytes, compression: Compression) -> bytes:
    log = ProblemLog()
    plain = bytearray()
    stored = (content[start : start + _PIECE] for start in range(0, len(content), _PIECE))
    for piece in decompress(stored, compression, log):
        plain += piece
        if len(plain) > _LARGEST_INSIDE:
            raise _UnreadableError(f"it unpacks to more than {_LARGEST_INSIDE} bytes")
    problems = tuple(log)
    if has_errors(problems):
        raise _UnreadableError("; ".join(problem.detail for problem in problems))
    return bytes(plain)


def _compare_zip(before: bytes, after: bytes) -> ContentDiff:
    with _opened(before) as archive, _opened(after) as archive_after:
        members = tuple(_compare_members(archive, archive_after))
    note = "" if members else "the same members, packed differently"
    return ContentDiff(Form.ARCHIVE, members=members, note=note)


def _opened(content: bytes) -> zipfile.ZipFile:
    if content.count(_ZIP_MEMBER) > _MOST_MEMBERS:
        raise _UnreadableError(f"it has more than {_MOST_MEMBERS} members")
    try:
        return zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise _UnreadableError(str(error)) from error


def _compare_members(before: zipfile.ZipFile, after: zipfile.ZipFile) -> Iterator[ContentDiff]:
    """Members that differ, by name; of several of one name the last, as unzip takes it."""
    old = {member.filename: member for member in before.infolist()}
    new = {member.filename: member for member in after.infolist()}
    left = _LARGEST_TOGETHER
    for name in sorted(old.keys() | new.keys()):
        member, member_after = old.get(name), new.get(name)
        if member and member_after and _is_same(member, member_after):
            continue
        left -= sum(each.file_size for each in (member, member_after) if each)
        if left < 0:
            yield ContentDiff(Form.BINARY, name, note="not looked into: too much in all")
            continue
        content, content_after = _read(before, member), _read(after, member_after)
        if content != content_after or member is None or member_after is None:
            yield compare_contents(content, content_after, name)


def _is_same(member: zipfile.ZipInfo, other: zipfile.ZipInfo) -> bool:
    """By size and checksum, which is enough to tell builds apart, not forgeries."""
    return False if member.file_size != other.file_size else member.CRC == other.CRC


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None) -> bytes:
    if member is None:
        return b""
    try:
        with archive.open(member) as file:
            content = file.read(_LARGEST_INSIDE + 1)
    except Exception as error:  # whatever a hostile zip makes of the decoders
        raise _UnreadableError(f"{member.filename}: {error}") from error
    if len(content) > _LARGEST_INSIDE:
        raise _UnreadableError(f"{member.filename} unpacks to more than {_LARGEST_INSIDE} bytes")
    return content
