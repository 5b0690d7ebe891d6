"""The commands that are compared: ours, and whichever peers this machine has."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.inputs import TAG, ImageInput
from benchmarks.measure import Contestant, environment

OURS = (sys.executable, "-m", "imgforensics")
_BARE_PYTHON = (sys.executable, "-c", "pass")
_EACH_LAYER = 'target=$1 && shift && for layer in "$@"; do {} || exit; done'
"""A shell line: the target directory, then the layers, the lowest first."""


@dataclass(frozen=True, slots=True)
class Program:
    """Something that a contestant needs, and how it tells its version."""

    name: str
    version_command: tuple[str, ...]


_PROGRAMS = {
    program.name: program
    for program in (
        Program("imgforensics", (*OURS, "--help")),
        Program("tar", ("tar", "--version")),
        Program("gzip", ("gzip", "--version")),
        Program("igzip", ("igzip", "--version")),
        Program("zstd", ("zstd", "--version")),
        Program("umoci", ("umoci", "--version")),
    )
}


@cache
def _first_line(program: Program) -> str | None:
    """Return what it says of itself, and None where it is absent or does not start."""
    if shutil.which(program.version_command[0]) is None:
        return None
    answer = subprocess.run(
        program.version_command,
        capture_output=True,
        text=True,
        errors="replace",
        env=environment(),
        check=False,
    )
    if answer.returncode != 0:
        return None
    return (answer.stdout.strip() or answer.stderr.strip()).partition("\n")[0]


def versions() -> dict[str, str | None]:
    """Ask each peer its version: the first line of the answer, None where it is absent."""
    return {name: _first_line(p) for name, p in _PROGRAMS.items() if name != "imgforensics"}


def _absent(*names: str) -> str:
    missing = [name for name in names if _first_line(_PROGRAMS[name]) is None]
    return f"{' and '.join(missing)} not here" if missing else ""


def our_extract(image: ImageInput) -> Contestant:
    """Extract with the command under test."""

    def command(target: Path) -> Sequence[str]:
        return (*OURS, "extract", str(image.layout), "-o", str(target), "--quiet")

    return Contestant("imgforensics extract", command, _absent("imgforensics"), checked=True)


def umoci_unpack(image: ImageInput) -> Contestant:
    """Extract with the peer that applies whiteouts as we do."""

    def command(target: Path) -> Sequence[str]:
        rootless = () if os.geteuid() == 0 else ("--rootless",)
        return (
            "umoci",
            "raw",
            "unpack",
            *rootless,
            "--image",
            f"{image.layout}:{TAG}",
            str(target),
        )

    return Contestant("umoci raw unpack", command, _absent("umoci"), checked=True)


def tar_extract(image: ImageInput, *options: str, needs: Sequence[str]) -> Contestant:
    """Extract with GNU tar, layer after layer into one directory; it applies no whiteouts."""
    flags = " ".join(options)
    line = _EACH_LAYER.format(f'tar {flags} -xf "$layer" -C "$target"')

    def command(target: Path) -> Sequence[str]:
        return ("sh", "-c", line, "sh", str(target), *map(str, image.blobs))

    return Contestant(f"tar {flags} -x", command, _absent("tar", *needs))


def our_list(image: ImageInput) -> Contestant:
    """List all entries of all layers; the diff_ids are verified on the way."""

    def command(_target: Path) -> Sequence[str]:
        return (*OURS, "ls", "-l", "-R", "--all-layers", str(image.layout))

    return Contestant(
        "imgforensics ls --all-layers", command, _absent("imgforensics"), least_lines=image.members
    )


def tar_list(image: ImageInput) -> Contestant:
    """List each layer with GNU tar, which verifies nothing."""
    line = _EACH_LAYER.format('tar -tvzf "$layer"')

    def command(target: Path) -> Sequence[str]:
        return ("sh", "-c", line, "sh", str(target), *map(str, image.blobs))

    return Contestant("tar -tvz", command, _absent("tar", "gzip"), least_lines=image.members)


def our_inspect(image: ImageInput) -> Contestant:
    """Read the documents only, and no layer."""

    def command(_target: Path) -> Sequence[str]:
        return (*OURS, "inspect", str(image.layout))

    return Contestant("imgforensics inspect", command, _absent("imgforensics"))


def our_import() -> Contestant:
    """Import the library alone, without its command line."""

    def command(_target: Path) -> Sequence[str]:
        return (sys.executable, "-c", "import imgforensics")

    return Contestant("import imgforensics", command, _absent("imgforensics"))


def bare_python() -> Contestant:
    """Start a Python process that does nothing."""

    def command(_target: Path) -> Sequence[str]:
        return _BARE_PYTHON

    return Contestant("python -c pass", command)
