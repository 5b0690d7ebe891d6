"""Measures imgforensics against tar and umoci: `python benchmarks/run.py --help`."""

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.checks import check
from benchmarks.inputs import Inputs, Sizes
from benchmarks.machine import TargetPlace, choose_target, claim_memory, machine_facts
from benchmarks.measure import BenchmarkError, Contestant, Run, Timing, Trace, race
from benchmarks.peers import versions
from benchmarks.report import Result, caption, table, verdict, write_docs, write_json
from benchmarks.works import WORKS, Row, Work

HERE = Path(__file__).resolve().parent
_FULL = Sizes(image_mb=1_500, files=100_000, members=500_000, layers=120)
_QUICK = Sizes(image_mb=200, files=20_000, members=100_000, layers=40)
_ROUNDS, _QUICK_ROUNDS = 5, 3
_SMALLEST_MB = 30
_TREE_OVER_RAW = 1.1
"""Room that a tree takes for each raw byte of the image, with its inodes and last pages."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the command line asked for."""

    works: tuple[Work, ...]
    inputs: Inputs
    rounds: int
    target: Path | None
    results: Path
    docs: Path | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write the results; 1 where a command failed or did not do its work."""
    settings = _settings(arguments)
    try:
        _run(settings)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _run(settings: Settings) -> None:
    machine = machine_facts()
    results = _measure_all(settings)
    text = f"{table(results)}\n\n{caption(results, machine)}"
    print(f"\n{text}\n\n{verdict(results)}\n")
    stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H%M%SZ")
    for result in results:
        print(f"written: {write_json(settings.results, stamp, result, machine, versions())}")
    if settings.docs is not None:
        write_docs(settings.docs, text)


def _settings(arguments: Sequence[str] | None) -> Settings:
    given = _parser().parse_args(arguments)
    usual = _QUICK if given.quick else _FULL
    return Settings(
        works=tuple(w for w in WORKS if not given.only or w.name in given.only),
        inputs=Inputs(
            given.workdir,
            Sizes(
                image_mb=given.size_mb or usual.image_mb,
                files=given.files or usual.files,
                members=given.members or usual.members,
                layers=given.layers or usual.layers,
            ),
        ),
        rounds=given.rounds or (_QUICK_ROUNDS if given.quick else _ROUNDS),
        target=given.target,
        results=given.results,
        docs=HERE.parent / "docs" / "performance.md" if given.write_docs else None,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--quick", action="store_true", help="small inputs and 3 rounds")
    option("--size-mb", type=_at_least(_SMALLEST_MB), metavar="N", help="raw size of the image")
    option("--files", type=_at_least(1), metavar="N", help="files of the layer of small files")
    option(
        "--members", type=_at_least(500), metavar="N", help="of the largest image without content"
    )
    option("--layers", type=_at_least(1), metavar="N", help="of the image with the most layers")
    option("--rounds", type=_at_least(1), metavar="N", help="default 5")
    option("--only", action="append", choices=[w.name for w in WORKS], help="may be repeated")
    option("--workdir", type=Path, metavar="DIR", default=HERE / "inputs", help="keeps the images")
    option("--target", type=Path, metavar="DIR", help="for trees; default /dev/shm or the workdir")
    option("--results", type=Path, metavar="DIR", default=HERE / "results", help="for JSON files")
    option("--write-docs", action="store_true", help="refresh the table in docs/performance.md")
    return parser


def _measure_all(settings: Settings) -> list[Result]:
    settings.inputs.cache.mkdir(parents=True, exist_ok=True)
    rows = [(work, work.rows(settings.inputs)) for work in settings.works]
    os.sync()  # what building wrote must not go to the disk during the first runs
    needed = max(_tree_bytes(of_work) for _, of_work in rows)
    target = choose_target(settings.target, settings.inputs.cache, needed)
    print(f"trees go to {target.directory} ({target.file_system}): {target.reason}", flush=True)
    with _scratch(target) as scratch:
        return [
            _measure(work, of_work, settings.rounds * work.rounds_factor, target, scratch)
            for work, of_work in rows
        ]


def _tree_bytes(rows: Sequence[Row]) -> int:
    """Estimate the room on a tmpfs for the trees of one work: one of each row, and the next."""
    sizes = [
        row.contestant.image.raw_bytes
        for row in rows
        if row.contestant.writes and row.contestant.image and not row.contestant.absent
    ]
    return int((sum(sizes) + max(sizes, default=0)) * _TREE_OVER_RAW)


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
    work: Work, rows: Sequence[Row], rounds: int, target: TargetPlace, scratch: Path
) -> Result:
    print(f"{work.name}: {work.title}", flush=True)
    for row in rows:
        if row.contestant.absent:
            print(f"  {row.contestant.name}: absent: {row.contestant.absent}")
    present = [row.contestant for row in rows if not row.contestant.absent]
    result = Result(work, target, rows, {})
    runs = _race(present, rounds, scratch / work.name, target)
    result.timings.update({c.name: Timing(c, tuple(runs[c.name])) for c in present})
    return result


def _race(
    contestants: Sequence[Contestant], rounds: int, place: Path, target: TargetPlace
) -> dict[str, list[Run]]:
    """Run all rounds and check the last one; the runs of each contestant."""
    runs: dict[str, list[Run]] = {contestant.name: [] for contestant in contestants}
    traces: dict[str, Trace] = {}
    for contestant, run, trace in race(contestants, rounds, place, partial(_prepare, target)):
        runs[contestant.name].append(run)
        if target.in_memory and contestant.name in traces:
            shutil.rmtree(traces[contestant.name].target.parent)
        traces[contestant.name] = trace
        print(f"  {contestant.name}: {run.wall_seconds:.3f} s", flush=True)
    for contestant in contestants:
        check(contestant, traces[contestant.name])
    if target.in_memory:
        # Room for the next work; only a disk's allocator is worth sparing until the end.
        shutil.rmtree(place)
    return runs


def _prepare(target: TargetPlace, contestant: Contestant) -> None:
    """Leave nothing to wait for that is not the contestant's own doing."""
    if contestant.image is not None:
        contestant.image.warm()
    if not target.in_memory:
        os.sync()
    elif contestant.writes and contestant.image is not None:
        claim_memory(target.directory, int(contestant.image.raw_bytes * _TREE_OVER_RAW))


def _at_least(least: int) -> Callable[[str], int]:
    """Take an argument that is a whole number from `least` on."""

    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main())
