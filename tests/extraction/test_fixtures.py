"""Real images come out as the engines and the kernel show them, by both ways out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgforensics import Image, extract, open_image, write_tar
from tests.conformance.tree_facts import Tree, compare, read_truth, walk
from tests.extraction.building import needs_root, unpack

pytestmark = [*needs_root, pytest.mark.oracle]

FIXTURES = Path(__file__).parents[2] / "fixtures"


@dataclass(frozen=True, slots=True)
class Fixture:
    """One image of one file, and what is known to be wrong in its truth."""

    name: str
    kind: str
    truth: str
    image: str | None
    platform: str | None
    deviations: frozenset[bytes]

    def open(self) -> Image:
        return open_image(
            FIXTURES / "images" / self.name,
            image=self.image,
            platform=self.platform,
            as_rootfs=self.kind == "rootfs",
        )

    def truth_without_deviations(self) -> Tree:
        return {
            path: f for path, f in read_truth(FIXTURES / self.truth).items() if self.holds(path)
        }

    def holds(self, path: bytes) -> bool:
        """The root's own mode and time are the store's, not the image's."""
        return path != b"/" and path not in self.deviations


def fixtures() -> Iterator[Fixture]:
    catalogue = json.loads((FIXTURES / "catalogue.json").read_text())
    for name, facts in catalogue.items():
        deviations = frozenset(deviation["path"].encode() for deviation in facts["deviations"])
        for image in facts["images"]:
            yield Fixture(
                name,
                facts["kind"],
                image["truth"],
                image.get("image"),
                image.get("platform"),
                deviations,
            )


ALL = [pytest.param(fixture, id=Path(fixture.truth).stem) for fixture in fixtures()]


def assert_true(fixture: Fixture, output: Path) -> None:
    found = {path: facts for path, facts in walk(output).items() if fixture.holds(path)}
    differences = compare(fixture.truth_without_deviations(), found)
    assert not differences, "\n".join(map(str, differences))


@pytest.mark.parametrize("fixture", ALL)
def test_the_files_are_true(fixture: Fixture, tmp_path: Path) -> None:
    with fixture.open() as image:
        record = extract(image, tmp_path / "out", special=True)
    assert record.is_complete
    assert_true(fixture, tmp_path / "out")


@pytest.mark.parametrize("fixture", ALL)
def test_the_tar_is_true(fixture: Fixture, tmp_path: Path) -> None:
    with fixture.open() as image:
        write_tar(image, tmp_path / "out.tar")
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "out.tar", tmp_path / "out")
    assert_true(fixture, tmp_path / "out")


def test_there_are_fixtures() -> None:
    assert len(ALL) >= 20
