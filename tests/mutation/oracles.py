"""Which members a layer's tar holds, as tools that are not ours list them."""

import hashlib
import io
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from math import floor
from typing import NamedTuple

from imgforensics.layer.entry import normalise_path
from imgforensics.tarstream.member import EntryKind
from tests.mutation.listing import Row

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {
    b"n": b"\n",
    b"t": b"\t",
    b"r": b"\r",
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"v": b"\v",
}
_SECONDS = 600

Oracle = Callable[[bytes], set[bytes]]


class Fact(NamedTuple):
    """One member as `tarfile` and this reader can both tell it."""

    path: bytes
    kind: EntryKind
    mode: int
    uid: int
    gid: int
    seconds: int
    link_name: bytes
    content: bytes
    """Hash of a plain file's content; empty for others."""


def listed_by_tarfile(tar: bytes) -> set[Fact]:
    """What Python's standard library lists, up to where it gives up."""
    facts: set[Fact] = set()
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:", errors="surrogateescape") as opened:
            for member in opened:
                if not _is_read_differently(member, tar):
                    facts.add(_fact(member, tar))
    except ITS_ERRORS:
        pass
    return facts


def _is_read_differently(member: tarfile.TarInfo, tar: bytes) -> bool:
    """Whether Go and GNU tar, and so we, see something else in this header than `tarfile` does.

    They read a number behind leading NULs, and no prefix without a magic. To Go, a file of the
    oldest type is a directory, too, when the name that ends in a slash is a PAX record's.
    """
    header = _header_of(member, tar)
    numbers = (header[start:end] for start, end in _NUMBERS)
    behind_nulls = any(field[:1] == b"\0" and field.strip(b"\0 ") for field in numbers)
    named_directory = member.pax_headers.get("path", "").endswith("/")
    bare_prefix = header[257:262] != b"ustar" and header[345:346] != b"\0"
    return behind_nulls or bare_prefix or (member.type == tarfile.AREGTYPE and named_directory)


def _header_of(member: tarfile.TarInfo, tar: bytes) -> bytes:
    """The block ahead of the content, and of the map that may stand there for a sparse file."""
    start = member.offset_data - tarfile.BLOCKSIZE
    while (
        member.issparse() and start > member.offset and tar[start + 257 : start + 262] != b"ustar"
    ):
        start -= tarfile.BLOCKSIZE
    return tar[start : start + tarfile.BLOCKSIZE]


_NUMBERS = ((100, 108), (108, 116), (116, 124), (124, 136), (136, 148))
"""Mode, owner, group, size and time in a header."""


ITS_ERRORS = (tarfile.TarError, ValueError, OverflowError, IndexError, EOFError, OSError)
"""What `tarfile` raises where it gives up."""


_KINDS = {
    **dict.fromkeys(tarfile.REGULAR_TYPES, EntryKind.FILE),
    tarfile.DIRTYPE: EntryKind.DIRECTORY,
    tarfile.SYMTYPE: EntryKind.SYMLINK,
    tarfile.LNKTYPE: EntryKind.HARD_LINK,
    tarfile.CHRTYPE: EntryKind.CHARACTER_DEVICE,
    tarfile.BLKTYPE: EntryKind.BLOCK_DEVICE,
    tarfile.FIFOTYPE: EntryKind.FIFO,
    # What has no type of its own in `tarfile`: a directory's listing, as GNU tar keeps it.
    b"D": EntryKind.DIRECTORY,
}


def _fact(member: tarfile.TarInfo, tar: bytes) -> Fact:
    is_plain = member.isreg() and not member.issparse()
    content = tar[member.offset_data : member.offset_data + member.size] if is_plain else b""
    is_link = member.issym() or member.islnk()
    return Fact(
        normalise_path(member.name.encode("utf-8", "surrogateescape")),
        _KINDS.get(member.type, EntryKind.UNKNOWN),
        member.mode & 0o7777,
        member.uid,
        member.gid,
        floor(member.mtime),
        member.linkname.encode("utf-8", "surrogateescape") if is_link else b"",
        hashlib.sha1(content, usedforsecurity=False).digest() if is_plain else b"",
    )


def fact_of(row: Row) -> Fact:
    """The same of a row of ours."""
    member = row.member
    is_plain = member.kind is EntryKind.FILE and member.extents is None
    return Fact(
        row.path,
        member.kind,
        member.mode,
        member.uid,
        member.gid,
        member.mtime_ns // 1_000_000_000,
        member.link_name,
        row.content if is_plain else b"",
    )


def listed_by_gnu_tar(tar: bytes) -> set[bytes]:
    """Names that GNU tar lists."""
    command = ["tar", "--list", "--quoting-style=escape", "-f", "-"]
    return _listed(command, tar)


def listed_by_libarchive(tar: bytes) -> set[bytes]:
    """Names that bsdtar lists."""
    return _listed(["bsdtar", "-tf", "-"], tar)


def _listed(command: list[str], tar: bytes) -> set[bytes]:
    done = subprocess.run(
        command,
        input=tar,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=_SECONDS,
        check=False,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    return {_ESCAPE.sub(_unescape, line) for line in done.stdout.split(b"\n") if line}


def _unescape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes((int(code, 8) & 255,)) if len(code) == 3 else _LETTERS.get(code, code)


def external() -> tuple[Oracle, ...]:
    """Those of the external tools that are installed."""
    tools = {"tar": listed_by_gnu_tar, "bsdtar": listed_by_libarchive}
    return tuple(oracle for tool, oracle in tools.items() if shutil.which(tool))
