"""Text that is safe, sizes and tables."""

import io
from pathlib import Path

import pytest

from imgforensics.problems import display
from imgforensics.testing import ImageBuilder, LayerSpec, file
from imgforensics_cli.output import brief, counted, human_size, safe_lines, table
from tests.cli.images import save
from tests.cli.running import Terminal, run


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain \u00fc \u65e5", "plain \u00fc \u65e5"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\r\t\0\x7f\x9b", "a\\nb\\r\\t\\x00\\x7f\\x9b"),
        ("\u202e\u200b\ud800", "\\u202e\\u200b\\ud800"),
    ],
)
def test_safe(text: str, shown: str) -> None:
    assert display(text) == shown


def test_safe_lines() -> None:
    assert safe_lines("one\x1b\n  two\r") == "one\\x1b\n  two\\r"


def test_brief_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", Terminal(io.BytesIO()))
    assert brief("a\n\tb", verbose=False) == "a b"
    assert brief("x" * 160, verbose=False) == "x" * 160
    assert brief("x" * 161, verbose=False) == "x" * 160 + "\u2026"
    assert brief(" " * 10_000 + "x", verbose=False) == "\u2026"
    assert brief(" " * 10_000 + "x" * 161, verbose=True) == "x" * 161


def test_nothing_is_cut_in_a_pipe() -> None:
    assert brief("a\n\t" + "x" * 10_000, verbose=False) == "a " + "x" * 10_000


@pytest.mark.parametrize(
    "command",
    [
        ("history",),
        ("history", "/a"),
        ("inspect",),
        ("deleted",),
        ("deleted", "--waste"),
        ("search", "a", "--long"),
    ],
)
def test_instructions_are_whole_but_on_a_terminal(command: tuple[str, ...], tmp_path: Path) -> None:
    instruction = "RUN true " + "x " * 200 + "&& curl evil.example"
    layers = [LayerSpec([file("a", content)], created_by=instruction) for content in (b"1", b"2")]
    name, *more = command
    arguments = (name, save(tmp_path, ImageBuilder(layers)), *more)
    assert instruction in run(*arguments).text
    assert "curl" not in run(*arguments, terminal=True).text
    assert instruction in run(*arguments, "-v", terminal=True).text


def test_configuration_is_whole_everywhere(tmp_path: Path) -> None:
    long = "x  " * 200 + "end"
    config = {"Env": [f"A={long}"], "Labels": {"b": long}, "Entrypoint": [long], "Cmd": [long]}
    source = save(tmp_path, ImageBuilder([[file("a")]], config=config))
    for terminal in (False, True):
        assert run("inspect", source, terminal=terminal).text.count(long) == 4


def test_one_wide_cell_widens_no_other_row() -> None:
    rows = [("x" * 1_000, "end"), ("y", "end")]
    _, wide, narrow = table(("A", "B"), rows)
    assert wide == "x" * 1_000 + "  end"
    assert len(narrow) == 165


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (1_500_000_000, "1.5 GB"),
        (10**16, "10000.0 TB"),
    ],
)
def test_human_size(size: int | None, shown: str) -> None:
    assert human_size(size) == shown


def test_counted() -> None:
    assert [counted(n, "directory") for n in (0, 1, 2_000)] == [
        "0 directories", "1 directory", "2,000 directories",
    ]  # fmt: skip


def test_table() -> None:
    rows = [("1", "one"), ("200", "two hundred")]
    assert list(table(("N", "NAME"), rows, numbers="N")) == [
        "  N  NAME",
        "  1  one",
        "200  two hundred",
    ]
    assert list(table(("N", "NAME"), [])) == ["N  NAME"]
