"""Lines of listings: mode, owner, size, time, path, link, as `ls -l` shows them."""

import stat
import time
from functools import lru_cache

from imgforensics.filesystem.node import Node
from imgforensics.layer import EntryKind, LayerEntry
from imgforensics.problems import display
from imgforensics.tarstream.member import TarMember

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
    layer = "-" if node.layer_index is None else node.layer_index
    facts = _facts(node)
    link = link_text(node.kind, node.link_target) if node.link_target else ""
    return f"{layer:>3} {facts} {display(b'/' + path)}{link}"


def entry_line(entry: LayerEntry) -> str:
    """One entry of a layer, as it is."""
    member = entry.member
    facts = _facts(member)
    link = link_text(member.kind, member.link_name) if member.link_name else ""
    mark = "  (past the end of the archive)" if entry.is_past_end else ""
    return f"{entry.layer_index:>3} {facts} {display(b'/' + entry.path)}{link}{mark}"


def node_facts(node: Node) -> str:
    """Mode, owner, size, time and link, on one line."""
    link = link_text(node.kind, node.link_target) if node.link_target else ""
    return " ".join(_facts(node).split()) + link


def link_text(kind: EntryKind, target: bytes) -> str:
    """Where a link leads, as stored."""
    arrow = "link to" if kind is EntryKind.HARD_LINK else "->"
    return f" {arrow} {display(target)}"


def _facts(it: Node | TarMember) -> str:
    """Mode, owner, size (a device's numbers) and time, in columns."""
    kind = it.kind
    owner = f"{it.uid}:{it.gid}"
    size = ",".join(map(str, it.device)) if kind in _DEVICES else it.size
    changed = time_text(it.mtime_ns // 1_000_000_000)
    return f"{mode_text(kind, it.mode)} {owner:>11} {size:>11} {changed}"


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
