"""Results as a Markdown table, as JSON files, and in docs/performance.md."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.goals import Finding
from benchmarks.inputs import ImageInput
from benchmarks.machine import TargetPlace
from benchmarks.measure import BenchmarkError, Timing
from benchmarks.works import Row, Work

BEGIN = "<!-- benchmarks: begin (written by benchmarks/run.py --write-docs) -->"
END = "<!-- benchmarks: end -->"
_MET = {True: "yes", False: "**no**", None: ""}


@dataclass(frozen=True, slots=True)
class Result:
    """One piece of work, measured."""

    work: Work
    target: TargetPlace
    rows: Sequence[Row]
    """All of them; ours first."""
    timings: dict[str, Timing]
    """By contestant, in the order of the rows; none for one that is absent."""

    def finding(self, row: Row) -> Finding | None:
        """The figure of this row; None where its contestant is absent or has no goal."""
        timing = self.timings.get(row.contestant.name)
        if timing is None:
            return None
        return row.goal.finding(timing, tuple(self.timings.values()))

    @property
    def images(self) -> list[ImageInput]:
        """What its contestants read, each once."""
        found = (row.contestant.image for row in self.rows)
        return list(dict.fromkeys(image for image in found if image is not None))


def table(results: Sequence[Result]) -> str:
    """Draw one line for each row of each work."""
    lines = [
        "| work | command | wall s (least to most) | CPU s | peak MB | ours against it | at most "
        "| met |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for result in results:
        title = result.work.title
        for row in result.rows:
            lines.append(f"| {title} | {' | '.join(_cells(result, row))} |")
            title = ""
    return "\n".join(lines)


def _cells(result: Result, row: Row) -> list[str]:
    name = f"`{row.contestant.name}`"
    timing = result.timings.get(row.contestant.name)
    if timing is None:
        return [name, f"absent: {row.contestant.absent}", *[""] * 5]
    walls = [run.wall_seconds for run in timing.runs]
    finding = result.finding(row) or Finding(0, "")
    return [
        name,
        f"{timing.wall_seconds:.3f} ({min(walls):.3f} to {max(walls):.3f})",
        f"{timing.cpu_seconds:.3f}",
        f"{timing.peak_bytes / 1e6:.0f}",
        f"**{finding.text}**" if finding.text else "",
        finding.at_most,
        _MET[finding.met],
    ]


def caption(results: Sequence[Result], machine: dict[str, object]) -> str:
    """Say below the table what was measured, and on what."""
    images = dict.fromkeys(image for result in results for image in result.images)
    inputs = "; ".join(
        f"{image.title}: {image.members:,} members, "
        f"{image.raw_bytes / 1e6:,.0f} MB raw, {image.stored_bytes / 1e6:,.0f} MB stored"
        for image in images
    )
    rounds = sorted({len(t.runs) for result in results for t in result.timings.values()})
    return (
        f"Inputs: {inputs or 'none'}. Medians of {', '.join(map(str, rounds))} interleaved rounds, "
        f"inputs in the page cache, trees written to {results[0].target.file_system}. "
        f"{machine['cpu']}, {machine['cores']} cores, kernel {machine['kernel']}, "
        f"{machine['python']}; load before the first round {machine['load_before']}."
    )


def verdict(results: Sequence[Result]) -> str:
    """Count the limits that were met, and name each one that was not."""
    limited = [
        (result.work.name, row.contestant.name, finding)
        for result in results
        for row in result.rows
        if (finding := result.finding(row)) is not None and finding.met is not None
    ]
    missed = [
        f"missed: {work}, {name}: {finding.text}, at most {finding.at_most}"
        for work, name, finding in limited
        if not finding.met
    ]
    return "\n".join([f"{len(limited) - len(missed)} of {len(limited)} limits met", *missed])


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
        "measured": stamp,
        "machine": machine,
        "versions": versions,
        "target": {"file_system": result.target.file_system, "reason": result.target.reason},
        "images": [image.facts() for image in result.images],
        "rows": [_row(result, row) for row in result.rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def _row(result: Result, row: Row) -> dict[str, object]:
    timing = result.timings.get(row.contestant.name)
    if timing is None:
        return {"name": row.contestant.name, "absent": row.contestant.absent}
    finding = result.finding(row)
    return {
        "name": row.contestant.name,
        "wall_seconds": timing.wall_seconds,
        "cpu_seconds": timing.cpu_seconds,
        "peak_bytes": timing.peak_bytes,
        "finding": asdict(finding) if finding is not None else None,
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
