"""Contents that a comparison needs: hashed, some of them kept, each layer read once."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, NamedTuple

from imgforensics.closing import Closing
from imgforensics.comparison.sides import Progress, Side
from imgforensics.contents import Content
from imgforensics.errors import OutputFailedError
from imgforensics.layer.entry import LayerEntry
from imgforensics.problems import Problem

_IN_MEMORY = 16 << 20
"""Kept content of more bytes than this, all of it together, is held in an unnamed file."""

_PYC_HEADERS = ((3_390, 20_000, 16), (3_230, 3_390, 12))
"""Magic numbers of CPython from and to, and the length of the header: PEP 552, PEP 3147."""
_PYC_HEADER = 16


class Facts(NamedTuple):
    """What was read of one file."""

    sha256: str
    code_sha256: str | None
    """Of compiled Python without its header; None for what is none."""


class Reading(Closing):
    """Contents of entries of two sides; first said what is needed, then read.

    With `shared`, the lowest layers of both sides are the same, and are read in `before`.
    To be closed, as what it keeps may stand on a disk.
    """

    def __init__(
        self, before: Side, after: Side, shared: int, spool_directory: Path | None = None
    ) -> None:
        self._before = before
        self._after = after
        self._shared = shared
        self._wanted: tuple[dict[int, LayerEntry], dict[int, LayerEntry]] = ({}, {})
        self._to_keep: set[int] = set()
        self._facts: dict[int, Facts] = {}
        self._kept: dict[int, tuple[int, int]] = {}
        self._place = str(spool_directory or tempfile.gettempdir())
        self._store: IO[bytes] = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by close
            _IN_MEMORY, dir=self._place
        )
        self._end = 0
        self.problems: list[Problem] = []

    # What is needed.

    def want(self, entry: LayerEntry, *, of_after: bool, keep: bool = False) -> None:
        """Have an entry hashed; with `keep`, its content is there afterwards."""
        in_after = of_after and entry.layer_index >= self._shared
        self._wanted[in_after][id(entry)] = entry
        if keep:
            self._to_keep.add(id(entry))

    # Reading it.

    def read(self, progress: Progress | None = None) -> None:
        """Read what is wanted: first what stands in `before`, then the rest."""
        for side, wanted in zip((self._before, self._after), self._wanted, strict=True):
            if not wanted:
                continue
            contents = side.contents(list(wanted.values()), self.problems, progress)
            with closing(contents):
                for content in contents:
                    self._take(content)

    def _take(self, content: Content) -> None:
        entry = content.entry
        code = _CodeHasher() if entry.path.endswith(b".pyc") else None
        keep = id(entry) in self._to_keep
        start = self._end
        for piece in content.pieces:
            if code is not None:
                code.update(piece)
            if keep:
                self._write(piece)
        digests = content.digests()
        if digests is None:
            return
        self._facts[id(entry)] = Facts(digests["sha256"], code.hexdigest() if code else None)
        if keep:
            self._kept[id(entry)] = (start, self._end - start)

    def _write(self, piece: memoryview) -> None:
        try:
            self._end += self._store.write(piece)
        except OSError as error:
            raise OutputFailedError(
                f"{self._place}: {error.strerror}; choose another directory for temporary copies"
            ) from error

    # What was read.

    def facts(self, entry: LayerEntry | None) -> Facts | None:
        """Hashes of a wanted entry; None where its content is lost."""
        return self._facts.get(id(entry))

    def content(self, entry: LayerEntry | None) -> bytes | None:
        """A kept entry's content; None where it was not kept or is lost."""
        place = self._kept.get(id(entry))
        if place is None:
            return None
        self._store.seek(place[0])
        return self._store.read(place[1])

    def close(self) -> None:
        """Give back what is kept."""
        self._store.close()


class _CodeHasher:
    """Hashes compiled Python behind its header."""

    def __init__(self) -> None:
        self._head = b""
        self._hasher = hashlib.sha256()
        self._is_code: bool | None = None

    def update(self, piece: memoryview) -> None:
        for part in self._behind_header(piece):
            self._hasher.update(part)

    def _behind_header(self, piece: memoryview) -> Iterator[bytes | memoryview]:
        if self._is_code is None:
            taken = min(_PYC_HEADER - len(self._head), len(piece))
            self._head += bytes(piece[:taken])
            piece = piece[taken:]
            if len(self._head) < _PYC_HEADER:
                return
            length = _header_length(self._head)
            self._is_code = length > 0
            yield self._head[length:]
        yield piece

    def hexdigest(self) -> str | None:
        """None for what has no header of compiled Python."""
        return self._hasher.hexdigest() if self._is_code else None


def _header_length(head: bytes) -> int:
    magic = int.from_bytes(head[:2], "little")
    lengths = (length for low, high, length in _PYC_HEADERS if low <= magic < high)
    return next(lengths, 0) if head[2:4] == b"\r\n" else 0
