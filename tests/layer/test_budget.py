"""No limit is passed by splitting an image up into layers or members."""

import io
import tracemalloc
from collections.abc import Sequence

import pytest

from imgforensics import Image, Limits, open_image
from imgforensics.errors import LimitExceededError
from imgforensics.testing import ImageBuilder, Member, Packing, archive, file, oci_layout


def opened(layers: Sequence[Sequence[Member]], limits: Limits) -> Image:
    layout = oci_layout(ImageBuilder(layers), packing=Packing.GZIP)
    return open_image(io.BytesIO(archive(layout)), limits=limits)


def files(count: int, prefix: str = "f") -> list[Member]:
    return [file(f"{prefix}{number}", b"") for number in range(count)]


def test_entries_of_all_layers_count_together() -> None:
    layers = [files(40, "a"), files(40, "b")]
    with opened(layers, Limits(layer_entries=80)) as image:
        assert len(image.entries) == 80
    with (
        opened(layers, Limits(layer_entries=79)) as image,
        pytest.raises(LimitExceededError, match=r"Limits\(layer_entries="),
    ):
        image.scan_layers()


def test_a_layer_that_is_read_again_counts_once() -> None:
    with opened([files(10)], Limits(layer_entries=10)) as image:
        for _ in range(3):
            assert len(list(image.layers[0].begin_pass())) == 10


def test_sizes_of_all_layers_count_together_and_once_however_often_one_asks() -> None:
    layers = [[file(name, bytes(700_000))] for name in "ab"]
    with opened(layers, Limits(ratio=10, ratio_floor_bytes=1_000_000)) as image:
        image.layers[0].scan()
        refusals = []
        for _ in range(3):
            with pytest.raises(LimitExceededError, match=r"Limits\(ratio=") as caught:
                image.layers[1].scan()
            refusals.append(str(caught.value))
        assert len(set(refusals)) == 1


def test_deep_paths_cost_what_their_ancestors_do() -> None:
    layers = [[file(f"{number}/" + "d/" * 1_500 + "f", b"")] for number in range(20)]
    limits = Limits(entry_bytes=10 << 20)
    tracemalloc.start()
    try:
        with (
            opened(layers, limits) as image,
            pytest.raises(LimitExceededError, match=r"Limits\(entry_bytes="),
        ):
            image.filesystem_at(image.top)
        assert tracemalloc.get_traced_memory()[1] < 50 << 20
    finally:
        tracemalloc.stop()


def test_files_of_one_deep_directory_count_it_once() -> None:
    names = [file("d/" * 100 + f"f{number}", b"") for number in range(300)]
    with opened([names], Limits(entry_bytes=250_000)) as image:
        assert len(image.entries) == 300


@pytest.mark.parametrize(
    "member",
    [
        file("f", b"", xattrs={"user.large": bytes(2_000)}),
        file("n" * 250 + "/" + "n" * 250, b""),
    ],
    ids=["xattrs", "names"],
)
def test_metadata_beyond_the_ordinary_counts(member: Member) -> None:
    with (
        opened([[member]], Limits(entry_bytes=900)) as image,
        pytest.raises(LimitExceededError, match=r"entry_bytes"),
    ):
        image.scan_layers()
    with opened([[member]], Limits(entry_bytes=4_000)) as image:
        image.scan_layers()
