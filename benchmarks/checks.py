"""Whether a command did the work: a figure for anything else would be none."""

import os
import stat
from pathlib import Path

from benchmarks.measure import BenchmarkError, Contestant, Trace


def check(contestant: Contestant, trace: Trace) -> None:
    """Raise `BenchmarkError` where its last run did not write or print what it must.

    The expectation was written down when the image was made. umoci's tree is held
    against it as ours is, so the two are also held against each other.
    """
    if contestant.checked and contestant.image is not None:
        image = contestant.image
        _require(
            contestant,
            "paths and bytes of files",
            _count_tree(trace.target),
            (image.tree_paths, image.tree_file_bytes),
        )
    if contestant.says:
        _require(contestant, "answer", trace.output.read_text().strip(), contestant.says)
    if contestant.least_lines:
        with trace.output.open("rb") as stream:
            lines = sum(1 for _ in stream)
        if lines < contestant.least_lines:
            _require(contestant, "lines", lines, f"{contestant.least_lines} or more")


def _require(contestant: Contestant, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise BenchmarkError(f"{contestant.name}: {what}: {found}, not {expected}")


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
