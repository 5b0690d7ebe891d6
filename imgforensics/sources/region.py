"""A read-only file over part of another, by `pread`: no shared position, so safe in threads."""

import io
import os
from bisect import bisect_right
from itertools import accumulate
from typing import BinaryIO, cast

from imgforensics.sources.window import Window
from imgforensics.tarstream.member import Extent

_BUFFER = 64 << 10


class _Region(Window):
    def __init__(self, descriptor: int, start: int, size: int) -> None:
        super().__init__(size)
        self._descriptor = descriptor
        self._start = start

    def _read_at(self, position: int, target: memoryview) -> int:
        return os.preadv(self._descriptor, [target], self._start + position)

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()


class _SparseRegion(_Region):
    """Stored runs laid out with the holes between them, which read as zeros."""

    def __init__(self, descriptor: int, start: int, size: int, extents: tuple[Extent, ...]) -> None:
        super().__init__(descriptor, start, size)
        self._extents = extents
        self._offsets = [extent.offset for extent in extents]
        self._stored = [0, *accumulate(extent.length for extent in extents)]

    def _read_at(self, position: int, target: memoryview) -> int:
        index = bisect_right(self._offsets, position) - 1
        inside = position - self._offsets[index] if index >= 0 else 0
        if index >= 0 and inside < self._extents[index].length:
            run = target[: self._extents[index].length - inside]
            place = self._start + self._stored[index] + inside
            return os.preadv(self._descriptor, [run], place)
        following = self._offsets[index + 1] if index + 1 < len(self._offsets) else self._size
        hole = min(len(target), following - position)
        target[:hole] = bytes(hole)
        return hole


def open_region(
    descriptor: int, start: int, size: int, extents: tuple[Extent, ...] | None = None
) -> BinaryIO:
    """Open a seekable file over `size` bytes from `start`; it owns a duplicate of `descriptor`.

    With `extents`, the bytes from `start` are the stored runs of a sparse file, and `size`
    is its logical size.
    """
    own = os.dup(descriptor)
    raw = (
        _Region(own, start, size) if extents is None else (_SparseRegion(own, start, size, extents))
    )
    return cast("BinaryIO", io.BufferedReader(raw, _BUFFER))
