"""Results as a Markdown table, as JSON files, and in docs/performance.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.inputs import ImageInput, facts_of
from benchmarks.machine import TargetPlace
from benchmarks.measure import BenchmarkError, Contestant, Timing, difference, ratio
from benchmarks.works import Comparison, Work

BEGIN = "<!-- benchmarks: begin (written by benchmarks/run.py --write-docs) -->"
END = "<!-- benchmarks: end -->"


@dataclass(frozen=True, slots=True)
class Result:
    """One piece of work, measured."""

    work: Work
    image: ImageInput
    target: TargetPlace
    contestants: Sequence[Contestant]
    """All of them, in the order of the work; ours first."""
    timings: dict[str, Timing]
    """By name; none for a contestant that is absent."""

    @property
    def ours(self) -> Timing | None:
        """Ours, unless it is absent."""
        return self.timings.get(self.contestants[0].name)

    def against(self, name: str) -> float | None:
        """Ours against this peer: a ratio, or seconds where the work asks for a difference."""
        theirs = self.timings.get(name)
        if self.ours is None or theirs is None or theirs is self.ours:
            return None
        compare = ratio if self.work.comparison is Comparison.RATIO else difference
        return compare(self.ours, theirs)


def table(results: Sequence[Result]) -> str:
    """Draw one row for each contestant of each work."""
    rows = [
        "| work | command | wall s (least to most) | CPU s | peak MiB | ours against it |",
        "|---|---|--:|--:|--:|--:|",
    ]
    for result in results:
        title = result.work.title
        for contestant in result.contestants:
            rows.append(f"| {title} | {' | '.join(_cells(result, contestant))} |")
            title = ""
    return "\n".join(rows)


def _cells(result: Result, contestant: Contestant) -> list[str]:
    name = f"`{contestant.name}`"
    timing = result.timings.get(contestant.name)
    if timing is None:
        return [name, f"absent: {contestant.absent}", "", "", ""]
    walls = [run.wall_seconds for run in timing.runs]
    return [
        name,
        f"{timing.wall_seconds:.3f} ({min(walls):.3f} to {max(walls):.3f})",
        f"{timing.cpu_seconds:.3f}",
        f"{timing.peak_bytes / 2**20:.0f}",
        _against(result, contestant.name),
    ]


def _against(result: Result, name: str) -> str:
    value = result.against(name)
    if value is None:
        return ""
    if result.work.comparison is Comparison.RATIO:
        return f"**{value:.2f}**"
    return f"**{value:+.3f} s**"


def caption(results: Sequence[Result], machine: dict[str, object]) -> str:
    """Say below the table what was measured, and on what."""
    images = {r.image.directory: r.image for r in results}.values()
    inputs = "; ".join(
        f"{image.compression}: {len(image.layers)} layers, {image.members:,} members, "
        f"{image.raw_bytes / 1e6:,.0f} MB raw, {image.stored_bytes / 1e6:,.0f} MB stored"
        for image in images
    )
    rounds = sorted({len(t.runs) for result in results for t in result.timings.values()})
    return (
        f"Images: {inputs}. Medians of {' or '.join(map(str, rounds))} interleaved rounds, inputs "
        f"in the page cache, trees written to {results[0].target.file_system}. "
        f"{machine['cpu']}, {machine['cores']} cores, kernel {machine['kernel']}, "
        f"{machine['python']}."
    )


def write_json(
    directory: Path,
    stamp: str,
    result: Result,
    machine: dict[str, object],
    versions: dict[str, str | None],
) -> Path:
    """Write one file for one work: every run of every contestant, and the facts behind it."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{stamp}-{result.work.name}.json"
    document = {
        "work": result.work.name,
        "title": result.work.title,
        "comparison": result.work.comparison,
        "measured": stamp,
        "machine": machine,
        "versions": versions,
        "image": facts_of(result.image),
        "target": {"file_system": result.target.file_system, "reason": result.target.reason},
        "contestants": [_contestant(result, contestant) for contestant in result.contestants],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _contestant(result: Result, contestant: Contestant) -> dict[str, object]:
    timing = result.timings.get(contestant.name)
    if timing is None:
        return {"name": contestant.name, "absent": contestant.absent}
    return {
        "name": contestant.name,
        "wall_seconds": timing.wall_seconds,
        "cpu_seconds": timing.cpu_seconds,
        "peak_bytes": timing.peak_bytes,
        "ours_against_it": result.against(contestant.name),
        "runs": [asdict(run) for run in timing.runs],
    }


def write_docs(page: Path, text: str) -> None:
    """Put `text` between the markers of `page`; `BenchmarkError` where it does not have both."""
    if not page.exists():
        raise BenchmarkError(f"{page} does not exist")
    before, begin, rest = page.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise BenchmarkError(f"{page} lacks the markers {BEGIN} and {END}")
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")
