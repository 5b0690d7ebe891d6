"""A single file as a source: what `--as-rootfs` opens."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from imgforensics.sources.base import SourceFacts
from imgforensics.sources.region import open_region


class FileSource(SourceFacts):
    """One blob: the file itself as stored, compressed or not."""

    def __init__(self, file: BinaryIO, name: str, description: str) -> None:
        super().__init__(description)
        self.name = name
        self._descriptor = os.dup(file.fileno())

    def names(self) -> Iterator[str]:
        """The one name."""
        yield self.name

    def size(self, name: str) -> int:
        """Bytes of the file."""
        self._check(name)
        return os.fstat(self._descriptor).st_size

    def open(self, name: str) -> BinaryIO:
        """The file from its beginning."""
        return open_region(self._descriptor, 0, self.size(name))

    def close(self) -> None:
        """Close the file; what was opened from it stays usable."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _check(self, name: str) -> None:
        if name != self.name:
            raise self._missing(name)
