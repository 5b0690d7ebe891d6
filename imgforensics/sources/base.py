"""What every source offers, and how names inside one are written."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol, Self

from imgforensics.closing import Closing
from imgforensics.errors import LimitExceededError, MissingBlobError
from imgforensics.limits import Limits
from imgforensics.problems import Problem, display


class BlobSource(Protocol):
    """Named byte strings, read-only. It knows nothing of images."""

    @property
    def description(self) -> str:
        """What was opened, for messages: a path, or `standard input`."""

    @property
    def reference(self) -> str | None:
        """The image that the source's own name chose (`oci:dir:tag`); `@N` counts from 0."""

    @property
    def problems(self) -> Iterable[Problem]:
        """What is wrong with the archive itself, as found so far."""

    def names(self) -> Iterator[str]:
        """Every name with content, links included; undecodable bytes as surrogate escapes."""

    def size(self, name: str) -> int:
        """Bytes of the blob; :class:`~imgforensics.errors.MissingBlobError` when absent."""

    def open(self, name: str) -> BinaryIO:
        """Open the blob, read-only, seekable, independent of every other open file.

        Raises :class:`~imgforensics.errors.MissingBlobError` when absent.
        """

    def close(self) -> None:
        """Give back what the source holds; open files stay usable."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


class SourceFacts(Closing):
    """What all sources share: their description and their use in `with`."""

    def __init__(self, description: str, reference: str | None = None) -> None:
        self._description = description
        self._reference = reference

    @property
    def description(self) -> str:
        """What was opened, for messages."""
        return self._description

    @property
    def reference(self) -> str | None:
        """The image that the source's own name chose."""
        return self._reference

    @property
    def problems(self) -> Iterable[Problem]:
        """What is wrong with the archive itself."""
        return ()

    def close(self) -> None:
        """Give back what the source holds."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._description}>"

    def _check_holes(self, name: str, holes: int, limits: Limits) -> None:
        """Holes take no room in an archive, yet time to read: no writer of images makes any."""
        if holes > limits.hole_bytes:
            detail = f"{self._description}: {display(name)} has holes of {holes} bytes"
            raise LimitExceededError("hole_bytes", limits.hole_bytes, detail)

    def _missing(self, name: str, why: str = "is not in the source") -> MissingBlobError:
        return MissingBlobError(f"{self._description}: {display(name)} {why}")


def open_read_only(path: str | bytes | Path, flags: int = 0, directory: int | None = None) -> int:
    """Open a descriptor for reading, without touching the access time where we may.

    Linux lets the file's owner and root leave it alone (`O_NOATIME`); others cannot ask.
    `flags` are added to it, and a relative path starts at the descriptor `directory`.
    """
    flags |= os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0), dir_fd=directory)
    except PermissionError:
        return os.open(path, flags, dir_fd=directory)


def normalise(name: str) -> str:
    """A member's name without `./`, leading `/`, and `..` (which stops at the top)."""
    parts: list[str] = []
    for part in name.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def decode_name(name: bytes) -> str:
    """A stored name as text that `os.fsencode` turns back into the same bytes."""
    return name.decode("utf-8", "surrogateescape")
