"""Archives for tests, written by the standard library."""

import io
import tarfile
from collections.abc import Iterable
from typing import NamedTuple


class Member(NamedTuple):
    """A file of an archive, or a link when it has a target."""

    name: str
    data: bytes = b""
    target: str = ""
    type_flag: bytes = tarfile.REGTYPE


def symlink(name: str, target: str) -> Member:
    return Member(name, target=target, type_flag=tarfile.SYMTYPE)


def hard_link(name: str, target: str) -> Member:
    return Member(name, target=target, type_flag=tarfile.LNKTYPE)


def directory(name: str) -> Member:
    return Member(name, type_flag=tarfile.DIRTYPE)


def tar_of(*members: Member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", errors="surrogateescape") as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type = member.type_flag
            info.linkname = member.target
            info.size = len(member.data)
            archive.addfile(info, io.BytesIO(member.data))
    return buffer.getvalue()


def joined(content: Iterable[memoryview]) -> bytes:
    return b"".join(content)
