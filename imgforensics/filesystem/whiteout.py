"""Whiteouts: names in a layer that delete what lower layers hold.

Source: https://github.com/opencontainers/image-spec/blob/main/layer.md#whiteouts ; the AUFS
bookkeeping names (`.wh..wh.aufs`, `.wh..wh.plnk`, `.wh..wh.orph`) from aufs(5).
"""

from enum import Enum
from typing import NamedTuple

PREFIX = b".wh."
OPAQUE_NAME = b".wh..wh..opq"
_BOOKKEEPING_PREFIX = b".wh..wh."


class WhiteoutKind(Enum):
    """What a name with the whiteout prefix means."""

    PLAIN = "plain"
    """Deletes the path in lower layers."""
    OPAQUE = "opaque"
    """Deletes everything lower layers hold in the directory; the directory stays."""
    BOOKKEEPING = "bookkeeping"
    """AUFS's own files: no part of the filesystem."""
    INVALID = "invalid"
    """Names nothing that can be deleted: `.wh.`, `.wh..`, `.wh...`."""
    BELOW_WHITEOUT = "below-whiteout"
    """An entry below a whiteout name, which cannot be a directory."""


class Whiteout(NamedTuple):
    """A whiteout and the path it is about (for OPAQUE, the directory)."""

    kind: WhiteoutKind
    path: bytes


def whiteout_of(path: bytes) -> Whiteout | None:
    """What a normalised path means as a whiteout, whatever the entry's type; None if nothing."""
    if PREFIX not in path:
        return None
    parent, _, name = path.rpartition(b"/")
    above = next((part for part in parent.split(b"/") if part.startswith(PREFIX)), None)
    if above is not None:
        is_bookkeeping = _kind(above) is WhiteoutKind.BOOKKEEPING
        kind = WhiteoutKind.BOOKKEEPING if is_bookkeeping else WhiteoutKind.BELOW_WHITEOUT
        return Whiteout(kind, path)
    if not name.startswith(PREFIX):
        return None
    kind = _kind(name)
    if kind is WhiteoutKind.OPAQUE:
        return Whiteout(kind, parent)
    if kind is WhiteoutKind.PLAIN:
        target = name[len(PREFIX) :]
        return Whiteout(kind, parent + b"/" + target if parent else target)
    return Whiteout(kind, path)


def _kind(name: bytes) -> WhiteoutKind:
    if name == OPAQUE_NAME:
        return WhiteoutKind.OPAQUE
    if name.startswith(_BOOKKEEPING_PREFIX):
        return WhiteoutKind.BOOKKEEPING
    if name[len(PREFIX) :] in (b"", b".", b".."):
        return WhiteoutKind.INVALID
    return WhiteoutKind.PLAIN
