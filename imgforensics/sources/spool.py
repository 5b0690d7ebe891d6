"""A temporary copy of what cannot be read at random; the kernel removes it, whatever happens."""

import errno
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from imgforensics.errors import LimitExceededError, OutputFailedError
from imgforensics.limits import DEFAULT_LIMITS, Limits

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def spool(
    chunks: Iterable[bytes], directory: Path | None = None, limits: Limits = DEFAULT_LIMITS
) -> BinaryIO:
    """Copy `chunks` into a file without a name in `directory` (default: the system's).

    Having no name, it is gone with its last descriptor, also after a kill. Raises
    :class:`~imgforensics.errors.OutputFailedError` when the directory cannot take it and
    :class:`~imgforensics.errors.LimitExceededError` past `spool_bytes`.
    """
    place = Path(tempfile.gettempdir()) if directory is None else directory
    try:
        file = tempfile.TemporaryFile(dir=place, buffering=0)  # noqa: SIM115 - the caller closes
    except OSError as error:
        raise _failed(place, error) from None
    try:
        _copy(chunks, file, place, limits)
    except BaseException:
        file.close()
        raise
    return file


def _copy(chunks: Iterable[bytes], file: BinaryIO, place: Path, limits: Limits) -> None:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > limits.spool_bytes:
            raise LimitExceededError(
                "spool_bytes",
                limits.spool_bytes,
                f"the temporary copy in {place} has over {limits.spool_bytes} bytes",
            )
        try:
            _write_all(file, chunk)
        except OSError as error:
            raise _failed(place, error) from None
    file.seek(0)


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _failed(place: Path, error: OSError) -> OutputFailedError:
    advice = (
        "free some space, or name a directory that has it"
        if error.errno in _FULL
        else "name a directory that can be written to"
    )
    return OutputFailedError(
        f"the temporary copy of the source in {place} failed: {error.strerror}; {advice}"
    )
