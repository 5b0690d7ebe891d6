"""What a layer's tar holds, member by member, as GNU tar lists it and as we do."""

import stat
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from pathlib import Path

from imgforensics import EntryKind, LayerEntry
from tests.conformance.commands import run

_LIST = ("env", "TZ=UTC", "tar", "--list", "--verbose", "--full-time", "--numeric-owner")
_LETTERS = {
    EntryKind.FILE: "-",
    EntryKind.DIRECTORY: "d",
    EntryKind.SYMLINK: "l",
    EntryKind.HARD_LINK: "h",
    EntryKind.CHARACTER_DEVICE: "c",
    EntryKind.BLOCK_DEVICE: "b",
    EntryKind.FIFO: "p",
    EntryKind.UNKNOWN: "?",
}
_ARROWS = {EntryKind.SYMLINK: b" -> ", EntryKind.HARD_LINK: b" link to "}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BILLION = 10**9


def listing(tar: Path) -> bytes:
    """Return what GNU tar prints of every member, names byte for byte."""
    return run(*_LIST, "--quoting-style=literal", "--force-local", "--file", tar)


def listing_differences(expected: bytes, entries: Iterable[LayerEntry]) -> Iterator[str]:
    """Every line that GNU tar prints otherwise than our entries would be printed."""
    ours = b"".join(_lines(entry for entry in entries if not entry.is_past_end))
    for theirs, our in zip_longest(expected.split(b"\n"), ours.split(b"\n")):
        if theirs != our:
            yield f"member: expected {theirs!r}, got {our!r}"


def _lines(entries: Iterable[LayerEntry]) -> Iterator[bytes]:
    """Lines in GNU tar's form: columns grow with the widest one so far."""
    owner_width, time_width = 19, 16
    for entry in entries:
        member, kind = entry.member, entry.kind
        is_device = kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
        size = "{},{}".format(*member.device) if is_device else str(member.size)
        owner = f"{member.uid}/{member.gid}"
        time = _time(member.mtime_ns)
        owner_width = max(owner_width, len(owner) + 1 + len(size))
        time_width = max(time_width, len(time))
        mode = _LETTERS[kind] + stat.filemode(stat.S_IFREG | member.mode)[1:]
        size = size.rjust(owner_width - len(owner) - 1)
        line = f"{mode} {owner} {size} {time.ljust(time_width)} ".encode() + member.name
        if kind in _ARROWS:
            line += _ARROWS[kind] + member.link_name
        yield line + b"\n"


def _time(nanoseconds: int) -> str:
    """A time before 1970 is printed with its fraction counted towards 1970."""
    seconds, fraction = divmod(nanoseconds, _BILLION)
    if seconds < 0 and fraction:
        seconds, fraction = seconds + 1, _BILLION - fraction
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    return text + f".{fraction:09d}".rstrip("0") if fraction else text
