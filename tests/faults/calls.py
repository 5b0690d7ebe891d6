"""Let something happen at one of the calls by which an extraction writes."""

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

CHANGING = (
    *("mkdir", "write", "pwrite", "symlink", "link", "mknod", "rename", "replace", "unlink"),
    *("rmdir", "chmod", "chown", "utime", "setxattr", "ftruncate"),
)
_CREATES = os.O_CREAT | os.O_DIRECTORY | os.O_PATH


class Calls:
    """Counts calls; at number `at`, from 0, does something before the call is made."""

    def __init__(self, at: int, event: Callable[[], None]) -> None:
        self._at = at
        self._event = event
        self.count = 0

    def __call__(self) -> None:
        number, self.count = self.count, self.count + 1
        if number == self._at:
            self._event()


@contextmanager
def counted(at: int = -1, event: Callable[[], None] = lambda: None) -> Iterator[Calls]:
    """Count every call of this process that changes or opens something to write."""
    calls = Calls(at, event)

    def before(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **options: Any) -> Any:
            calls()
            return call(*arguments, **options)

        return wrapper

    def opening(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & _CREATES:
            calls()
        return os_open(path, flags, *arguments, **options)

    def opening_file(path: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if "x" in mode:
            calls()
        return io_open(path, mode, *arguments, **options)

    os_open, io_open = os.open, io.open
    replaced: dict[str, Any] = {name: before(getattr(os, name)) for name in CHANGING}
    with patch.multiple(os, open=opening, **replaced), patch.object(io, "open", opening_file):
        yield calls
