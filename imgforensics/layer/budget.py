"""How much the layers of one image may hold together: no limit is passed by splitting it up."""

from imgforensics.errors import LimitExceededError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.tarstream.member import NOTHING, RECORD_BYTES, TarMember

_ORDINARY_LENGTH = 256
_ORDINARY_DEPTH = 24
_EXTENT_BYTES = 150
"""Roughly what one extent of a sparse map takes in memory."""


class EntryBudget:
    """Counts what the passes over an image's layers meet; a layer read again counts once.

    Layers may be read in several threads at a time.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._entries: dict[int, int] = {}
        self._bytes: dict[int, int] = {}

    def charge(self, layer: int, entries: int, extraordinary_bytes: int) -> None:
        """What a layer is known to hold by now; raises `LimitExceededError`."""
        self._entries[layer] = max(entries, self._entries.get(layer, 0))
        self._bytes[layer] = max(extraordinary_bytes, self._bytes.get(layer, 0))
        self._check("layer_entries", self._limits.layer_entries, self._entries)
        self._check("entry_bytes", self._limits.entry_bytes, self._bytes)

    def _check(self, name: str, limit: int, counts: dict[int, int]) -> None:
        total = sum(tuple(counts.values()))
        if total > limit:
            layers = ", ".join(str(layer) for layer in sorted(counts))
            raise LimitExceededError(name, limit, f"layers {layers} come to {total} at least")


class Weigher:
    """Weighs what one layer's entries hold beyond the ordinary, in bytes."""

    def __init__(self, layer: int, limits: Limits) -> None:
        self._layer = layer
        self._limits = limits
        self._deep_directories: set[bytes] = set()

    def weigh(self, member: TarMember, path: bytes) -> int:
        """Bytes that this entry adds; 0 for nearly all. Raises `LimitExceededError` for depth."""
        weight = 0
        names = len(member.name) + len(member.link_name)
        if names > _ORDINARY_LENGTH:
            weight += names + len(path)
        if member.pax is not NOTHING or member.xattrs is not NOTHING:
            weight += sum(
                len(key) + len(value) + RECORD_BYTES
                for records in (member.pax, member.xattrs)
                for key, value in records.items()
            )
        if member.extents is not None:
            weight += _EXTENT_BYTES * len(member.extents)
        depth = path.count(b"/")
        if depth >= self._limits.path_depth:
            detail = f"layer {self._layer} has a path of more levels"
            raise LimitExceededError("path_depth", self._limits.path_depth, detail)
        if depth > _ORDINARY_DEPTH:
            weight += self._weigh_directories(path.rpartition(b"/")[0], depth)
        return weight

    def _weigh_directories(self, directory: bytes, depth: int) -> int:
        """Each directory above a path is held with its own path: that grows with the square."""
        if directory in self._deep_directories:
            return 0
        self._deep_directories.add(directory)
        return len(directory) * depth // 2
