"""Measures `diff` against `tar -x` and `diff -r`: `python benchmarks/diff.py --help`."""

import argparse
import os
import shlex
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.inputs import ImageInput, Inputs, Sizes
from benchmarks.machine import machine_facts
from benchmarks.measure import BenchmarkError, Contestant, race
from imgforensics import diff, open_image
from imgforensics.testing import Entry, ImageBuilder, archive, docker_layout, file, whiteout

_SNAPSHOT_FILES = 60_000
_SNAPSHOT_CHANGES = 20
_SNAPSHOT_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Pair:
    """Two images to compare, and how much of the other way's time it may take."""

    name: str
    title: str
    images: Callable[[Inputs], tuple[ImageInput, ImageInput]]
    at_most: float


PAIRS = (
    Pair(
        "top",
        "two gzip images that differ in the top layer of ten",
        lambda inputs: (inputs.ten_layers("gzip"), inputs.ten_layers_with_another_top()),
        0.15,
    ),
    Pair(
        "unrelated",
        "two unrelated gzip images",
        lambda inputs: (inputs.ten_layers("gzip"), inputs.ten_other_layers()),
        0.8,
    ),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a command failed or a goal was missed."""
    options = _options(arguments)
    print(machine_facts())
    try:
        met = [_measure(pair, options) for pair in PAIRS if options.only in (None, pair.name)]
        if options.only in (None, "snapshots"):
            met.append(_measure_snapshots(options))
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0 if all(met) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=int, default=1_000, help="raw size of each image")
    parser.add_argument("--files", type=int, default=_SNAPSHOT_FILES, help="of the snapshots")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workdir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--only", choices=[*(pair.name for pair in PAIRS), "snapshots"])
    return parser.parse_args(arguments)


def _measure(pair: Pair, options: argparse.Namespace) -> bool:
    """Run both in turn; trees are deleted after each run, so that one has room at a time."""
    sizes = Sizes(image_mb=options.size_mb, files=1, members=1, layers=1)
    old, new = pair.images(Inputs(options.workdir / "inputs", sizes))
    for image in (old, new):
        image.warm()
    contestants = [_ours(old, new), _tar_and_diff(old, new)]
    walls: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    scratch = options.workdir / "scratch"
    for contestant, run, trace in race(contestants, options.rounds, scratch, _settle):
        walls[contestant.name].append(run.wall_seconds)
        cpu, peak = f"{run.cpu_seconds:.2f} s CPU", f"{run.peak_bytes / 1e6:.0f} MB"
        print(f"  {contestant.name}: {run.wall_seconds:.2f} s, {cpu}, {peak}", flush=True)
        shutil.rmtree(trace.target)
    shutil.rmtree(scratch)
    ours, theirs = (statistics.median(seconds) for seconds in walls.values())
    ratio = ours / theirs
    goal = "met" if ratio <= pair.at_most else "MISSED"
    print(
        f"{pair.title}: {ours:.2f} s : {theirs:.2f} s = {ratio:.3f}, at most {pair.at_most} {goal}"
    )
    return ratio <= pair.at_most


def _settle(_contestant: Contestant) -> None:
    """Let what earlier runs wrote and deleted reach the disk."""
    os.sync()


def _ours(old: ImageInput, new: ImageInput) -> Contestant:
    command = [sys.executable, "-m", "imgforensics", "diff", str(old.path), str(new.path)]
    return Contestant("imgforensics diff", lambda _: _expecting_differences(shlex.join(command)))


def _tar_and_diff(old: ImageInput, new: ImageInput) -> Contestant:
    def command(target: Path) -> Sequence[str]:
        steps = []
        for name, image in (("a", old), ("b", new)):
            tree = shlex.quote(str(target / name))
            steps.append(f"mkdir {tree}")
            steps += [f"tar -xzf {shlex.quote(str(f))} -C {tree}" for f in image.layer_files]
        trees = " ".join(shlex.quote(str(target / name)) for name in "ab")
        return _expecting_differences(" && ".join([*steps, f"diff -rq --no-dereference {trees}"]))

    return Contestant("tar -x twice and diff -r", command, writes=True)


def _expecting_differences(command: str) -> Sequence[str]:
    return ["/bin/sh", "-c", f"{command}; test $? = 1"]


def _measure_snapshots(options: argparse.Namespace) -> bool:
    """Compare adjacent snapshots in this process, with the trees built."""
    base: list[Entry] = [
        file(f"usr/share/{n % 60}/{n // 600}/{n}", b"%d" % n) for n in range(options.files)
    ]
    changes: list[Entry] = [
        file(base[n * 97].name, b"changed %d" % n) for n in range(_SNAPSHOT_CHANGES)
    ]
    top = [*changes, whiteout(base[1].name)]
    path = options.workdir / "snapshots.tar"
    path.write_bytes(archive(docker_layout(ImageBuilder([base, top]))))
    seconds, processor, found = [], [], 0
    try:
        for _ in range(max(options.rounds, 5)):
            with open_image(path) as image:
                image.filesystem_at(1)
                start, start_processor = time.perf_counter(), time.process_time()
                answer = diff(image, 0, 1)
                seconds.append(time.perf_counter() - start)
                processor.append(time.process_time() - start_processor)
                found = len(answer.files)
            # Taking an image down is no part of the next one's time.
            del answer
    finally:
        path.unlink()
    if found != len(top):
        raise BenchmarkError(f"{found} changes found, {len(top)} were made")
    took, cpu = statistics.median(seconds), statistics.median(processor)
    goal = "met" if took <= _SNAPSHOT_SECONDS else "MISSED"
    print(
        f"two adjacent snapshots of {options.files:,} files: {1_000 * took:.2f} ms "
        f"({1_000 * cpu:.2f} ms CPU), at most {1_000 * _SNAPSHOT_SECONDS:.0f} ms {goal}"
    )
    return took <= _SNAPSHOT_SECONDS


if __name__ == "__main__":
    sys.exit(main())
