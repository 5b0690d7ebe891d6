"""Tools that read what is made here."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest


def run(*command: str | Path, stdin: bytes = b"") -> bytes:
    """Run an oracle and return its output; skip where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def read_by_tarfile(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {member.name: member for member in opened.getmembers()}
