"""Content that the first pass did not write: layers are read again, once, and checked."""

import io
import os
import tarfile
from pathlib import Path
from typing import BinaryIO

import pytest

from imgforensics import Image, Limits, extract, extract_layers, write_tar
from imgforensics.errors import LimitExceededError
from imgforensics.testing import (
    Entry,
    Packing,
    file,
    hard_link,
    pack,
    sparse_file,
    tar,
    whiteout,
)
from tests.extraction.building import Extraction, image_of

SIZES = pytest.mark.parametrize("size", [0, 3, 1_500_000], ids=["empty", "small", "large"])


def parted(content: Entry, count: int) -> list[list[Entry]]:
    """One file, and as many names of it, each with a mode of its own, as layers above."""
    names = [hard_link(f"name{number}", "base") for number in range(count)]
    modes = [
        [hard_link(f"also{number}", f"name{number}", mode=0o600 + number % 8)]
        for number in range(count)
    ]
    return [[content, *names], *modes]


@SIZES
def test_a_layer_is_read_again_once_however_many_files_share_content(
    size: int, tmp_path: Path, passes: list[int]
) -> None:
    content = os.urandom(size)
    with image_of(tmp_path, *parted(file("base", content), 8)) as image:
        assert extract(image, tmp_path / "out").is_complete
        assert passes.count(0) <= 2
        passes.clear()
        record = write_tar(image, tmp_path / "out.tar")
        assert record.is_complete
        assert passes.count(0) == 1
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert len(found) == 17
    assert set(found.values()) == {content}
    modes = {(tmp_path / "out" / f"also{number}").stat().st_mode & 0o777 for number in range(8)}
    assert modes == {0o600 + number for number in range(8)}
    with tarfile.open(tmp_path / "out.tar") as opened:
        members = [member for member in opened if not member.isdir()]
        assert len(members) == 17
        for member in members:
            extracted = opened.extractfile(member)
            assert extracted is not None
            assert extracted.read() == content


def test_holes_stay_holes_in_every_file(tmp_path: Path) -> None:
    size = 1 << 24
    with image_of(tmp_path, *parted(sparse_file("base", size, [(4096, b"x" * 512)]), 3)) as image:
        extract(image, tmp_path / "out")
    files = list((tmp_path / "out").iterdir())
    assert len(files) == 7
    for path in files:
        assert path.stat().st_size == size
        assert path.stat().st_blocks * 512 < size // 4
        assert path.read_bytes().strip(b"\0") == b"x" * 512


@pytest.mark.parametrize("form", [extract, extract_layers])
def test_an_image_that_was_read_is_read_once_more_and_answers_as_before(
    form: Extraction, tmp_path: Path
) -> None:
    layers = [file("a", b"old"), file("z", b"z")], [file("a", b"new"), hard_link("b", "a")]
    with image_of(tmp_path, *layers) as image:
        nodes = dict(image.filesystem.walk())
        entries = image.entries
        read: list[int] = []
        assert form(image, tmp_path / "out", progress=read.append).is_complete
        assert sum(read) == sum(layer.stored_size for layer in image.layers)
        assert all(before is after for before, after in zip(entries, image.entries, strict=True))
        assert all(nodes[path] is node for path, node in image.filesystem.walk())
        assert not image.ambiguities()


# A source that is not the same the second time.

BEFORE = [file("a", b"old" * 400_000), file("z", b"z"), hard_link("b", "a")]


@pytest.mark.parametrize("form", [extract, write_tar])
@pytest.mark.parametrize(
    "after",
    [
        [file("a", b"new" * 400_000), file("z", b"z"), hard_link("b", "a")],
        [file("a", b"old" * 400_000), file("z", b"y"), hard_link("b", "a")],
        [file("a", b"longer" * 400_000)],
        [],
    ],
    ids=["content", "behind-it", "size", "nothing"],
)
def test_a_source_that_changes_is_no_whole_result(
    form: Extraction, after: list[Entry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = pack([tar(after)], Packing.GZIP)
    with image_of(tmp_path, BEFORE, [whiteout("a")]) as image:
        image.layers[0].scan()
        change_lowest(image, changed, monkeypatch, reads_before=int(form is extract))
        record = form(image, tmp_path / "out")
    assert not record.is_complete
    assert not (tmp_path / "out").exists()
    assert [(problem.code.label, problem.where.layer) for problem in record.problems] == [
        ("diff-id-mismatch", 0)
    ]
    assert "the source changed while it was read" in record.problems[0].detail
    if form is write_tar:
        with tarfile.open(tmp_path / "out.partial") as archived:
            assert sorted(archived.getnames()) == [".", "./b", "./z"]


@pytest.mark.parametrize("form", [extract, extract_layers])
def test_a_source_whose_contents_changed_before_they_are_extracted_is_no_whole_result(
    form: Extraction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every entry is as it was when the image was asked for them: only digests tell."""
    changed = pack([tar([file("a", b"new"), file("z", b"z")])], Packing.GZIP)
    with image_of(tmp_path, [file("a", b"old"), file("z", b"z")]) as image:
        image.layers[0].scan()
        change_lowest(image, changed, monkeypatch)
        record = form(image, tmp_path / "out")
    assert not record.is_complete
    assert not (tmp_path / "out").exists()
    assert [problem.detail for problem in record.problems] == [
        "the source changed while it was read"
    ]


def change_lowest(
    image: Image, blob: bytes, monkeypatch: pytest.MonkeyPatch, *, reads_before: int = 0
) -> None:
    """Let the lowest layer's blob be another one, once it was opened so many times."""
    unchanged = image.source.open
    reads = iter([unchanged] * reads_before)

    def changing(name: str) -> BinaryIO:
        if name != image.layers[0].record.blob_name:
            return unchanged(name)
        return next(reads, lambda _: io.BytesIO(blob))(name)

    monkeypatch.setattr(image.source, "open", changing)


@pytest.mark.parametrize("form", [extract, write_tar])
def test_shared_content_is_held_within_the_limits(form: Extraction, tmp_path: Path) -> None:
    layers = parted(file("base", os.urandom(10_000)), 2)
    with (
        image_of(tmp_path, *layers, limits=Limits(output_bytes=25_000)) as image,
        pytest.raises(LimitExceededError, match="output_bytes"),
    ):
        form(image, tmp_path / "out")
    with image_of(tmp_path, *layers, limits=Limits(output_bytes=30_000)) as image:
        assert form(image, tmp_path / "out", force=True).content_bytes == 30_000
