"""A read-only file over part of another, by `pread`: no shared position, so safe in threads."""

import io
import os
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, cast

from imgforensics.tarstream.member import Extent

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_BUFFER = 64 << 10


class _Region(io.RawIOBase):
    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor = descriptor
        self._start = start
        self._size = size
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative seek position {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        wanted = min(memoryview(buffer).nbytes, max(0, self._size - self._position))
        if wanted == 0:
            return 0
        count = self._fill(memoryview(buffer).cast("B")[:wanted])
        self._position += count
        return count

    def _fill(self, target: memoryview) -> int:
        return os.preadv(self._descriptor, [target], self._start + self._position)

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

    def _fill(self, target: memoryview) -> int:
        index = bisect_right(self._offsets, self._position) - 1
        inside = self._position - self._offsets[index] if index >= 0 else 0
        if index >= 0 and inside < self._extents[index].length:
            run = target[: self._extents[index].length - inside]
            place = self._start + self._stored[index] + inside
            return os.preadv(self._descriptor, [run], place)
        following = self._offsets[index + 1] if index + 1 < len(self._offsets) else self._size
        hole = min(len(target), following - self._position)
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
