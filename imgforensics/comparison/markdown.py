"""A comparison as Markdown, with tables as GitHub and GitLab show them."""

import re
from collections.abc import Iterator

from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.patch import content_lines
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.tables import Table, directory_table, tables
from imgforensics.comparison.wording import path_text, summary
from imgforensics.problems import display

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")


def markdown_lines(diff: ImageDiff) -> Iterator[str]:
    """The whole report, line by line."""
    yield "# What changed"
    yield ""
    yield "| | |"
    yield "|---|---|"
    for line in summary(diff):
        yield f"| {line.subject} | {_cell(line.told)} |"
    directories = directory_table(diff)
    for table in (*([directories] if directories.rows else []), *tables(diff)):
        yield from _table(table)
    for change in diff.files:
        if change.content is not None:
            yield from _content(change)


def _table(table: Table) -> Iterator[str]:
    yield ""
    yield f"## {table.title}"
    yield ""
    yield "| " + " | ".join(table.heads) + " |"
    marks = ("---:" if head and head in table.numbers.split() else "---" for head in table.heads)
    yield "|" + "|".join(marks) + "|"
    for row in table.rows:
        yield "| " + " | ".join(map(_cell, row)) + " |"


def _cell(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", text)


def _content(change: FileChange) -> Iterator[str]:
    """A block whose fence is longer than any run of backticks inside."""
    if change.content is None:
        return
    lines = [display(line.rstrip(b"\n")) for line in content_lines(change.content)]
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield ""
    yield f"### {_cell(path_text(change))}"
    yield ""
    yield f"{fence}diff"
    yield from lines
    yield fence
