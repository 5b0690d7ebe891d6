"""rpm's databases, written field by field: a header, and the three formats that hold it."""

import shutil
import sqlite3
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

STRING, INT32 = 6, 4

Tags = Sequence[tuple[int, int, bytes]]


def header(name: str, version: str, release: str, epoch: int | None = None, size: int = 0) -> bytes:
    """A package's header; `size` bytes of description make it long."""
    tags: list[tuple[int, int, bytes]] = [
        (1000, STRING, name.encode() + b"\0"),
        (1001, STRING, version.encode() + b"\0"),
        (1002, STRING, release.encode() + b"\0"),
        (1005, STRING, b"d" * size + b"\0"),
        (1022, STRING, b"noarch\0"),
    ]
    if epoch is not None:
        tags.append((1003, INT32, struct.pack(">I", epoch)))
    entries, data = b"", b""
    for tag, kind, value in tags:
        data += bytes(-len(data) % 4)
        entries += struct.pack(">IIII", tag, kind, len(data), 1)
        data += value
    return struct.pack(">II", len(tags), len(data)) + entries + data


def sqlite_database(path: Path, headers: Sequence[bytes], *, ahead: bool = True) -> bytes:
    """As rpm makes it, by default with a write-ahead log."""
    database = sqlite3.connect(path)
    if ahead:
        database.execute("PRAGMA journal_mode=WAL")
    database.execute(
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
    )
    database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in headers])
    database.commit()
    database.close()
    return path.read_bytes()


def ndb_database(headers: Sequence[bytes]) -> bytes:
    """A page of slots, then blobs in blocks of sixteen bytes."""
    slots, blobs = b"", b""
    for index, blob in enumerate(headers, 1):
        place = 4_096 + len(blobs)
        whole = struct.pack("<4sIII", b"BlbS", index, 1, len(blob)) + blob
        whole += bytes(-len(whole) % 16) + struct.pack("<III4s", index, 0, len(blob), b"BlbE")
        slots += struct.pack("<4sIII", b"Slot", index, place // 16, len(whole) // 16)
        blobs += whole
    empty = struct.pack("<4sIII", b"Slot", 0, 0, 0)
    head = struct.pack("<4sIIIIIII", b"RpmP", 0, 1, 1, len(headers) + 1, 0, 0, 0)
    return (head + slots).ljust(0) + empty * ((4_096 - 32 - len(slots)) // 16) + blobs


def bdb_database(path: Path, headers: Sequence[bytes]) -> bytes:
    """Written by Berkeley DB's own `db_load`, as rpm keys it: by the package's number."""
    lines = ["VERSION=3", "format=bytevalue", "type=hash", "db_pagesize=4096", "HEADER=END"]
    for index, blob in enumerate(headers, 1):
        lines += [" " + struct.pack("<I", index).hex(), " " + blob.hex()]
    text = "\n".join([*lines, "DATA=END", ""])
    subprocess.run([_db_load(), path], input=text.encode(), check=True)
    return path.read_bytes()


def _db_load() -> str:
    found = shutil.which("db5.3_load") or shutil.which("db_load")
    assert found is not None
    return found


def has_db_load() -> bool:
    """Whether Berkeley DB's tools are installed."""
    return any(map(shutil.which, ("db5.3_load", "db_load")))
