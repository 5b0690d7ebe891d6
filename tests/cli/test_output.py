"""Text that is safe, sizes and tables."""

import pytest

from imgforensics.problems import display
from imgforensics_cli.output import brief, counted, human_size, safe_lines, table


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


def test_brief() -> None:
    assert brief("a\n\tb") == "a b"
    assert brief("x" * 160) == "x" * 160
    assert brief("x" * 161) == "x" * 160 + "\u2026"
    assert brief(" " * 10_000 + "x") == "\u2026"


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
