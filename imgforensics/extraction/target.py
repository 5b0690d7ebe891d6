"""Targets: they exist under their name only when they are whole.

Work happens in `NAME.partial` beside it; the record stands beside it as
`NAME.extraction.json`. What is replaced is `NAME.replaced` until it is removed, so that not
even half of an old result has the name of a whole one.

`force` replaces what an earlier run left, and files; a directory with anything in it only if
its record, or what it holds, tells that it was written here. The working directory and those
above it are never a target.
"""

import bz2
import gzip
import json
import lzma
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

from imgforensics.errors import OutputFailedError, UnsafeOutputError
from imgforensics.extraction.record import SCHEMA, ExtractionRecord
from imgforensics.extraction.removal import check_nothing_is_mounted_below, remove

_NOT_WRITTEN = frozenset(
    (".lz4", ".tlz4", ".br", ".lzma", ".tlz", ".lzo", ".tzo", ".lz", ".z", ".taz", ".zip", ".7z")
)
"""Suffixes of compressed files and archives of other kinds than those written here."""

_RECOVERY = frozenset(("Dockerfile", "Dockerfile.dockerignore", "RECOVERY.md", "context"))
"""All that is in a directory with a recovered Dockerfile, which has no record beside it."""


class _Target:
    """What the two kinds of target share."""

    def __init__(self, path: Path, source: str, *, force: bool) -> None:
        self.path = path.absolute()
        if self.path.name in ("", ".."):
            raise UnsafeOutputError(f"{path}: is no name for a target; choose another")
        self.partial = self.path.with_name(self.path.name + ".partial")
        self.record_path = self.path.with_name(self.path.name + ".extraction.json")
        self._new_record = self.path.with_name(self.path.name + ".extraction.json.partial")
        self._replaced = self.path.with_name(self.path.name + ".replaced")
        self._force = force
        self.names = (
            self.path,
            self.partial,
            self._replaced,
            self.record_path,
            self._new_record,
        )
        """All paths that are written, replaced or removed."""
        for written in self.names:
            _check_source_is_safe(source, written)
            _check_nobody_stands_in(written)

    def finish(self, record: ExtractionRecord) -> ExtractionRecord:
        """Write the record; give a complete result its name, leave an incomplete one partial.

        The record is there first, so that no whole result stands without one. Raises
        `OutputFailedError`; the result then stays where it is, and the record says so.
        """
        partial = replace(record, output=str(self.partial))
        if not record.is_complete:
            self._write(partial)
            return partial
        try:
            record = replace(record, output=str(self.path))
            self._write(record)
            with self._way_cleared():
                os.rename(self.partial, self.path)  # noqa: PTH104 - replaces an empty directory
        except OSError as error:
            self._write(partial)
            raise OutputFailedError(
                f"{self.path}: {error.strerror}; the whole result is in {self.partial}"
            ) from error
        if self._force:
            self._remove_replaced()
        return record

    @contextmanager
    def _way_cleared(self) -> Iterator[None]:
        """What stands at the path is aside, and back again where its name is not taken."""
        if not self._force or not os.path.lexists(self.path):
            yield
            return
        check_nothing_is_mounted_below(self.path)
        self.path.rename(self._replaced)
        try:
            yield
        except OSError:
            self._replaced.rename(self.path)
            raise

    def _remove_replaced(self) -> None:
        try:
            remove(self._replaced)
        except OSError as error:
            raise OutputFailedError(
                f"{self.path}: is whole, but what it replaced stays in {self._replaced}: "
                f"{error.strerror}"
            ) from error

    def _write(self, record: ExtractionRecord) -> None:
        _write_record(record, self._new_record, self.record_path)

    def _refuse_others(self) -> None:
        """Raise `UnsafeOutputError` where others' files have the names of what we write."""
        for temporary in (self.partial, self._replaced, self._new_record):
            if _stands(temporary) and not self._force:
                raise UnsafeOutputError(_exists(temporary))
        try:
            kind = self.record_path.lstat().st_mode
            if stat.S_ISDIR(kind):
                raise UnsafeOutputError(f"{self.record_path}: is a directory; choose another name")
            is_ours = stat.S_ISREG(kind) and _is_record(self.record_path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(self.record_path, error) from error
        if not self._force and not is_ours:
            raise UnsafeOutputError(
                f"{self.record_path}: exists and is no record of an extraction; choose another "
                "target, or replace it with --force (force=True)"
            )

    def _clear_the_way(self) -> None:
        for left in (self.partial, self._replaced, self._new_record):
            remove(left)

    def _refuse_existing(self, *, may_be_empty: bool = False) -> None:
        """Raise `UnsafeOutputError` where the path is taken, unless it is to be replaced."""
        if not _stands(self.path):
            return
        try:
            is_directory = self.path.is_dir() and not self.path.is_symlink()
            is_empty = is_directory and not any(self.path.iterdir())
            if is_directory and not is_empty and not self._is_ours():
                raise UnsafeOutputError(
                    f"{self.path}: exists, and nothing tells that it was written by an earlier "
                    "run; choose another target, or move or remove it yourself"
                )
        except OSError as error:
            raise _failed(self.path, error) from error
        if not self._force and not (may_be_empty and is_empty):
            raise UnsafeOutputError(_exists(self.path))

    def _is_ours(self) -> bool:
        """Whether a directory is what an earlier run wrote; raises `OSError`."""
        record = self.record_path
        if record.is_file() and not record.is_symlink() and _is_record(record):
            return True
        is_recovery = (self.path / "RECOVERY.md").is_file()
        return is_recovery and all(path.name in _RECOVERY for path in self.path.iterdir())


class DirectoryTarget(_Target):
    """A directory; one that exists and is empty may be taken."""

    def check(self) -> None:
        """Raise `UnsafeOutputError` where something stands in the way."""
        self._refuse_existing(may_be_empty=True)
        self._refuse_others()

    def begin(self) -> Path:
        """Make the partial directory; raises `UnsafeOutputError` and `OutputFailedError`."""
        self.check()
        try:
            self._clear_the_way()
            self.partial.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _failed(self.partial, error) from error
        return make_directory(self.partial)

    def finish_without_record(self) -> Path:
        """Give a complete result that is no extraction its name; raises `OutputFailedError`."""
        try:
            with self._way_cleared():
                os.rename(self.partial, self.path)  # noqa: PTH104 - replaces an empty directory
        except OSError as error:
            raise OutputFailedError(
                f"{self.path}: {error.strerror}; the whole result is in {self.partial}"
            ) from error
        if self._force:
            self._remove_replaced()
        return self.path

    def let_others_in(self) -> None:
        """Give the finished directory the mode of one made by hand; raises `OutputFailedError`."""
        try:
            self.partial.chmod(0o755)
        except OSError as error:
            raise _failed(self.partial, error) from error


class ArchiveTarget(_Target):
    """One file, compressed as its suffix says, in whatever letter case."""

    def check(self) -> None:
        """Raise `UnsafeOutputError` where something stands in the way."""
        _check_suffix(self.path)
        self._refuse_existing()
        self._refuse_others()

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The partial file, new; raises `UnsafeOutputError` and `OutputFailedError`."""
        self.check()
        try:
            self._clear_the_way()
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            with (
                self.partial.open("xb") as file,
                _compressed(file, self.path.suffix.lower()) as written,
            ):
                yield written
        except OSError as error:
            raise _failed(self.partial, error) from error


class RecordFile:
    """A further record, where somebody asked for one: never where an image could put a link."""

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path = path.absolute()
        self._new = self.path.with_name(self.path.name + ".partial")
        self._force = force

    def check(self, source: str, target: _Target | None) -> None:
        """Raise `UnsafeOutputError` where something stands, or an extraction writes.

        And `OutputFailedError` where there will be no directory that can be written to.
        """
        for written in (self.path, self._new):
            _check_source_is_safe(source, written)
            if target is not None and _is_at_or_below(written, target.names):
                raise UnsafeOutputError(f"{self.path}: is inside the output; choose another place")
            if written.is_dir():
                raise UnsafeOutputError(f"{written}: is a directory; choose another name")
            if os.path.lexists(written) and not self._force:
                raise UnsafeOutputError(f"{written}: exists; choose another name, or --force")
        folder = self.path.parent
        is_usable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
        is_made = target is not None and target.path.is_relative_to(folder)
        if not is_usable and (os.path.lexists(folder) or not is_made):
            raise OutputFailedError(f"{folder}: is no directory that can be written to")

    def write(self, record: ExtractionRecord) -> None:
        """Write it, in place of what is there; raises `OutputFailedError`."""
        if self._force:
            self._new.unlink(missing_ok=True)
        _write_record(record, self._new, self.path)


def _is_at_or_below(path: Path, places: Iterable[Path]) -> bool:
    """Whether a path is one of the places, or below one, however it is written."""
    real_path = path.parent.resolve() / path.name
    return any(
        real_path.is_relative_to(place.parent.resolve() / place.name) or path.is_relative_to(place)
        for place in places
    )


def _write_record(record: ExtractionRecord, temporary: Path, path: Path) -> None:
    """Write a record under a new name, then give it its own; no link is followed to either."""
    try:
        with temporary.open("x", encoding="utf-8") as file:
            json.dump(record.to_json(), file, indent=2)
            file.write("\n")
        temporary.replace(path)
    except OSError as error:
        raise _failed(path, error) from error


def _check_suffix(path: Path) -> None:
    """Raise `UnsafeOutputError` where the name claims a form that is not written here."""
    if path.suffix.lower() in _NOT_WRITTEN:
        raise UnsafeOutputError(
            f"{path}: {path.suffix} is not written; choose .tar, .tar.gz (.tgz), .tar.zst, "
            ".tar.xz or .tar.bz2"
        )


def _compressed(file: BinaryIO, suffix: str) -> BinaryIO:
    compressed: object = file
    if suffix in (".gz", ".tgz"):
        compressed = gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0)
    elif suffix in (".zst", ".zstd", ".tzst"):
        import zstandard  # noqa: PLC0415 - costs time that few runs need

        compressed = zstandard.ZstdCompressor().stream_writer(file, closefd=False)
    elif suffix in (".xz", ".txz"):
        compressed = lzma.LZMAFile(file, "wb")  # noqa: SIM115 - the caller uses it in `with`
    elif suffix in (".bz2", ".tbz2", ".tbz"):
        compressed = bz2.BZ2File(file, "wb")
    return cast("BinaryIO", compressed)


def _is_record(path: Path) -> bool:
    """Whether a file begins as the records written here do."""
    with path.open("rb") as file:
        head = file.read(256)
    return b"".join(head.split()).startswith(b'{"schema":"%s"' % SCHEMA.encode())


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


def _stands(path: Path) -> bool:
    """Whether something has the name; raises `UnsafeOutputError` for a mount point."""
    try:
        if path.is_dir() and not path.is_symlink() and path.is_mount():
            raise UnsafeOutputError(f"{path}: is a mount point; choose a name below it")
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _failed(path, error) from error
    return True


def _exists(path: Path) -> str:
    return f"{path}: exists; choose another target, or replace it with --force (force=True)"


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


def _check_nobody_stands_in(written: Path) -> None:
    """Raise `UnsafeOutputError` for the working directory and what it is in."""
    with suppress(OSError, ValueError, RuntimeError):  # as above: what writes there will tell
        if Path.cwd().resolve().is_relative_to(written.parent.resolve() / written.name):
            raise UnsafeOutputError(
                f"{written}: is the working directory, or above it; choose a name below it"
            )


def _failed(path: Path, error: OSError) -> OutputFailedError:
    return OutputFailedError(f"{path}: {error.strerror}; choose another target")
