"""Devices 0/0 in a layer: a container on overlayfs sees whiteouts, and so do we."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from imgforensics import Image, ProblemCode
from imgforensics.testing import Entry, device, directory, file, hard_link, symlink, tar, whiteout
from tests.conformance.cases import oracles_are_here
from tests.conformance.overlay import overlay_tree
from tests.extraction.building import image_of

pytestmark = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(not oracles_are_here(), reason="needs root, skopeo, umoci and GNU tar"),
]

BELOW = [directory("d"), file("d/a", b"a"), file("secret", b"s"), file("kept", b"k")]
HIDDEN = device("secret", 0, 0)


@pytest.mark.parametrize(
    "upper",
    [
        [HIDDEN],
        [device("d", 0, 0)],
        [directory("d"), device("d/a", 0, 0)],
        [HIDDEN, hard_link("kept", "secret")],
        [HIDDEN, file("secret", b"new"), hard_link("kept", "secret")],
        [file("secret", b"new"), HIDDEN],
        [HIDDEN, file("secret", b"new")],
        [directory("d"), symlink("l", "d"), device("l/a", 0, 0)],
        [device("nothing", 0, 0)],
        [device("secret", 0, 1)],
        [device("secret", 0, 0, block=True)],
    ],
)
def test_the_kernel_agrees(upper: Sequence[Entry], tmp_path: Path) -> None:
    tars = [tmp_path / "0.tar", tmp_path / "1.tar"]
    for path, entries in zip(tars, (BELOW, upper), strict=True):
        path.write_bytes(tar(entries))
    expected = overlay_tree(tars, tmp_path / "work")
    with image_of(tmp_path, BELOW, upper) as image:
        assert {b"/" + path for path, _ in image.filesystem.walk()} == set(expected)


def test_it_is_told_and_other_engines_show_a_device(tmp_path: Path) -> None:
    with image_of(tmp_path, BELOW, [HIDDEN]) as image:
        assert image.filesystem.get(b"secret") is None
        assert ProblemCode.WHITEOUT_DEVICE in _codes(image)
        assert [(each.path, each.other_rules) for each in image.ambiguities()] == [
            (b"secret", "umoci"),
            (b"secret", "go-containerregistry"),
        ]
        (event, _) = image.history_of("/secret")
        assert event.entry is not None


def test_a_whiteout_by_name_is_none_by_device(tmp_path: Path) -> None:
    with image_of(tmp_path, BELOW, [whiteout("secret")]) as image:
        assert ProblemCode.WHITEOUT_DEVICE not in _codes(image)


def _codes(image: Image) -> set[ProblemCode]:
    return {problem.code for problem in image.problems}
