"""What bounds do not touch, and answers that stay short whatever is asked of them."""

import io
from pathlib import Path

import pytest

from imgforensics import Limits, list_images, open_image
from imgforensics.errors import AmbiguousImageError, LimitExceededError
from imgforensics.testing import ImageBuilder, Packing, archive, directory, file, oci_layout
from tests.attacks.documents import conflicting_names, docker_tags
from tests.attacks.layers import one_layer_often


def test_directories_that_have_entries_cost_nothing_beyond() -> None:
    names = ["/".join(["d"] * depth) for depth in range(1, 100)]
    members = [member for name in names for member in (directory(name), file(f"{name}/f", b""))]
    layout = archive(oci_layout(ImageBuilder([members]), packing=Packing.NONE))
    with open_image(io.BytesIO(layout), limits=Limits(entry_bytes=0)) as image:
        assert len(image.entries) == 2 * len(names)


def test_directories_without_entries_count_once() -> None:
    members = [file("d/" * 10 + f"f{number}", b"") for number in range(100)]
    layout = archive(oci_layout(ImageBuilder([members]), packing=Packing.NONE))
    with open_image(io.BytesIO(layout), limits=Limits(entry_bytes=11_000)) as image:
        assert len(image.entries) == 100
    with (
        open_image(io.BytesIO(layout), limits=Limits(entry_bytes=10_000)) as image,
        pytest.raises(LimitExceededError, match="entry_bytes"),
    ):
        image.scan_layers()


def test_a_refusal_names_some_layers_only(tmp_path: Path) -> None:
    source = one_layer_often(tmp_path, 60)
    with (
        open_image(source, limits=Limits(layer_entries=200_000)) as image,
        pytest.raises(LimitExceededError, match=r"19 and \d+ more come to") as caught,
    ):
        image.scan_layers()
    assert len(str(caught.value)) < 500


def test_a_choice_of_many_is_cut_short(tmp_path: Path) -> None:
    with pytest.raises(AmbiguousImageError, match=r"and 100 more") as caught:
        open_image(conflicting_names(tmp_path, 100))
    assert len(str(caught.value)) < 100_000


def test_each_name_of_two_images_is_told_once_for_each(tmp_path: Path) -> None:
    records = list_images(conflicting_names(tmp_path, 20))
    assert [len(record.names) for record in records] == [1] * 20 + [20] * 20


def test_entries_of_one_image_are_one_record_with_all_tags_and_places(tmp_path: Path) -> None:
    (record,) = list_images(docker_tags(tmp_path, 1_000))
    assert record.names == tuple(f"a:{number}" for number in range(1_000))
    assert record.positions == tuple(range(11))
