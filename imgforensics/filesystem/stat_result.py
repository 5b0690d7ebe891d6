"""What `os.stat` would say of a node."""

import os
import stat

from imgforensics.filesystem.node import Node
from imgforensics.tarstream.member import EntryKind

_FORMATS = {
    EntryKind.FILE: stat.S_IFREG,
    EntryKind.DIRECTORY: stat.S_IFDIR,
    EntryKind.SYMLINK: stat.S_IFLNK,
    EntryKind.CHARACTER_DEVICE: stat.S_IFCHR,
    EntryKind.BLOCK_DEVICE: stat.S_IFBLK,
    EntryKind.FIFO: stat.S_IFIFO,
    EntryKind.HARD_LINK: stat.S_IFREG,
}

_ORDINAL_BITS = 40
"""Of an inode number, for a member's position in its layer; above them, the layer from 1."""


def stat_result_of(node: Node) -> os.stat_result:
    """Its facts; all times are the stored one, and what a snapshot does not know is 0 or 1."""
    seconds = node.mtime_ns // 1_000_000_000
    mode = node.mode | _FORMATS[node.kind]
    times = dict.fromkeys(("st_atime_ns", "st_mtime_ns", "st_ctime_ns"), node.mtime_ns)
    times["st_rdev"] = _device_number(node)
    fixed = (
        mode,
        _inode_number(node),
        0,
        1,
        node.uid,
        node.gid,
        node.size,
        seconds,
        seconds,
        seconds,
    )
    return os.stat_result(fixed, times)


def _inode_number(node: Node) -> int:
    if node.inode is None:
        return 0
    layer, ordinal = node.inode
    return (layer + 1 << _ORDINAL_BITS) + ordinal


def _device_number(node: Node) -> int:
    try:
        return os.makedev(*node.device)
    except OverflowError:
        # An archive may claim numbers that no kernel has.
        return 0
