"""Processes that try seeds, each with mounts and a tmpfs of its own."""

import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from tests.conformance.histories.check import Verdict, check
from tests.conformance.histories.mounts import leave_mount_namespace, mount_tmpfs


def try_seeds(seeds: Sequence[int], jobs: int) -> Iterator[Verdict]:
    """Try every seed, `jobs` at a time; yield what came of each, in order."""
    with tempfile.TemporaryDirectory(prefix="histories-") as folder:
        place = Path(folder)
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=(place,)) as pool:
            yield from pool.map(partial(check, place=place), seeds, chunksize=4)


def _begin(place: Path) -> None:
    leave_mount_namespace()
    mount_tmpfs(place)
