"""The commands that are compared: ours, and whichever peers this machine has."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from benchmarks.documents import TAG
from benchmarks.inputs import ImageInput
from benchmarks.measure import Contestant, environment

OURS = (sys.executable, "-m", "imgforensics")
_QUESTIONS = (sys.executable, str(Path(__file__).with_name("questions.py")))
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
    return {name: _first_line(program) for name, program in _PROGRAMS.items()}


def absent(*names: str) -> str:
    """Say which of these programs are not here; nothing where all are."""
    missing = [name for name in names if _first_line(_PROGRAMS[name]) is None]
    return f"{' and '.join(missing)} not here" if missing else ""


def our_extract(image: ImageInput) -> Contestant:
    """Extract with the command under test."""

    def command(target: Path) -> Sequence[str]:
        return (*OURS, "extract", str(image.path), "-o", str(target), "--quiet")

    return Contestant("imgforensics extract", command, image, writes=True, checked=True)


def umoci_unpack(image: ImageInput) -> Contestant:
    """Extract with the peer that applies whiteouts as we do."""

    def command(target: Path) -> Sequence[str]:
        rootless = () if os.geteuid() == 0 else ("--rootless",)
        return ("umoci", "raw", "unpack", *rootless, "--image", f"{image.path}:{TAG}", str(target))

    return Contestant(
        "umoci raw unpack", command, image, absent("umoci"), writes=True, checked=True
    )


def tar_extract(image: ImageInput, *options: str, needs: Sequence[str] = ()) -> Contestant:
    """Extract with GNU tar, layer after layer into one directory; it applies no whiteouts."""
    flags = " ".join((*options, "-x"))
    line = _EACH_LAYER.format(f'tar {flags} -f "$layer" -C "$target"')

    def command(target: Path) -> Sequence[str]:
        return ("sh", "-c", line, "sh", str(target), *map(str, image.layer_files))

    return Contestant(f"tar {flags}", command, image, absent("tar", *needs), writes=True)


def our_list(image: ImageInput) -> Contestant:
    """List all entries of all layers; the diff_ids are verified on the way."""

    def command(_target: Path) -> Sequence[str]:
        return (*OURS, "ls", "-l", "-R", "--all-layers", str(image.path))

    return Contestant("imgforensics ls --all-layers", command, image, least_lines=image.members)


def tar_list(image: ImageInput, flags: str, needs: Sequence[str] = ()) -> Contestant:
    """List each layer with GNU tar, which verifies nothing but header checksums."""
    line = _EACH_LAYER.format(f'tar {flags}f "$layer"')

    def command(target: Path) -> Sequence[str]:
        return ("sh", "-c", line, "sh", str(target), *map(str, image.layer_files))

    return Contestant(
        f"tar {flags}f", command, image, absent("tar", *needs), least_lines=image.members
    )


def our_scan(image: ImageInput) -> Contestant:
    """Read the headers of one layer with `TarReader`, in a process of its own."""
    [layer] = image.layer_files
    return _question("scan", image, layer, f"{image.members} members, 0 problems")


def our_entries(image: ImageInput) -> Contestant:
    """Hold all entries."""
    return _question("entries", image, image.path, f"{image.members} entries")


def our_snapshots(image: ImageInput) -> Contestant:
    """Hold the filesystem after each layer."""
    return _question("snapshots", image, image.path, f"{image.tree_paths} paths")


def our_everything(image: ImageInput) -> Contestant:
    """List the entries, build the tree, go through its paths."""
    says = f"{image.members} entries, {image.tree_paths} paths"
    return _question("everything", image, image.path, says)


def _question(question: str, image: ImageInput, path: Path, says: str) -> Contestant:
    def command(_target: Path) -> Sequence[str]:
        return (*_QUESTIONS, question, str(path))

    return Contestant(f"{question} of {image.title}", command, image, says=says)


def our_inspect(image: ImageInput) -> Contestant:
    """Read the documents only, and no layer."""

    def command(_target: Path) -> Sequence[str]:
        return (*OURS, "inspect", str(image.path))

    return Contestant("imgforensics inspect", command, image)


def python_line(line: str) -> Contestant:
    """Start Python for one line."""

    def command(_target: Path) -> Sequence[str]:
        return (sys.executable, "-c", line)

    return Contestant(f"python -c '{line}'", command)
