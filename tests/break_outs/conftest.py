"""A break-out's image and the place that it is aimed at, used by every writer in turn."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from imgforensics import Image, open_image
from imgforensics.testing import ImageBuilder, archive, oci_layout
from tests.break_outs.catalogue import NAMES, break_out
from tests.break_outs.sentinel import Facts, Place, make_place


@dataclass(frozen=True, slots=True)
class Attack:
    """An image that tries to get out, and what it must not change."""

    name: str
    source: Path
    image: Image
    place: Place
    before: dict[str, Facts]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "place").mkdir()
    return make_place(tmp_path / "place")


@pytest.fixture(params=NAMES)
def attack(request: pytest.FixtureRequest, place: Place, tmp_path: Path) -> Iterator[Attack]:
    for above in (tmp_path, *tmp_path.parents):
        mode = above.stat().st_mode
        if mode & 0o111 != 0o111:
            above.chmod(mode | 0o111)  # for nobody
    source = tmp_path / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder(break_out(request.param, place)))))
    with open_image(source) as image:
        yield Attack(request.param, source, image, place, place.watched())
    place.clear()
