"""Running the programs that are our oracles."""

import os
import subprocess
from pathlib import Path


class OracleError(Exception):
    """A program that serves as oracle could not do its work; the text says what it said."""


class EngineAbsentError(Exception):
    """An engine is not installed or does not start here; the text is the reason."""


def run(*command: str | Path, directory: Path | None = None) -> bytes:
    """Return what `command` wrote on standard output.

    Raises:
        OracleError: it ended with another status than zero.
    """
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        check=False,
        cwd=directory,
        env=environment,
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()[-2000:]
        raise OracleError(f"{command[0]} ended with {done.returncode}: {said}")
    return done.stdout
