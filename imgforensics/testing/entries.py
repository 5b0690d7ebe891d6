"""Members of a tar archive as values, from well-formed to hostile."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import TypedDict, Unpack

from imgforensics.testing.tarball import Entry, Raw, padded, pax_records

Name = str | bytes


class SparseFormat(StrEnum):
    """How a sparse file's map is written."""

    OLD_GNU = "old-gnu"
    PAX_0_0 = "pax-0.0"
    PAX_0_1 = "pax-0.1"
    PAX_1_0 = "pax-1.0"


class Attributes(TypedDict, total=False):
    """What every kind of entry may be given; see `Entry`."""

    mode: int
    uid: int
    gid: int
    user_name: str
    group_name: str
    mtime: float | Decimal
    xattrs: Mapping[str, bytes]
    pax: Sequence[tuple[str, bytes]]
    declared_size: int | None


def as_bytes(name: Name) -> bytes:
    """Encode a name as it stands in an archive."""
    return name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")


def file(name: Name, content: bytes = b"", **attributes: Unpack[Attributes]) -> Entry:
    """Describe a regular file."""
    return Entry(as_bytes(name), b"0", content, **attributes)


def directory(name: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe a directory; the name is written as given, with or without a slash."""
    attributes.setdefault("mode", 0o755)
    return Entry(as_bytes(name), b"5", **attributes)


def symlink(name: Name, target: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe a symbolic link."""
    attributes.setdefault("mode", 0o777)
    return Entry(as_bytes(name), b"2", link_name=as_bytes(target), **attributes)


def hard_link(name: Name, target: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe a hard link."""
    return Entry(as_bytes(name), b"1", link_name=as_bytes(target), **attributes)


def device(
    name: Name, major: int, minor: int, *, block: bool = False, **attributes: Unpack[Attributes]
) -> Entry:
    """Describe a character device, or a block device."""
    return Entry(as_bytes(name), b"4" if block else b"3", device=(major, minor), **attributes)


def fifo(name: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe a named pipe."""
    return Entry(as_bytes(name), b"6", **attributes)


def whiteout(path: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe the deletion of `path` in lower layers: `a/b` is written as `a/.wh.b`."""
    parent, slash, last = as_bytes(path).rpartition(b"/")
    return file(parent + slash + b".wh." + last, **attributes)


def opaque(path: Name, **attributes: Unpack[Attributes]) -> Entry:
    """Describe the deletion of all that lower layers have in the directory `path`."""
    parent = as_bytes(path).rstrip(b"/")
    return file((parent + b"/" if parent else b"") + b".wh..wh..opq", **attributes)


def raw(data: bytes) -> Raw:
    """Put `data` into the archive as it is.

    For damaged members, build a sound one with `tar([...], end=b"")` and alter its bytes.
    """
    return Raw(data)


def global_records(records: Sequence[tuple[str, bytes]]) -> Entry:
    """Describe a global PAX header, in force for all members that follow."""
    return Entry(b"pax_global_header", b"g", pax_records(records))


def sparse_file(
    name: Name,
    size: int,
    extents: Sequence[tuple[int, bytes]],
    *,
    sparse_format: SparseFormat = SparseFormat.PAX_1_0,
    **attributes: Unpack[Attributes],
) -> Entry:
    """Describe a file of `size` bytes that is holes but for `extents`: (offset, content)."""
    name = as_bytes(name)
    content = b"".join(data for _, data in extents)
    places = [(offset, len(data)) for offset, data in extents]
    if not places or sum(places[-1]) < size:
        places.append((size, 0))
    if sparse_format is SparseFormat.OLD_GNU:
        entry = Entry(name, b"S", content, **attributes)
        return replace(entry, sparse_map=tuple(places), sparse_size=size)
    records = _sparse_records(name, size, places, sparse_format)
    if sparse_format is SparseFormat.PAX_1_0:
        numbers = [len(places), *(number for place in places for number in place)]
        content = padded(b"".join(b"%d\n" % number for number in numbers)) + content
    parent, slash, last = name.rpartition(b"/")
    placeholder = parent + slash + b"GNUSparseFile.0/" + last
    stored_name = name if sparse_format is SparseFormat.PAX_0_0 else placeholder
    entry = Entry(stored_name, b"0", content, **attributes)
    return replace(entry, pax=(*records, *entry.pax))


def _sparse_records(
    name: bytes, size: int, places: Sequence[tuple[int, int]], sparse_format: SparseFormat
) -> list[tuple[str, bytes]]:
    if sparse_format is SparseFormat.PAX_1_0:
        version = [("GNU.sparse.major", b"1"), ("GNU.sparse.minor", b"0")]
        return [*version, ("GNU.sparse.name", name), ("GNU.sparse.realsize", b"%d" % size)]
    records = [("GNU.sparse.size", b"%d" % size), ("GNU.sparse.numblocks", b"%d" % len(places))]
    if sparse_format is SparseFormat.PAX_0_1:
        numbers = b",".join(b"%d,%d" % place for place in places)
        return [*records, ("GNU.sparse.name", name), ("GNU.sparse.map", numbers)]
    for offset, length in places:
        records.append(("GNU.sparse.offset", b"%d" % offset))
        records.append(("GNU.sparse.numbytes", b"%d" % length))
    return records
