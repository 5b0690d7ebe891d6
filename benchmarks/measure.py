"""Timing: commands run in turn, round after round, each into a directory of its own."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.inputs import ImageInput

ROOT = Path(__file__).resolve().parent.parent
_STOPWATCH = Path(__file__).with_name("stopwatch.py")
_ERROR_CHARACTERS = 2_000


class BenchmarkError(Exception):
    """A command failed, or two results that must be alike are not: no figure counts."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run took."""

    wall_seconds: float
    cpu_seconds: float
    """User and system, of the whole process tree."""
    peak_bytes: int
    """Resident set of the largest process in the tree."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What one run leaves behind: a tree it wrote, and what it printed."""

    target: Path
    output: Path


@dataclass(frozen=True, slots=True)
class Contestant:
    """One command of a piece of work."""

    name: str
    command: Callable[[Path], Sequence[str]]
    """The arguments, for a target directory that exists and is empty."""
    image: ImageInput | None = None
    """What it reads, if anything."""
    absent: str = ""
    """Why it cannot run here; empty where it can."""
    writes: bool = False
    """Whether it leaves a tree of up to the image's raw size."""
    checked: bool = False
    """Whether its tree must be the image's, whiteouts applied."""
    least_lines: int = 0
    """How many lines its output must have."""
    says: str = ""
    """What its output must be, unless empty."""


@dataclass(frozen=True, slots=True)
class Timing:
    """All runs of one contestant, one for each round."""

    contestant: Contestant
    runs: tuple[Run, ...]

    @property
    def wall_seconds(self) -> float:
        """Median."""
        return statistics.median(run.wall_seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """Median."""
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        """The highest of all rounds."""
        return max(run.peak_bytes for run in self.runs)


def environment() -> dict[str, str]:
    """Make every command's environment: this checkout importable, byte code kept."""
    variables = dict(os.environ)
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
    variables["PYTHONPATH"] = f"{ROOT}{os.pathsep}{ROOT / 'cli'}"
    variables["LC_ALL"] = "C"
    return variables


def race(
    contestants: Sequence[Contestant],
    rounds: int,
    scratch: Path,
    prepare: Callable[[Contestant], None],
) -> Iterator[tuple[Contestant, Run, Trace]]:
    """Run every contestant once, then every one again: A B C A B C.

    Nothing is deleted here, not even between rounds: right after a mass deletion ext4
    looks for free inodes many times longer, and the next run would pay for it. Who runs this
    on a tmpfs may delete earlier trees between two runs. `prepare` is called ahead of each run,
    untimed.
    """
    for number in range(rounds):
        for position, contestant in enumerate(contestants):
            place = scratch / f"round{number}-{position}"
            prepare(contestant)
            yield contestant, *_run(contestant, place)


def _run(contestant: Contestant, place: Path) -> tuple[Run, Trace]:
    """Run once."""
    trace = Trace(place / "target", place / "output")
    trace.target.mkdir(parents=True)
    result, errors = place / "result", place / "errors"
    command = list(contestant.command(trace.target))
    with trace.output.open("wb") as output, errors.open("wb") as error_output:
        subprocess.run(
            [sys.executable, "-I", "-S", str(_STOPWATCH), str(result), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=error_output,
            env=environment(),
            check=False,
        )
    if not result.exists():
        raise BenchmarkError(f"{contestant.name} could not be started: {_tail(errors)}")
    wall, cpu, peak_kib, status = result.read_text().split()
    if int(status) != 0:
        raise BenchmarkError(f"{contestant.name} ended with status {status}: {_tail(errors)}")
    return Run(float(wall), float(cpu), int(peak_kib) * 1024), trace


def _tail(errors: Path) -> str:
    return errors.read_text(errors="backslashreplace")[-_ERROR_CHARACTERS:].strip()
