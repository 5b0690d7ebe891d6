"""What commands print: text that is safe on a terminal, tables, JSON, problems.

Answers go to standard output, everything about the work itself to standard error.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from imgforensics.problems import Problem, Severity, display

T = TypeVar("T")

_LINES_PER_WRITE = 1_000
_PROBLEMS_PER_CODE = 20
_BRIEF_WIDTH = 160
_COLUMN_WIDTH = 160
"""What is wider stands out of its column, and does not widen every row of it."""


# Text.


def safe_lines(text: str) -> str:
    """`display`, line by line."""
    return "\n".join(map(display, text.split("\n")))


def brief(text: str, *, verbose: bool) -> str:
    """`display`, on one line; cut on a terminal, and only there, unless `verbose`."""
    if verbose or not sys.stdout.isatty():
        return display(" ".join(text.split()))
    start = " ".join(text[: 4 * _BRIEF_WIDTH].split())
    is_whole = len(text) <= 4 * _BRIEF_WIDTH and len(start) <= _BRIEF_WIDTH
    return display(start if is_whole else start[:_BRIEF_WIDTH] + "…")


def human_size(size: int | None) -> str:
    """Bytes in decimal units; `-` for unknown."""
    if size is None:
        return "-"
    if size < 1_000:
        return f"{size} B"
    scaled, units = size / 1_000, ["kB", "MB", "GB", "TB"]
    while scaled >= 999.95 and len(units) > 1:
        scaled /= 1_000
        del units[0]
    return f"{scaled:.1f} {units[0]}"


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`, `2 directories`."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"


def say(message: str) -> None:
    """Say something to people; the message has been made safe."""
    sys.stderr.write(f"imgforensics: {message}\n")


# Lines and tables.


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output, many at a time."""
    for batch in _batches(lines):
        sys.stdout.write("\n".join(batch) + "\n")


def write_names(names: Iterable[bytes]) -> None:
    """Write raw names to standard output, each ended by a NUL."""
    sys.stdout.flush()
    for batch in _batches(names):
        sys.stdout.buffer.write(b"\0".join(batch) + b"\0")


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _LINES_PER_WRITE)):
        yield batch


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: str = "") -> Iterator[str]:
    """Aligned columns; those whose heads are among the words of `numbers` to the right."""
    widths = [
        min(max(map(len, column)), _COLUMN_WIDTH) for column in zip(heads, *rows, strict=True)
    ]
    to_the_right = [head in numbers.split() for head in heads]
    for row in (heads, *rows):
        cells = (
            cell.rjust(width) if is_number else cell.ljust(width)
            for cell, width, is_number in zip(row, widths, to_the_right, strict=True)
        )
        yield "  ".join(cells).rstrip()


# JSON.


def write_json(document: Mapping[str, Any]) -> None:
    """Write a document that has its schema already."""
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def write_document(command: str, facts: Mapping[str, Any]) -> None:
    """Write a command's JSON document; lists and iterators one item to a line, as they come.

    It is ASCII, so that no name inside it can do anything to a terminal.
    """
    sys.stdout.write(f'{{\n  "schema": "imgforensics.{command}/1"')
    for key, value in facts.items():
        sys.stdout.write(f",\n  {json.dumps(key)}: ")
        if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
            sys.stdout.write(json.dumps(value, indent=2).replace("\n", "\n  "))
        else:
            _write_array(value)
    sys.stdout.write("\n}\n")


def _write_array(items: Iterable[Any]) -> None:
    separator = "[\n    "
    for batch in _batches(json.dumps(item) for item in items):
        sys.stdout.write(separator + ",\n    ".join(batch))
        separator = ",\n    "
    sys.stdout.write("[]" if separator.startswith("[") else "\n  ]")


# Problems.


def tell_problems(problems: Iterable[Problem], *, quiet: bool, verbose: bool) -> None:
    """Tell problems on standard error, the first of each code in full.

    Notes are told only if `verbose`, warnings unless `quiet`, errors always.
    """
    untold = {Severity.NOTE} if not verbose else set()
    if quiet:
        untold |= {Severity.NOTE, Severity.WARNING}
    counts: Counter[str] = Counter()
    for problem in problems:
        if problem.severity in untold:
            continue
        label = problem.code.label
        counts[label] += 1
        if counts[label] <= _PROBLEMS_PER_CODE:
            say(display(str(problem)))
    for label, count in counts.items():
        if count > _PROBLEMS_PER_CODE:
            say(f"{count - _PROBLEMS_PER_CODE} more of {label}; --json lists them")
