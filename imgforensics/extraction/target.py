"""The target directory: it exists under its name only when it is whole."""

import json
import os
import shutil
import stat
from dataclasses import replace
from pathlib import Path

from imgforensics.errors import OutputFailedError, UnsafeOutputError
from imgforensics.extraction.record import ExtractionRecord


class Target:
    """`DIR`, worked on as `DIR.partial` beside it."""

    def __init__(self, directory: Path, *, force: bool) -> None:
        self.directory = directory.absolute()
        self._force = force
        self.partial = self._beside(".partial")
        self.record = self._beside(".extraction.json")

    def _beside(self, suffix: str) -> Path:
        if not self.directory.name:
            raise UnsafeOutputError(f"{self.directory}: the root directory is no target")
        return self.directory.with_name(self.directory.name + suffix)

    def begin(self) -> str:
        """Make the partial directory; `UnsafeOutputError` where something stands already."""
        self._check(self.directory, may_be_empty=True)
        self._check(self.partial, may_be_empty=False)
        try:
            _remove(self.partial)
            self.partial.parent.mkdir(parents=True, exist_ok=True)
            self.partial.mkdir(mode=0o700)
        except OSError as error:
            raise _failed(self.partial, error) from error
        return str(self.partial)

    def finish(self, record: ExtractionRecord) -> ExtractionRecord:
        """Give a complete result its name, leave an incomplete one partial; write the record.

        Raises `OutputFailedError`; the result then stays where it is.
        """
        if record.is_complete:
            self._take_name()
        record = replace(record, output=str(self.directory if record.is_complete else self.partial))
        write_record(record, self.record)
        return record

    def _take_name(self) -> None:
        try:
            if self._force or self.directory.is_symlink():
                _remove(self.directory)
            os.rename(self.partial, self.directory)  # noqa: PTH104 - replaces an empty one
        except OSError as error:
            raise OutputFailedError(
                f"{self.directory}: {error.strerror}; the whole result is in {self.partial}"
            ) from error

    def _check(self, path: Path, *, may_be_empty: bool) -> None:
        try:
            facts = path.lstat()
        except FileNotFoundError:
            return
        except OSError as error:
            raise _failed(path, error) from error
        if self._force:
            return
        if not (may_be_empty and stat.S_ISDIR(facts.st_mode) and not any(path.iterdir())):
            raise UnsafeOutputError(
                f"{path}: exists; choose another target, or replace it by force"
            )
        if os.path.ismount(path):
            raise UnsafeOutputError(f"{path}: is a mount point; choose a directory below it")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _failed(path: Path, error: OSError) -> OutputFailedError:
    return OutputFailedError(f"{path}: {error.strerror}; choose another target")


def write_record(record: ExtractionRecord, path: Path) -> None:
    """Write the record's document; raises `OutputFailedError`."""
    try:
        with path.open("w", encoding="utf-8") as file:
            json.dump(record.to_json(), file, indent=2)
            file.write("\n")
    except OSError as error:
        raise _failed(path, error) from error
