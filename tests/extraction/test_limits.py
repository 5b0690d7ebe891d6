"""Every limit stops the work with its name, and raising it lets the work through."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from imgforensics import ExtractionRecord, Limits, extract, extract_layers, open_image, write_tar
from imgforensics.errors import LimitExceededError
from imgforensics.testing import (
    Entry,
    directory,
    fifo,
    file,
    hard_link,
    sparse_file,
    symlink,
)
from tests.extraction.building import image_of

Extraction = Callable[..., ExtractionRecord]
EVERY_FORM = pytest.mark.parametrize("form", [extract, extract_layers, write_tar])

CASES: dict[str, tuple[Sequence[Sequence[Entry]], Limits, Limits]] = {
    "bytes": (
        [[file("a", b"1" * 600), file("b", b"1" * 600)]],
        Limits(output_bytes=1_199),
        Limits(output_bytes=1_200),
    ),
    "bytes-of-two-layers": (
        [[file("a", b"1" * 600)], [file("b", b"1" * 600)]],
        Limits(output_bytes=1_199),
        Limits(output_bytes=1_200),
    ),
    "bytes-without-holes": (
        [[sparse_file("a", 1 << 40, [(0, b"1" * 1_024)])]],
        Limits(output_bytes=1_023),
        Limits(output_bytes=1_024),
    ),
    "files": (
        [[file(str(number)) for number in range(20)]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "directories": (
        [[directory(str(number)) for number in range(20)]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "implied-directories": (
        [[file("d/" * 19 + "f")]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "symlinks": (
        [[symlink(str(number), "x") for number in range(20)]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "fifos": (
        [[fifo(str(number)) for number in range(20)]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "hard-links": (
        [[file("0"), *(hard_link(str(number), "0") for number in range(1, 20))]],
        Limits(output_entries=19),
        Limits(output_entries=20),
    ),
    "entries": (
        [[file(str(number)) for number in range(20)]],
        Limits(layer_entries=19),
        Limits(layer_entries=20),
    ),
    "depth": (
        [[file("d/" * 20 + "f")]],
        Limits(path_depth=20),
        Limits(path_depth=21),
    ),
    "name": (
        [[file("n" * 300 + "/f"), file("g")]],
        Limits(name_bytes=299),
        Limits(name_bytes=302),
    ),
    "ratio": (
        [[file("zeros", bytes(2 << 20))]],
        Limits(ratio=100, ratio_floor_bytes=1 << 20),
        Limits(ratio=5_000, ratio_floor_bytes=1 << 20),
    ),
    "layer-size": (
        [[file("zeros", bytes(2 << 20))]],
        Limits(layer_bytes=2 << 20),
        Limits(layer_bytes=3 << 20),
    ),
}
NAMES = {
    "bytes": "output_bytes",
    "bytes-of-two-layers": "output_bytes",
    "bytes-without-holes": "output_bytes",
    "entries": "layer_entries",
    "depth": "path_depth",
    "name": "name_bytes",
    "ratio": "ratio",
    "layer-size": "layer_bytes",
}


@EVERY_FORM
@pytest.mark.parametrize("case", CASES)
def test_a_limit_stops_and_can_be_raised(form: Extraction, case: str, tmp_path: Path) -> None:
    layers, tight, raised = CASES[case]
    name = NAMES.get(case, "output_entries")
    image_of(tmp_path, *layers).close()
    with (
        open_image(tmp_path / "image.tar", limits=tight) as image,
        pytest.raises(LimitExceededError, match=f"Limits\\({name}=") as caught,
    ):
        form(image, tmp_path / "out")
    assert caught.value.name == name
    assert caught.value.limit == getattr(tight, name)
    assert not (tmp_path / "out").exists()
    with open_image(tmp_path / "image.tar", limits=raised) as image:
        assert form(image, tmp_path / "out", force=True).is_complete
    assert json.loads((tmp_path / "out.extraction.json").read_text())["complete"]


def test_entries_of_all_layers_count_together(tmp_path: Path) -> None:
    image_of(tmp_path, *([file(f"{layer}-{n}") for n in range(10)] for layer in range(3))).close()
    limits = Limits(layer_entries=29)
    with (
        open_image(tmp_path / "image.tar", limits=limits) as image,
        pytest.raises(LimitExceededError, match="layer_entries"),
    ):
        extract(image, tmp_path / "out")
    with open_image(tmp_path / "image.tar", limits=replace(limits, layer_entries=30)) as image:
        assert extract(image, tmp_path / "out", force=True).counts["file"] == 30


def test_what_upper_layers_hide_counts_for_nothing(tmp_path: Path) -> None:
    layers = [[file("f", bytes([layer]) * 500)] for layer in range(10)]
    with image_of(tmp_path, *layers, limits=Limits(output_bytes=500, output_entries=1)) as image:
        record = extract(image, tmp_path / "out")
    assert record.content_bytes == 500


def test_a_bomb_is_stopped_before_it_is_written(tmp_path: Path) -> None:
    limits = Limits(output_bytes=1 << 20)
    with (
        image_of(tmp_path, [file("bomb", bytes(64 << 20))], limits=limits) as image,
        pytest.raises(LimitExceededError, match="bomb"),
    ):
        extract(image, tmp_path / "out")
    written = [path for path in (tmp_path / "out.partial").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in written) == 0
