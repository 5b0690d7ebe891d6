"""Targets: they exist under their name only when they are whole.

Work happens in `NAME.partial` beside it; the record stands beside it as
`NAME.extraction.json`.
"""

import bz2
import gzip
import json
import lzma
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from imgforensics.errors import OutputFailedError, UnsafeOutputError
from imgforensics.extraction.record import ExtractionRecord
from imgforensics.extraction.removal import remove


class _Target:
    """What the two kinds of target share."""

    def __init__(self, path: Path, source: str, *, force: bool) -> None:
        self.path = path.absolute()
        if self.path.name in ("", ".."):
            raise UnsafeOutputError(f"{path}: is no name for a target; choose another")
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.record_path = self.path.with_name(self.path.name + ".extraction.json")
        self._force = force
        for written in (self.path, self.partial, self.record_path):
            _check_source_is_safe(source, written)

    def finish(self, record: ExtractionRecord) -> ExtractionRecord:
        """Give a complete result its name, leave an incomplete one partial; write the record.

        Raises `OutputFailedError`; the result then stays where it is.
        """
        if record.is_complete:
            self._take_name()
        record = replace(record, output=str(self.path if record.is_complete else self.partial))
        try:
            self.record_path.unlink(missing_ok=True)
            with self.record_path.open("x", encoding="utf-8") as file:
                json.dump(record.to_json(), file, indent=2)
                file.write("\n")
        except OSError as error:
            raise _failed(self.record_path, error) from error
        return record

    def _take_name(self) -> None:
        try:
            if self._force:
                remove(self.path)
            os.rename(self.partial, self.path)  # noqa: PTH104 - replaces an empty directory
        except OSError as error:
            raise OutputFailedError(
                f"{self.path}: {error.strerror}; the whole result is in {self.partial}"
            ) from error

    def _refuse_existing(self, path: Path, *, may_be_empty: bool = False) -> None:
        try:
            facts = path.lstat()
            if stat.S_ISDIR(facts.st_mode) and path.is_mount():
                raise UnsafeOutputError(f"{path}: is a mount point; choose a name below it")
            is_empty = stat.S_ISDIR(facts.st_mode) and not any(path.iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(path, error) from error
        if not self._force and not (may_be_empty and is_empty):
            raise UnsafeOutputError(
                f"{path}: exists; choose another target, or replace it by force"
            )


class DirectoryTarget(_Target):
    """A directory; one that exists and is empty may be taken."""

    def check(self) -> None:
        """Raise `UnsafeOutputError` where something stands in the way."""
        self._refuse_existing(self.path, may_be_empty=True)
        self._refuse_existing(self.partial)

    def begin(self) -> Path:
        """Make the partial directory; raises `UnsafeOutputError` and `OutputFailedError`."""
        self.check()
        try:
            remove(self.partial)
            self.partial.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(self.partial, error) from error
        return make_directory(self.partial)


class ArchiveTarget(_Target):
    """One file, compressed as its suffix says."""

    def check(self) -> None:
        """Raise `UnsafeOutputError` where something stands in the way."""
        self._refuse_existing(self.path)
        self._refuse_existing(self.partial)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The partial file, new; raises `UnsafeOutputError` and `OutputFailedError`."""
        self.check()
        try:
            remove(self.partial)
            with self.partial.open("xb") as file, _compressed(file, self.path.suffix) as written:
                yield written
        except OSError as error:
            raise _failed(self.partial, error) from error


def _compressed(file: BinaryIO, suffix: str) -> BinaryIO:
    compressed: object = file
    if suffix in (".gz", ".tgz"):
        compressed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0)
    elif suffix in (".zst", ".tzst"):
        import zstandard  # noqa: PLC0415 - costs time that few runs need

        compressed = zstandard.ZstdCompressor().stream_writer(file, closefd=False)
    elif suffix in (".xz", ".txz"):
        compressed = lzma.LZMAFile(file, "wb")  # noqa: SIM115 - the caller uses it in `with`
    elif suffix in (".bz2", ".tbz2", ".tbz"):
        compressed = bz2.BZ2File(file, "wb")
    return cast("BinaryIO", compressed)


def make_directory(path: Path) -> Path:
    """A new directory for this user alone, without the ACLs that its parent hands down.

    Raises `OutputFailedError`.
    """
    try:
        path.mkdir(mode=0o700)
    except OSError as error:
        raise _failed(path, error) from error
    for acl in ("system.posix_acl_default", "system.posix_acl_access"):
        # Most have none, and many filesystems know none.
        with suppress(OSError):
            os.removexattr(path, acl)
    return path


def _check_source_is_safe(source: str, written: Path) -> None:
    """Raise `UnsafeOutputError` if writing there would replace the source or add to it."""
    try:
        evidence = Path(source).resolve(strict=True)
        place = written.parent.resolve() / written.name
    except (OSError, ValueError, RuntimeError):
        # No path, or a loop of links, which Python 3.11 says so: what writes there will tell.
        return
    if evidence.is_relative_to(place) or place.is_relative_to(evidence):
        raise UnsafeOutputError(f"{written}: would alter the source {source}; choose another")


def _failed(path: Path, error: OSError) -> OutputFailedError:
    return OutputFailedError(f"{path}: {error.strerror}; choose another target")
