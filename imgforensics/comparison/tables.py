"""A comparison as tables of text: what every report shows, however it is laid out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from imgforensics.comparison.changes import Totals
from imgforensics.comparison.history import StepVerdict
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.wording import (
    HISTORY_WORDS,
    MARKS,
    brief,
    human_size,
    instruction_text,
    layer_text,
    path_text,
    value_text,
    what_text,
)
from imgforensics.problems import display

_BESIDE_FILES = 60
"""Characters of the instruction that stands beside each file; the history has all of it."""


class Table(NamedTuple):
    """A titled table; the columns that `numbers` names go to the right."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: str = ""


def tables(diff: ImageDiff) -> Iterator[Table]:
    """All parts that have something to tell, files last."""
    found = (
        config_table(diff),
        package_table(diff),
        layer_table(diff),
        history_table(diff),
        file_table(diff),
    )
    return (table for table in found if table.rows)


def config_table(diff: ImageDiff) -> Table:
    """Keys of the configuration that differ."""
    rows = [
        (brief(change.key), value_text(change.before), value_text(change.after))
        for change in diff.config
    ]
    return Table("Configuration", ("KEY", "BEFORE", "AFTER"), rows)


def package_table(diff: ImageDiff) -> Table:
    """Packages that were added, removed or replaced."""
    rows = [
        (
            change.package.ecosystem.value,
            brief(change.package.name),
            brief(change.before.version) if change.before else "-",
            brief(change.after.version) if change.after else "-",
            change.verdict.value,
        )
        for change in diff.packages
    ]
    return Table("Packages", ("ECOSYSTEM", "NAME", "BEFORE", "AFTER", "VERDICT"), rows)


def layer_table(diff: ImageDiff) -> Table:
    """All layers side by side, unless all are shared."""
    rows = [
        (
            layer_text(match.before),
            layer_text(match.after),
            ", ".join(match.shared_by) or "-",
            instruction_text(history.created_by if history else None),
        )
        for match in diff.layers
        for history in [(match.after or match.before).history]  # type: ignore[union-attr]
    ]
    is_same = all(match.before and match.after for match in diff.layers)
    return Table("Layers", ("BEFORE", "AFTER", "SHARED BY", "INSTRUCTION"), [] if is_same else rows)


def history_table(diff: ImageDiff) -> Table:
    """Steps of the history that differ."""
    rows = [
        (
            HISTORY_WORDS[step.verdict],
            instruction_text(step.before.created_by if step.before else None),
            instruction_text(step.after.created_by if step.after else None),
        )
        for step in diff.history
        if step.verdict not in (StepVerdict.SAME, StepVerdict.CREATED)
    ]
    return Table("History", ("VERDICT", "BEFORE", "AFTER"), rows)


def file_table(diff: ImageDiff) -> Table:
    """Every path that differs, and the layer of the second image that made it so."""
    rows = []
    for change in diff.files:
        origin = diff.origin_of(change)
        rows.append(
            (
                MARKS[change.verdict],
                path_text(change),
                what_text(change),
                "-" if origin is None else str(origin.layer),
                instruction_text(origin.created_by if origin else None, _BESIDE_FILES),
            )
        )
    return Table("Files", ("", "PATH", "WHAT", "LAYER", "INSTRUCTION"), rows, "LAYER")


def directory_table(diff: ImageDiff) -> Table:
    """Changes rolled up by directory; one that only leads to another directory is left out."""
    rows = [
        (display(b"/" + path), *_counts(totals))
        for path, totals in _telling(diff.directories).items()
    ]
    heads = ("DIRECTORY", "ADDED", "REMOVED", "CHANGED", "MOVED", "UNKNOWN", "+BYTES", "-BYTES")
    return Table("Directories", heads, rows, " ".join(heads[1:]))


def _telling(directories: Mapping[bytes, Totals]) -> dict[bytes, Totals]:
    """Those whose changes are not all in one directory below."""
    most_below: dict[bytes, int] = {}
    for path, totals in directories.items():
        if path:
            parent = path.rpartition(b"/")[0]
            most_below[parent] = max(most_below.get(parent, 0), totals.changes)
    return {
        path: totals
        for path, totals in directories.items()
        if not path or totals.changes > most_below.get(path, 0)
    }


def _counts(totals: Totals) -> tuple[str, ...]:
    counts = (totals.added, totals.removed, totals.changed, totals.moved, totals.unknown)
    sizes = (totals.bytes_added, totals.bytes_removed)
    return (*map(str, counts), *map(human_size, sizes))
