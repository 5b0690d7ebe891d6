"""Snapshots are held as far as they are cheap, and come out the same when built again."""

import pytest

from imgforensics.filesystem import snapshots
from imgforensics.testing import file, whiteout
from tests.filesystem.building import image_of, shown

LAYERS = [[file("a", b"1")], [file("b", b"2")], [whiteout("a")], [file("a", b"3")]]


def test_they_are_built_once() -> None:
    with image_of(*LAYERS) as image:
        assert image.filesystem is image.filesystem
        assert image.filesystem_at(1) is image.filesystem_at(1)


def test_past_the_bound_they_are_built_again_and_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    with image_of(*LAYERS) as image:
        expected = [shown(image, layer) for layer in range(len(LAYERS))]
    monkeypatch.setattr(snapshots, "HELD_NAMES", 0)
    with image_of(*LAYERS) as image:
        assert [shown(image, layer) for layer in (3, 0, 2, 1)] == [
            expected[layer] for layer in (3, 0, 2, 1)
        ]
        assert [str(event.change) for event in image.history_of("a")] == [
            "added",
            "removed",
            "re-added",
        ]
        held = image.filesystem_at(1)
        assert image.filesystem_at(1) is held


def test_problems_of_a_layer_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "HELD_NAMES", 0)
    with image_of([file(".wh.", b"")], *LAYERS) as image:
        for layer in (4, 0, 3):
            image.filesystem_at(layer)
        assert [problem.code.label for problem in image.problems] == ["whiteout-invalid"]
