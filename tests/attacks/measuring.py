"""Runs the command line as a process of its own and measures what it takes."""

import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ADDRESS_SPACE = 8 << 30
"""Bytes of addresses that a measured process may have: what takes more fails at once."""

_NAMED = re.compile(
    r"over the limit (\w+)=\S+; raise it with Limits\((\w+)=\.\.\.\) or --limit (\w+)="
)


@dataclass(frozen=True, slots=True)
class Measured:
    """How a command ended, and what it took."""

    status: int
    """The exit status; the negative of a signal's number."""
    seconds: float
    """Processor time of all threads: what others do on this machine does not count."""
    peak_mib: float
    """Largest resident memory."""
    said: str
    """Standard error."""

    @property
    def limit(self) -> str | None:
        """The limit that the command named, with the option and the argument that raise it."""
        for match in _NAMED.finditer(self.said):
            if match[1] == match[2] == match[3]:
                return match[1]
        return None


def measure(arguments: Sequence[str], scratch: Path, timeout: float) -> Measured:
    """Run `imgforensics` with `arguments`, for `timeout` seconds at most."""
    said = scratch / "stderr"
    with said.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "imgforensics", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            preexec_fn=lambda: _confine(timeout),  # noqa: PLW1509 - no threads are about
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    text = said.read_text(errors="replace")
    seconds = usage.ru_utime + usage.ru_stime
    return Measured(process.returncode, seconds, usage.ru_maxrss / 1024, text)


def _confine(timeout: float) -> None:
    """An alarm outlives `exec` and cannot be waited out."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.setitimer(signal.ITIMER_REAL, timeout)
