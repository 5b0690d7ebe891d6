"""A comparison as one page of HTML: no script, no other file, nothing is loaded."""

import html
from collections.abc import Iterator
from itertools import islice

from imgforensics.comparison.changes import FileChange
from imgforensics.comparison.patch import content_lines
from imgforensics.comparison.result import ImageDiff
from imgforensics.comparison.tables import Table, directory_table, file_table, tables
from imgforensics.comparison.wording import path_text, summary
from imgforensics.problems import display

_ROWS_IN_CARD = 50
_ROWS_OPEN = 200

_STYLE = """
:root { color-scheme: light dark; --line: #d0d7de; --soft: #f6f8fa; --text: #1f2328;
  --page: #ffffff; --added: #dafbe1; --removed: #ffebe9; --changed: #fff8c5; --moved: #ddf4ff;
  --unknown: #fbefff; }
@media (prefers-color-scheme: dark) { :root { --line: #30363d; --soft: #161b22; --text: #e6edf3;
  --page: #0d1117; --added: #12361f; --removed: #42181b; --changed: #3b2f0b; --moved: #0c2d4a;
  --unknown: #33204a; } }
body { font: 14px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  margin: 0 auto; max-width: 1400px; padding: 24px; }
h1 { font-size: 22px; } h2 { font-size: 17px; margin: 0; display: inline; }
details { border: 1px solid var(--line); border-radius: 6px; margin: 12px 0; overflow-x: auto; }
summary { background: var(--soft); padding: 8px 12px; cursor: pointer; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 4px 12px;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { background: var(--soft); font-weight: 600; white-space: nowrap; }
td.n, th.n { text-align: right; white-space: nowrap; }
table.facts { width: auto; } table.facts td, table.facts th { border: 0; }
td, pre { font-family: ui-monospace, monospace; font-size: 12.5px; }
pre { margin: 0; padding: 8px 12px; white-space: pre-wrap; overflow-wrap: anywhere; }
pre span { display: block; } .add, tr.A td:first-child { background: var(--added); }
.del, tr.D td:first-child { background: var(--removed); }
tr.M td:first-child { background: var(--changed); }
.at, tr.R td:first-child { background: var(--moved); }
tr.U td:first-child { background: var(--unknown); }
"""


def html_page(diff: ImageDiff) -> str:
    """The whole report as one document."""
    return "\n".join(_page(diff)) + "\n"


def html_card(diff: ImageDiff) -> str:
    """The summary and the first files, for a notebook."""
    files = file_table(diff)
    rows = files.rows[:_ROWS_IN_CARD]
    told = [_facts(diff), *_table(files._replace(rows=rows))]
    if len(files.rows) > len(rows):
        told.append(f"<p>{len(files.rows) - len(rows)} more: see .files or .to_pandas()</p>")
    return "".join(told)


def _page(diff: ImageDiff) -> Iterator[str]:
    title = f"{diff.before.name} → {diff.after.name}"
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield (
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    )
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head><body>"
    yield "<h1>What changed</h1>"
    yield _facts(diff)
    directories = directory_table(diff)
    for table in (*tables(diff), *([directories] if directories.rows else [])):
        yield from _section(table)
    for change in diff.files:
        if change.content is not None:
            yield from _content(change)
    if diff.problems:
        yield from _problems(diff)
    yield "</body></html>"


def _facts(diff: ImageDiff) -> str:
    rows = "".join(
        f"<tr><th>{line.subject}</th><td>{html.escape(line.told)}</td></tr>"
        for line in summary(diff)
    )
    return f'<table class="facts">{rows}</table>'


def _section(table: Table) -> Iterator[str]:
    is_open = " open" if len(table.rows) <= _ROWS_OPEN else ""
    heading = f"<h2>{html.escape(table.title)}</h2> ({len(table.rows)})"
    yield f"<details{is_open}><summary>{heading}</summary>"
    yield from _table(table)
    yield "</details>"


def _table(table: Table) -> Iterator[str]:
    numbers = [head != "" and head in table.numbers.split() for head in table.heads]
    yield "<table><thead><tr>"
    yield "".join(_cell("th", *pair) for pair in zip(table.heads, numbers, strict=True))
    yield "</tr></thead><tbody>"
    for row in table.rows:
        cells = "".join(_cell("td", *pair) for pair in zip(row, numbers, strict=True))
        yield f"{_row_start(table, row)}{cells}</tr>"
    yield "</tbody></table>"


def _row_start(table: Table, row: tuple[str, ...]) -> str:
    if table.title != "Files":
        return "<tr>"
    return f'<tr class="{"U" if row[0] == "?" else row[0]}">'


def _cell(tag: str, text: str, is_number: bool) -> str:
    kind = ' class="n"' if is_number else ""
    return f"<{tag}{kind}>{html.escape(text)}</{tag}>"


def _content(change: FileChange) -> Iterator[str]:
    if change.content is None:
        return
    yield f"<details open><summary>{html.escape(path_text(change))}</summary><pre>"
    for line in content_lines(change.content):
        kind = {b"+": "add", b"-": "del", b"@": "at"}.get(line[:1], "")
        text = html.escape(_visible(line)) or " "
        yield f'<span class="{kind}">{text}</span>'
    yield "</pre></details>"


def _visible(line: bytes) -> str:
    """A line of text with its tabs, everything else that does not print escaped."""
    return "\t".join(map(display, line.rstrip(b"\n").split(b"\t")))


def _problems(diff: ImageDiff) -> Iterator[str]:
    yield f"<details open><summary><h2>Problems</h2> ({len(diff.problems)})</summary><pre>"
    for problem in islice(diff.problems, 1_000):
        text = display(str(problem).encode("utf-8", "surrogateescape"))
        yield f"<span>{html.escape(text)}</span>"
    yield "</pre></details>"
