"""What is measured: each piece of work, its contestants (ours first) and how they are checked."""

import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks import peers
from benchmarks.inputs import ImageInput
from benchmarks.measure import BenchmarkError, Contestant, Trace


class Comparison(StrEnum):
    """How ours is set against each peer."""

    RATIO = "ratio"
    DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class Work:
    """One piece of work."""

    name: str
    """As `--only` takes it."""
    title: str
    contestants: Callable[[ImageInput], Sequence[Contestant]]
    """All of them, the absent ones too; the first is ours."""
    compression: str = "gzip"
    comparison: Comparison = Comparison.RATIO
    writes: bool = False
    """Whether each run writes a tree of up to the image's raw size."""
    rounds_factor: int = 1
    """More rounds for what takes a tenth of a second and would drown in noise."""


WORKS = (
    Work(
        "extract-gzip",
        "extract the gzip image, every digest and diff_id verified",
        lambda image: (
            peers.our_extract(image),
            peers.umoci_unpack(image),
            peers.tar_extract(image, "-z", needs=["gzip"]),
            peers.tar_extract(image, "-I", "igzip", needs=["igzip"]),
        ),
        writes=True,
    ),
    Work(
        "extract-zstd",
        "extract the same image in zstd",
        lambda image: (
            peers.our_extract(image),
            peers.tar_extract(image, "--zstd", needs=["zstd"]),
        ),
        compression="zstd",
        writes=True,
    ),
    Work(
        "list-gzip",
        "list all entries of all layers, diff_ids verified",
        lambda image: (peers.our_list(image), peers.tar_list(image)),
    ),
    Work(
        "import",
        "import the library",
        lambda _image: (peers.our_import(), peers.bare_python()),
        comparison=Comparison.DIFFERENCE,
        rounds_factor=4,
    ),
    Work(
        "inspect",
        "inspect, no layer read",
        lambda image: (peers.our_inspect(image), peers.bare_python()),
        comparison=Comparison.DIFFERENCE,
        rounds_factor=4,
    ),
)


def check_tree(contestant: Contestant, trace: Trace, image: ImageInput) -> None:
    """Raise `BenchmarkError` where its tree has not the paths or bytes that the image has.

    The expectation was written down when the image was made. umoci's tree is held
    against it as ours is, so the two are also held against each other.
    """
    if not contestant.checked:
        return
    expected = (image.tree_paths, image.tree_file_bytes)
    found = _count_tree(trace.target)
    if found != expected:
        raise BenchmarkError(
            f"{contestant.name} wrote {found[0]} paths with {found[1]} bytes of files, "
            f"where the image has {expected[0]} with {expected[1]}"
        )


def check_lines(contestant: Contestant, trace: Trace) -> None:
    """Raise `BenchmarkError` where it printed fewer lines than it must."""
    if not contestant.least_lines:
        return
    with trace.output.open("rb") as stream:
        lines = sum(1 for _ in stream)
    if lines < contestant.least_lines:
        raise BenchmarkError(
            f"{contestant.name} printed {lines} lines, not {contestant.least_lines} or more"
        )


def _count_tree(root: Path) -> tuple[int, int]:
    """Count the paths below `root`, and add up the sizes of its regular files."""
    paths = file_bytes = 0
    for directory, directories, files in os.walk(root):
        paths += len(directories) + len(files)
        for name in files:
            status = os.lstat(os.path.join(directory, name))  # noqa: PTH118 - a path each is slow
            if stat.S_ISREG(status.st_mode):
                file_bytes += status.st_size
    return paths, file_bytes
