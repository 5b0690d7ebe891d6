"""How much the layers of one image may hold together: no limit is passed by splitting it up."""

from collections import Counter
from threading import Lock

from imgforensics.errors import LimitExceededError
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.tarstream.member import (
    DIRECTORY,
    EXTENT_BYTES,
    NOTHING,
    ORDINARY_NAME_BYTES,
    RECORD_BYTES,
    TarMember,
)

_DIRECTORY_BYTES = 1_000
"""Roughly what a directory takes in memory that no entry stands for, besides its path."""
_SHOWN = 20
"""Layers that a refusal names."""


class EntryBudget:
    """Counts what the passes over an image's layers meet; a layer read again counts once.

    Layers may be read in several threads at a time.
    """

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._lock = Lock()
        self._entries: Counter[int] = Counter()
        self._bytes: Counter[int] = Counter()
        self._total_entries = 0
        self._total_bytes = 0
        self._measured: set[int] = set()
        self._stored = 0
        self._uncompressed = 0

    def charge(self, layer: int, entries: int, extraordinary_bytes: int) -> None:
        """What a layer is known to hold by now; raises `LimitExceededError`."""
        # Totals are kept, not added up: entries and layers are both in the attacker's hands.
        with self._lock:
            more_entries = max(0, entries - self._entries[layer])
            more_bytes = max(0, extraordinary_bytes - self._bytes[layer])
            self._entries[layer] += more_entries
            self._bytes[layer] += more_bytes
            self._total_entries += more_entries
            self._total_bytes += more_bytes
        self._check("layer_entries", self._limits.layer_entries, self._total_entries)
        self._check("entry_bytes", self._limits.entry_bytes, self._total_bytes)

    def charge_size(self, layer: int, stored: int, uncompressed: int) -> None:
        """What a layer was found to take; raises `LimitExceededError` for bombs in many layers."""
        with self._lock:
            if layer not in self._measured:
                self._measured.add(layer)
                self._stored += stored
                self._uncompressed += uncompressed
        limits = self._limits
        if self._uncompressed > max(limits.ratio_floor_bytes, limits.ratio * self._stored):
            detail = (
                f"{len(self._measured)} layers of {self._stored} stored bytes "
                f"hold {self._uncompressed} bytes"
            )
            raise LimitExceededError("ratio", limits.ratio, detail)

    def _check(self, name: str, limit: int, total: int) -> None:
        if total > limit:
            layers = _listing(sorted(self._entries))
            raise LimitExceededError(name, limit, f"layers {layers} come to {total} at least")


def _listing(layers: list[int]) -> str:
    shown = ", ".join(map(str, layers[:_SHOWN]))
    return shown if len(layers) <= _SHOWN else f"{shown} and {len(layers) - _SHOWN} more"


class Weigher:
    """Weighs what one layer's entries hold beyond the ordinary, in bytes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        # Hashes of paths: Python's cannot be foreseen, and paths would cost what is counted here.
        self._directories: set[int] = set()
        self._directory = b""

    def weigh(self, member: TarMember, path: bytes) -> int:
        """Bytes that this entry adds; 0 for nearly all. Raises `LimitExceededError` for depth."""
        weight = 0
        names = len(member.name) + len(member.link_name)
        if names > ORDINARY_NAME_BYTES:
            weight += names + len(path)
        if member.pax is not NOTHING or member.xattrs is not NOTHING:
            weight += sum(
                len(key) + len(value) + RECORD_BYTES
                for records in (member.pax, member.xattrs)
                for key, value in records.items()
            )
        if member.extents is not None:
            weight += EXTENT_BYTES * len(member.extents)
        directory = path.rpartition(b"/")[0]
        if directory != self._directory:
            weight += self._weigh_directories(directory)
        if member.kind is DIRECTORY:
            self._directories.add(hash(path))
        return weight

    def _weigh_directories(self, directory: bytes) -> int:
        """The directories above a path that no entry named: a short name may imply many."""
        if directory.count(b"/") + 1 >= self._limits.path_depth:
            detail = "a path of more levels"
            raise LimitExceededError("path_depth", self._limits.path_depth, detail)
        self._directory = directory
        weight = 0
        while directory and (mark := hash(directory)) not in self._directories:
            self._directories.add(mark)
            weight += len(directory) + _DIRECTORY_BYTES
            directory = directory.rpartition(b"/")[0]
        return weight
