"""Each surviving file is written once, and no byte of a hidden one, whatever hides it."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgforensics import Selection, extract
from imgforensics.extraction import output
from imgforensics.testing import (
    Entry,
    directory,
    file,
    hard_link,
    opaque,
    symlink,
    whiteout,
)
from tests.extraction.building import image_of

HIDDEN = b"hidden" * 1_000
SEEN = b"seen"

Layers = Sequence[Sequence[Entry]]
CASES: dict[str, Layers] = {
    "replaced": [[file("a", HIDDEN)], [file("a", HIDDEN)], [file("a", SEEN)]],
    "deleted": [[file("a", HIDDEN), file("b", SEEN)], [whiteout("a")]],
    "deleted-with-its-directory": [[file("d/e/a", HIDDEN), file("b", SEEN)], [whiteout("d")]],
    "deleted-and-made-again": [[file("a", HIDDEN)], [whiteout("a")], [file("a", SEEN)]],
    "deleted-twice": [[file("a", HIDDEN)], [whiteout("a")], [whiteout("a")]],
    "opaque": [[file("d/a", HIDDEN)], [directory("d"), file("d/b", SEEN), opaque("d")]],
    "opaque-root": [[file("a", HIDDEN)], [opaque(""), file("b", SEEN)]],
    "opaque-above": [[file("d/e/f/a", HIDDEN)], [opaque("d")]],
    "opaque-keeps-its-own": [[file("d/a", HIDDEN)], [opaque("d"), file("d/a", SEEN)]],
    "below-a-file": [[file("d/a", HIDDEN)], [file("d", SEEN)]],
    "below-a-symlink": [[file("d/a", HIDDEN)], [symlink("d", "e")]],
    "below-a-file-and-below-again": [
        [file("d/a", HIDDEN)],
        [file("d", HIDDEN)],
        [file("d/b", SEEN)],
    ],
    "file-becomes-directory": [[file("d", HIDDEN)], [directory("d")]],
    "file-becomes-implied-directory": [[file("d", HIDDEN)], [file("d/e/f", SEEN)]],
    "file-becomes-symlink": [[file("a", HIDDEN)], [symlink("a", "b")]],
    "file-becomes-hard-link": [[file("a", HIDDEN), file("b", SEEN)], [hard_link("a", "b")]],
    "excluded": [[file("private/a", HIDDEN), file("b", SEEN)]],
    "whiteout-beside": [[file("d/a", SEEN), file("d/ab", HIDDEN)], [whiteout("d/ab")]],
    "layer-order-inside-does-not-matter": [[file("a", HIDDEN)], [file("a", SEEN), whiteout("a")]],
}


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Names of the files that are opened to be written, in order."""
    names: list[bytes] = []
    create = output.OutputDirectory.create

    def noted(self: output.OutputDirectory, path: bytes, mode: int) -> int:
        descriptor = create(self, path, mode)
        names.append(path)
        return descriptor

    monkeypatch.setattr(output.OutputDirectory, "create", noted)
    return names


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is written to any file."""
    pieces: list[bytes] = []
    write: Callable[[int, bytes], int] = os.write

    def noted(descriptor: int, data: bytes) -> int:
        pieces.append(bytes(data))
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", noted)
    return pieces


@pytest.mark.parametrize("case", CASES)
def test_nothing_hidden_is_written(
    case: str, tmp_path: Path, created: list[bytes], written: list[bytes]
) -> None:
    selection = Selection(exclude=("private",))
    with image_of(tmp_path, *CASES[case]) as image:
        created.clear()
        written.clear()
        record = extract(image, tmp_path / "out", selection=selection)
    found = (tmp_path / "out").rglob("*")
    files = [path for path in found if path.is_file() and not path.is_symlink()]
    contents = {path.lstat().st_ino: path.read_bytes() for path in files}
    assert b"hidden" not in b"".join(written)
    assert sorted(written) == sorted(contents.values())
    assert set(Counter(created).values()) <= {1}
    assert record.content_bytes == sum(map(len, contents.values()))


def test_every_file_is_written_once_whatever_its_names(
    tmp_path: Path, created: list[bytes]
) -> None:
    """Links within and across layers, a linked parent and a repeated path included."""
    layers = [
        [
            file("a", b"a"),
            hard_link("b", "a"),
            directory("real"),
            symlink("way", "real"),
            file("way/c", b"c"),
            file("way/d", b"d"),
            hard_link("e", "way/d"),
        ],
        [hard_link("f", "real/c"), file("g", b"g")],
        [file("a", b"new a")],
    ]
    with image_of(tmp_path, *layers) as image:
        record = extract(image, tmp_path / "out")
    out = tmp_path / "out"
    assert (out / "a").read_bytes() == b"new a"
    assert (out / "b").read_bytes() == b"a"
    assert (out / "e").stat().st_ino == (out / "real" / "d").stat().st_ino
    assert (out / "f").stat().st_ino == (out / "real" / "c").stat().st_ino
    assert sorted(created) == [b"a", b"b", b"g", b"way/c", b"way/d"]
    assert record.content_bytes == len(b"new a" + b"a" + b"c" + b"d" + b"g")
