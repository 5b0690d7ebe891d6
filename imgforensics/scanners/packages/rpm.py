"""rpm's databases in their three formats: SQLite, ndb (SUSE), Berkeley DB (older ones).

Sources: rpm's lib/backend/{sqlite,ndb/rpmpkg}.c for names, offsets and magics of the first two;
Berkeley DB's src/dbinc/db_page.h for pages of a hash.
"""

import sqlite3
import struct
from collections.abc import Iterable, Iterator
from contextlib import closing

from imgforensics.scanners.packages.package import InvalidDatabaseError, Package
from imgforensics.scanners.packages.rpm_header import package_of_header


def _packages(headers: Iterable[bytes], content: bytes, path: bytes) -> Iterator[Package]:
    """Packages of all headers, which cannot come to more than the database that holds them."""
    left = len(content)
    for header in headers:
        left -= len(header)
        if left < 0:
            raise InvalidDatabaseError("its headers overlap")
        yield from package_of_header(header, path)


# SQLite.

_SQLITE_STEPS = 20_000_000
"""Instructions of SQLite's machine for one database; a hundred thousand packages take fewer."""


def sqlite_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """Packages of an `rpmdb.sqlite`; what its write-ahead log holds is not seen."""
    return _packages(_sqlite_headers(content), content, path)


def _sqlite_headers(content: bytes) -> Iterator[bytes]:
    if not content.startswith(b"SQLite format 3\0"):
        raise InvalidDatabaseError("no SQLite database")
    # One that was written with a write-ahead log says so; in memory there can be none.
    content = content[:18] + b"\1\1" + content[20:]
    with closing(sqlite3.connect(":memory:")) as database:
        database.deserialize(content)
        database.set_authorizer(_allow_reading)
        database.set_progress_handler(lambda: True, _SQLITE_STEPS)
        try:
            rows = database.execute("SELECT blob FROM Packages")
            for (header,) in rows:
                if not isinstance(header, bytes):
                    raise InvalidDatabaseError("a row of Packages is no header")
                yield header
        except (sqlite3.Error, MemoryError) as error:
            raise InvalidDatabaseError(f"SQLite: {error}") from error


def _allow_reading(action: int, *_: str | None) -> int:
    """A table is all there should be: no view, function or trigger of a hostile one runs."""
    allowed = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ)
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


# ndb.

_PAGE, _SLOT, _BLOCK = 4_096, 16, 16
_NDB_MAGIC, _SLOT_MAGIC, _BLOB_MAGIC = b"RpmP", b"Slot", b"BlbS"


def ndb_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """Packages of an ndb's `Packages.db`."""
    return _packages(_ndb_blobs(content), content, path)


def _ndb_blobs(content: bytes) -> Iterator[bytes]:
    if not content.startswith(_NDB_MAGIC) or len(content) < 32:
        raise InvalidDatabaseError("no ndb database")
    (slot_pages,) = struct.unpack_from("<I", content, 12)
    end = slot_pages * _PAGE
    if end > len(content):
        raise InvalidDatabaseError(f"its slots end at {end}, it at {len(content)}")
    for offset in range(32, end, _SLOT):
        magic, index, block, _ = struct.unpack_from("<4sIII", content, offset)
        if magic != _SLOT_MAGIC:
            raise InvalidDatabaseError(f"no slot at offset {offset}")
        if index:
            yield _ndb_blob(content, block * _BLOCK, index)


def _ndb_blob(content: bytes, offset: int, index: int) -> bytes:
    if offset + 16 > len(content):
        raise InvalidDatabaseError(f"package {index} is said to stand at offset {offset}")
    magic, found, _, size = struct.unpack_from("<4sIII", content, offset)
    if magic != _BLOB_MAGIC or found != index:
        raise InvalidDatabaseError(f"package {index} does not stand at offset {offset}")
    return content[offset + 16 : offset + 16 + size]


# Berkeley DB.

_HASH_MAGIC = 0x061561
_PAGE_HEADER = struct.Struct("<8xIIIHHBB")
_HASH_UNSORTED, _HASH_SORTED, _OVERFLOW = 2, 13, 7
_OFF_PAGE = 3


def bdb_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """Packages of a Berkeley DB hash, `Packages`.

    Every header is longer than a page holds, so each is a chain of overflow pages.
    """
    return _packages(_bdb_values(content), content, path)


def _bdb_values(content: bytes) -> Iterator[bytes]:
    if len(content) < 512 or struct.unpack_from("<I", content, 12)[0] != _HASH_MAGIC:
        raise InvalidDatabaseError("no Berkeley DB hash in little-endian order")
    (size,) = struct.unpack_from("<I", content, 20)
    if size not in (512 << shift for shift in range(8)):
        raise InvalidDatabaseError(f"a page size of {size}")
    for start in range(size, len(content) - size + 1, size):
        *_, entries, _, _, kind = _PAGE_HEADER.unpack_from(content, start)
        if kind in (_HASH_UNSORTED, _HASH_SORTED):
            page = content[start : start + size]
            yield from _off_page_values(content, page, min(entries, (size - 26) // 2))


def _off_page_values(content: bytes, page: bytes, entries: int) -> Iterator[bytes]:
    """Values are every second entry; keys stand between them."""
    offsets = struct.unpack_from(f"<{entries}H", page, _PAGE_HEADER.size)
    for offset in offsets[1::2]:
        if offset + 12 <= len(page) and page[offset] == _OFF_PAGE:
            first, length = struct.unpack_from("<II", page, offset + 4)
            yield _overflow(content, first, length, len(page))


def _overflow(content: bytes, page: int, length: int, size: int) -> bytes:
    if length > len(content):
        raise InvalidDatabaseError(f"a header of {length} bytes")
    value = bytearray()
    while len(value) < length:
        start = page * size
        if start + size > len(content):
            raise InvalidDatabaseError(f"an overflow page {page} past the end")
        _, _, following, _, used, _, kind = _PAGE_HEADER.unpack_from(content, start)
        body = start + _PAGE_HEADER.size
        if kind != _OVERFLOW or not 0 < used <= size - _PAGE_HEADER.size:
            raise InvalidDatabaseError(f"page {page} is no overflow page")
        value += content[body : body + used]
        page = following
    return bytes(value[:length])
