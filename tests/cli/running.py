"""Run the command line: inside this process to be quick, or as a process of its own."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from imgforensics_cli.app import main


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it wrote."""

    status: int
    raw: bytes
    said: str

    @property
    def text(self) -> str:
        """Standard output as text."""
        return self.raw.decode()

    @property
    def lines(self) -> list[str]:
        """Standard output, line by line."""
        return self.text.splitlines()

    @property
    def document(self) -> Any:
        """Standard output, which must be one JSON document in ASCII."""
        return json.loads(self.raw.decode("ascii"))


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def run(*arguments: str, given: bytes = b"", terminal: bool = False) -> Outcome:
    """Run a command here; with `terminal`, standard input and output say that they are one."""
    stream = Terminal if terminal else io.TextIOWrapper
    output, said = stream(io.BytesIO(), encoding="utf-8"), io.StringIO()
    source = stream(io.BytesIO(given))
    with redirect_stdout(output), redirect_stderr(said), patch.object(sys, "stdin", source):
        with _process_state_restored():
            status = _status(arguments)
        output.flush()
        return Outcome(status, output.buffer.getvalue(), said.getvalue())  # type: ignore[attr-defined]


def _status(arguments: tuple[str, ...]) -> int:
    try:
        main(arguments)
    except SystemExit as end:
        return int(end.code or 0)


@contextmanager
def _process_state_restored() -> Iterator[None]:
    threshold, handler = gc.get_threshold(), signal.getsignal(signal.SIGTERM)
    interval = sys.getswitchinterval()
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        gc.set_threshold(*threshold)
        gc.unfreeze()
        signal.signal(signal.SIGTERM, handler)


COMMAND = (sys.executable, "-m", "imgforensics")


def process(
    *arguments: str, given: bytes = b"", environment: Mapping[str, str] | None = None
) -> Outcome:
    """Run a command as a process of its own, with more in its environment."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    return Outcome(done.returncode, done.stdout, done.stderr.decode())
