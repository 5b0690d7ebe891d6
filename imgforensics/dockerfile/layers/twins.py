"""Files that were copied under another name, known again by content that kept its name elsewhere.

buildah's rows hide what sources are called. A file that was copied into a directory has kept its
name; another one with the very same content was most likely made of the same source.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from imgforensics.dockerfile.layers.destinations import CopyStep
from imgforensics.layer import EntryKind, LayerEntry

_LARGEST = 64 << 20
_MOST_FILES = 10_000


class Twin(NamedTuple):
    """The file that kept its name."""

    name: bytes
    mode: int


class Twins:
    """Takes in the files that hashed steps brought, while layers pass by once."""

    def __init__(self, steps: Sequence[CopyStep]) -> None:
        self._folders = {(step.recovered.layer, step.path) for step in steps if step.is_directory}
        self._files = {(step.recovered.layer, step.path) for step in steps if not step.is_directory}
        self._left = _MOST_FILES
        self._kept: dict[bytes, Twin] = {}
        self._digests: dict[tuple[int, bytes], bytes] = {}

    def wants(self, entry: LayerEntry) -> bool:
        """Whether some step may have copied the file."""
        if entry.kind is not EntryKind.FILE or not 0 < entry.size <= _LARGEST or not self._left:
            return False
        layer = entry.layer_index
        return (layer, entry.path) in self._files or self._keeps_name(entry)

    def hasher(self, entry: LayerEntry) -> "_ContentHasher":
        """What takes in the file's content."""
        self._left -= 1
        return _ContentHasher(self, entry)

    def twin_of(self, entry: LayerEntry) -> Twin | None:
        """The file of the same content that kept its name."""
        return self._kept.get(self._digests.get((entry.layer_index, entry.path), b""))

    def take(self, entry: LayerEntry, digest: bytes) -> None:
        """Take in what a file's content hashes to."""
        self._digests[entry.layer_index, entry.path] = digest
        if self._keeps_name(entry):
            self._kept.setdefault(digest, Twin(entry.path.rpartition(b"/")[2], entry.mode))

    def _keeps_name(self, entry: LayerEntry) -> bool:
        return (entry.layer_index, entry.path.rpartition(b"/")[0]) in self._folders


class _ContentHasher:
    def __init__(self, twins: Twins, entry: LayerEntry) -> None:
        self._twins = twins
        self._entry = entry
        self._state = hashlib.sha256()

    def update(self, piece: memoryview, /) -> None:
        self._state.update(piece)

    def finish(self) -> None:
        self._twins.take(self._entry, self._state.digest())
