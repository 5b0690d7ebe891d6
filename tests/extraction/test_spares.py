"""A hard link that survives while its target is claimed above: one pass is enough, mostly."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgforensics import extract
from imgforensics.extraction import spares
from imgforensics.testing import Entry, directory, file, hard_link, whiteout
from tests.extraction.building import image_of


def extracted(tmp_path: Path, *layers: Sequence[Entry]) -> Path:
    tmp_path.mkdir(exist_ok=True)
    with image_of(tmp_path, *layers) as image:
        assert extract(image, tmp_path / "out").is_complete
    return tmp_path / "out"


LINKED = [
    directory("d"),
    file("d/a", b"old", mode=0o640, mtime=7),
    hard_link("d/b", "d/a", mode=0o640, mtime=7),
]


@pytest.mark.parametrize("above", [file("d/a", b"new"), whiteout("d/a")], ids=["over", "deleted"])
def test_the_layer_is_read_once(tmp_path: Path, passes: list[int], above: Entry) -> None:
    out = extracted(tmp_path, [*LINKED, hard_link("d/c", "d/a", mode=0o640, mtime=7)], [above])
    assert passes == [1, 0]
    b, c = out / "d" / "b", out / "d" / "c"
    assert b.read_bytes() == b"old"
    assert b.samefile(c)
    assert (b.stat().st_mode & 0o777, b.stat().st_mtime) == (0o640, 7)


def test_what_no_longer_is_spare_is_read_again(
    tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "DISTANCE", 1_000)
    far = [LINKED[1], file("d/between", bytes(1_000)), LINKED[2]]
    out = extracted(tmp_path, far, [file("d/a", b"new"), whiteout("d/between")])
    assert passes == [1, 0, 0]
    assert (out / "d" / "b").read_bytes() == b"old"


def test_a_large_file_is_not_kept(tmp_path: Path, passes: list[int]) -> None:
    content = os.urandom(spares.LARGEST + 1)
    out = extracted(tmp_path, [file("a", content), hard_link("b", "a")], [whiteout("a")])
    assert passes == [1, 0, 0]
    assert (out / "b").read_bytes() == content


def test_of_two_files_with_one_name_the_later_is_linked(tmp_path: Path) -> None:
    lower = [file("a", b"first"), file("a", b"second"), hard_link("b", "a")]
    assert (extracted(tmp_path, lower, [whiteout("a")]) / "b").read_bytes() == b"second"


def test_empty_files_are_not_kept_without_end(
    tmp_path: Path, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "DISTANCE", 2_000)
    lower = [file(f"f{number}", b"") for number in range(10)]
    links = [hard_link("first", "f0"), hard_link("last", "f9")]
    above = [whiteout(f"f{number}") for number in range(10)]
    extracted(tmp_path, [*lower, links[1]], above)
    assert passes == [1, 0]
    passes.clear()
    extracted(tmp_path / "again", [*lower, links[0]], above)
    assert passes == [1, 0, 0]
