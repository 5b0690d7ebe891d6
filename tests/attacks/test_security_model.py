"""The document's table of limits is the code's."""

import re
from dataclasses import fields
from pathlib import Path

from imgforensics.limits import DEFAULT_LIMITS, Limits

_DOCUMENT = Path(__file__).parents[2] / "docs" / "security-model.md"
_ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_UNITS = ("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)


def _written(name: str, value: float) -> str:
    """A limit's default as the document writes it."""
    if name.endswith("bytes"):
        for unit, bits in _UNITS:
            if value % (1 << bits) == 0:
                return f"{int(value) >> bits} {unit}"
    return f"{value:,.10g}"


def test_the_limits_in_the_document_are_those_of_the_code() -> None:
    rows = _ROW.findall(_DOCUMENT.read_text())
    assert [(name, default) for name, default, _ in rows] == [
        (field.name, _written(field.name, getattr(DEFAULT_LIMITS, field.name)))
        for field in fields(Limits)
    ]
    assert all(meaning.strip() for _, _, meaning in rows)
