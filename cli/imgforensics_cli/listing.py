"""Lines of listings: mode, owner, size, time, path, link, as `ls -l` shows them."""

import stat
import time
from functools import lru_cache

from imgforensics.filesystem.node import Node
from imgforensics.layer import EntryKind, LayerEntry
from imgforensics.problems import display

_FORMATS = {
    EntryKind.FILE: stat.S_IFREG,
    EntryKind.DIRECTORY: stat.S_IFDIR,
    EntryKind.SYMLINK: stat.S_IFLNK,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
    EntryKind.FIFO: stat.S_IFIFO,
}
_DEVICES = (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)


def node_line(path: bytes, node: Node) -> str:
    """What stands at a path of a snapshot, and the layer that brought it."""
    layer = "-" if node.layer_index is None else str(node.layer_index)
    return _line(
        layer,
        mode_text(node.kind, node.mode),
        f"{node.uid}:{node.gid}",
        _size(node.kind, node.size, node.device),
        time_text(node.mtime_ns // 1_000_000_000),
        display(b"/" + path),
        f" -> {display(node.link_target)}" if node.link_target else "",
    )


def entry_line(entry: LayerEntry) -> str:
    """One entry of a layer, as it is."""
    member = entry.member
    return _line(
        str(entry.layer_index),
        mode_text(member.kind, member.mode),
        f"{member.uid}:{member.gid}",
        _size(member.kind, member.size, member.device),
        time_text(member.mtime_ns // 1_000_000_000),
        display(b"/" + entry.path),
        link_text(member.kind, member.link_name) if member.link_name else "",
    )


def link_text(kind: EntryKind, target: bytes) -> str:
    """Where a link leads, as stored."""
    arrow = "link to" if kind is EntryKind.HARD_LINK else "->"
    return f" {arrow} {display(target)}"


def _line(
    layer: str, mode: str, owner: str, size: str, changed: str, path: str, link: str
) -> str:
    return f"{layer:>3} {mode} {owner:>11} {size:>11} {changed} {path}{link}"


def _size(kind: EntryKind, size: int, device: tuple[int, int]) -> str:
    return f"{device[0]},{device[1]}" if kind in _DEVICES else str(size)


@lru_cache(maxsize=4_096)
def mode_text(kind: EntryKind, mode: int) -> str:
    """`drwxr-xr-x`; a hard link's begins with `h`, one of unknown kind with `?`."""
    if kind in _FORMATS:
        return stat.filemode(mode | _FORMATS[kind])
    return ("h" if kind is EntryKind.HARD_LINK else "?") + stat.filemode(mode)[1:]


@lru_cache(maxsize=16_384)
def time_text(seconds: int) -> str:
    """A time in UTC; seconds since the epoch, marked `@`, where no calendar has it."""
    try:
        moment = time.gmtime(seconds)
    except (OverflowError, ValueError, OSError):
        return f"@{seconds}"
    if not 0 <= moment.tm_year <= 9_999:
        return f"@{seconds}"
    date = f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}"
    return f"{date}T{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}Z"
