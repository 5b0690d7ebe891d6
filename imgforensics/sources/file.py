"""A single file as a source: what `--as-rootfs` opens."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from imgforensics.sources.base import SourceFacts
from imgforensics.sources.file_descriptor import FileDescriptor
from imgforensics.sources.region import open_region


class FileSource(SourceFacts):
    """One blob: the file itself as stored, compressed or not."""

    def __init__(self, file: BinaryIO, name: str, description: str) -> None:
        super().__init__(description)
        self.name = name
        self._file = FileDescriptor(os.dup(file.fileno()), description)

    def names(self) -> Iterator[str]:
        """The one name."""
        yield self.name

    def size(self, name: str) -> int:
        """Bytes of the file."""
        self._check(name)
        return os.fstat(self._file.number).st_size

    def open(self, name: str) -> BinaryIO:
        """The file from its beginning."""
        return open_region(self._file.number, 0, self.size(name))

    def close(self) -> None:
        """Close the file; what was opened from it stays usable."""
        self._file.close()

    def _check(self, name: str) -> None:
        if name != self.name:
            raise self._missing(name)
