"""A source of blobs in memory."""

import io
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from imgforensics.sources.base import SourceFacts
from imgforensics.testing import Layout


class MemorySource(SourceFacts):
    """Blobs by name."""

    def __init__(self, blobs: Mapping[str, bytes]) -> None:
        super().__init__("memory")
        self._blobs = blobs

    @classmethod
    def of_layout(cls, layout: Layout) -> "MemorySource":
        """A layout without links."""
        return cls({name: blob for name, blob in layout.items() if isinstance(blob, bytes)})

    def names(self) -> Iterator[str]:
        """All of them."""
        return iter(self._blobs)

    def size(self, name: str) -> int:
        """Bytes of a blob."""
        return len(self._blob(name))

    def open(self, name: str) -> BinaryIO:
        """A blob as a file."""
        return io.BytesIO(self._blob(name))

    def _blob(self, name: str) -> bytes:
        if name not in self._blobs:
            raise self._missing(name)
        return self._blobs[name]
