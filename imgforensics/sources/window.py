"""A read-only, seekable file of a size known beforehand, wherever its bytes are."""

import io
from abc import abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Window(io.RawIOBase):
    """Knows where in its `size` bytes it stands; a subclass reads them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    @abstractmethod
    def _read_at(self, position: int, target: memoryview) -> int:
        """Fill `target`, of at least a byte and within the size, or its beginning."""

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """Bytes from the start."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, even past the end; `ValueError` for a place before the start."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError(f"negative seek position {origin + offset}")
        self._position = origin + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill as much of `buffer` as one read does; 0 at the end."""
        target = memoryview(buffer).cast("B")
        wanted = min(len(target), max(0, self._size - self._position))
        if wanted == 0:
            return 0
        count = self._read_at(self._position, target[:wanted])
        self._position += count
        return count
