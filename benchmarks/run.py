"""Measures imgforensics against tar and umoci: `python benchmarks/run.py --help`."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.inputs import ImageInput, image_input
from benchmarks.machine import TargetPlace, choose_target, machine_facts
from benchmarks.measure import BenchmarkError, Run, Timing, Trace, race
from benchmarks.peers import versions
from benchmarks.report import Result, caption, table, write_docs, write_json
from benchmarks.works import WORKS, Work, check_lines, check_tree

HERE = Path(__file__).resolve().parent
_QUICK_SIZE_MB, _QUICK_ROUNDS = 200, 3
_SIZE_MB, _ROUNDS = 1_000, 5
_SMALLEST_MB = 50
_TREE_OVER_RAW = 1.1
"""Room that a tree takes for each raw byte of the image, with its inodes and last pages."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asked for."""

    works: tuple[Work, ...]
    size_mb: int
    rounds: int
    workdir: Path
    target: Path | None
    docs: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write the results; 1 where a command failed or trees differ."""
    settings = _settings(arguments)
    try:
        _run(settings)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(settings: Settings) -> None:
    settings.workdir.mkdir(parents=True, exist_ok=True)
    machine = machine_facts()
    results = _measure_all(settings)
    text = f"{table(results)}\n\n{caption(results, machine)}"
    print(f"\n{text}\n")
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    for result in results:
        path = write_json(HERE / "results", stamp, result, machine, versions())
        print(f"written: {path.relative_to(HERE.parent)}")
    if settings.docs is not None:
        write_docs(settings.docs, text)


def _settings(arguments: Sequence[str] | None) -> Settings:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--quick", action="store_true", help="a 200 MB image and 3 rounds")
    option("--size-mb", type=int, metavar="N", help="raw size of the image (default 1000)")
    option("--rounds", type=int, metavar="N", help="default 5")
    option("--only", action="append", choices=[w.name for w in WORKS], help="may be repeated")
    option("--workdir", type=Path, metavar="DIR", default=HERE / "inputs", help="keeps the images")
    option("--target", type=Path, metavar="DIR", help="for trees; default /dev/shm or the workdir")
    option("--write-docs", action="store_true", help="refresh the table in docs/performance.md")
    given = parser.parse_args(arguments)
    size_mb = given.size_mb or (_QUICK_SIZE_MB if given.quick else _SIZE_MB)
    if size_mb < _SMALLEST_MB:
        parser.error(f"an image under {_SMALLEST_MB} MB has no room for ten different layers")
    return Settings(
        works=tuple(w for w in WORKS if not given.only or w.name in given.only),
        size_mb=size_mb,
        rounds=max(1, given.rounds or (_QUICK_ROUNDS if given.quick else _ROUNDS)),
        workdir=given.workdir,
        target=given.target,
        docs=HERE.parent / "docs" / "performance.md" if given.write_docs else None,
    )


def _measure_all(settings: Settings) -> list[Result]:
    images = {
        compression: image_input(settings.workdir, settings.size_mb, compression)
        for compression in dict.fromkeys(work.compression for work in settings.works)
    }
    needed = max(_memory_bytes(work, images[work.compression]) for work in settings.works)
    target = choose_target(settings.target, settings.workdir, needed)
    print(f"trees go to {target.directory} ({target.file_system}): {target.reason}", flush=True)
    with _scratch(target) as scratch:
        return [
            _measure(work, images[work.compression], settings.rounds, target, scratch)
            for work in settings.works
        ]


def _memory_bytes(work: Work, image: ImageInput) -> int:
    """Estimate the room on a tmpfs for the trees of one work: two of each contestant at most."""
    if not work.writes:
        return 0
    present = sum(not contestant.absent for contestant in work.contestants(image))
    return int(2 * present * image.raw_bytes * _TREE_OVER_RAW)


@contextmanager
def _scratch(target: TargetPlace) -> Iterator[Path]:
    """Make a directory of this run's own; it goes with all trees at the end, interrupted or not."""
    target.directory.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="imgforensics-benchmark-", dir=target.directory))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def _measure(
    work: Work, image: ImageInput, rounds: int, target: TargetPlace, scratch: Path
) -> Result:
    print(f"{work.name}: {work.title}", flush=True)
    contestants = work.contestants(image)
    present = [contestant for contestant in contestants if not contestant.absent]
    for contestant in contestants:
        if contestant.absent:
            print(f"  {contestant.name}: absent: {contestant.absent}")
    image.warm()
    place = scratch / work.name
    runs: dict[str, list[Run]] = {contestant.name: [] for contestant in present}
    traces: dict[str, Trace] = {}
    for contestant, run, trace in race(present, rounds * work.rounds_factor, place):
        runs[contestant.name].append(run)
        if target.in_memory and contestant.name in traces:
            # The next runs take the pages that this frees. Were nothing freed, each run would
            # wait for memory that a virtual machine's host has yet to supply.
            shutil.rmtree(traces[contestant.name].target.parent)
        traces[contestant.name] = trace
        print(f"  {contestant.name}: {run.wall_seconds:.3f} s", flush=True)
    for contestant in present:
        check_lines(contestant, traces[contestant.name])
        check_tree(contestant, traces[contestant.name], image)
    if target.in_memory:
        # Room for the next work; only a disk's allocator is worth sparing until the end.
        shutil.rmtree(place)
    timings = {c.name: Timing(c, tuple(runs[c.name])) for c in present}
    return Result(work, image, target, contestants, timings)


if __name__ == "__main__":
    sys.exit(main())
