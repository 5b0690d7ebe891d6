"""The walk over contents: every layer once, bounded, verified, with hashes on the way."""

import hashlib
import io
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics import Limits, open_image
from imgforensics.contents import contents_of
from imgforensics.image import Image
from imgforensics.layer import Layer, LayerEntry, LayerPass
from imgforensics.problems import Problem, ProblemCode
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    docker_layout,
    file,
    hard_link,
    oci_layout,
    sparse_file,
    symlink,
    whiteout,
)

BIG = bytes(range(256)) * 12_000
SHOP = ImageBuilder(
    [
        [directory("a"), file("a/x", b"one"), hard_link("a/y", "a/x"), symlink("l", "a/x")],
        [file("a/x", b"two"), file("big", BIG), file("empty", b"")],
        [whiteout("big"), sparse_file("holes", 10_000, [(5_000, b"data")]), file("a/x", b"three")],
    ]
)


def everything(_entry: LayerEntry) -> bool:
    return True


def opened(builder: ImageBuilder, folder: Path, limits: Limits | None = None) -> Image:
    path = folder / "image.tar"
    path.write_bytes(archive(oci_layout(builder, packing=Packing.GZIP)))
    return open_image(path, limits=limits or Limits())


def read(image: Image, wanted: object = everything) -> list[tuple[int, bytes, bytes]]:
    problems: list[Problem] = []
    found = [
        (content.entry.layer_index, content.entry.path, b"".join(content.pieces))
        for content in contents_of(image, wanted, problems)  # type: ignore[arg-type]
    ]
    assert problems == []
    return found


HOLES = bytes(5_000) + b"data" + bytes(4_996)
ALL = [
    (2, b".wh.big", b""),
    (2, b"holes", HOLES),
    (2, b"a/x", b"three"),
    (1, b"a/x", b"two"),
    (1, b"big", BIG),
    (1, b"empty", b""),
    (0, b"a/x", b"one"),
]


def test_every_file_entry_comes_once_top_layer_first_in_the_order_of_its_tar(
    tmp_path: Path,
) -> None:
    with opened(SHOP, tmp_path) as image:
        assert read(image) == ALL
        assert all(layer.is_scanned for layer in image.layers)
        assert read(image) == ALL
        assert image.problems == ()


def test_what_is_left_unread_is_passed_over(tmp_path: Path) -> None:
    with opened(SHOP, tmp_path) as image:
        problems: list[Problem] = []
        paths = [content.entry.path for content in contents_of(image, everything, problems)]
        assert paths == [path for _, path, _ in ALL]


def test_a_layer_that_was_read_is_read_again_only_for_what_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(SHOP, tmp_path) as image:
        kept = image.entries
        begun: list[int] = []
        begin_pass = Layer.begin_pass

        def counted(self: Layer, **options: Any) -> LayerPass:
            begun.append(self.index)
            return begin_pass(self, **options)

        monkeypatch.setattr(Layer, "begin_pass", counted)
        assert read(image, lambda entry: entry.path == b"big") == [(1, b"big", BIG)]
        assert begun == [1]
        problems: list[Problem] = []
        for content in contents_of(image, everything, problems, layers=image.layers[:1]):
            assert any(content.entry is entry for entry in kept)


def test_hashes_are_those_of_the_content_be_it_read_or_not(tmp_path: Path) -> None:
    algorithms = ("md5", "sha1", "sha256")
    with opened(SHOP, tmp_path) as image:
        problems: list[Problem] = []
        contents = contents_of(image, everything, problems, algorithms=algorithms)
        for number, (content, (_, _, whole)) in enumerate(zip(contents, ALL, strict=True)):
            if number % 2:
                next(iter(content.pieces), None)
            assert content.digests() == {
                name: hashlib.new(name, whole).hexdigest() for name in algorithms
            }


def test_a_layer_that_is_absent_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    builder = ImageBuilder([[file("a", b"1")], LayerSpec([file("b")], absent=True)])
    with opened(builder, tmp_path) as image:
        problems: list[Problem] = []
        paths = [content.entry.path for content in contents_of(image, everything, problems)]
        assert paths == [b"a"]
        assert [(p.code, p.where.layer) for p in problems] == [(ProblemCode.BLOB_MISSING, 1)]


def test_a_layer_over_a_limit_is_a_problem_and_the_others_are_read(tmp_path: Path) -> None:
    builder = ImageBuilder([[file("a", b"1")], [file("zeros", bytes(9 << 20))]])
    limits = Limits(ratio=5, ratio_floor_bytes=4 << 20)
    with opened(builder, tmp_path, limits) as image:
        problems: list[Problem] = []
        paths = [
            content.entry.path
            for content in contents_of(image, everything, problems)
            if [*content.pieces]
        ]
        assert paths == [b"zeros", b"a"]
        assert not image.layers[1].is_scanned
        assert [(p.code, p.where.layer) for p in problems] == [(ProblemCode.LIMIT_REACHED, 1)]
        assert "ratio=5" in problems[0].detail


def test_a_file_of_too_many_holes_is_a_problem_that_names_it(tmp_path: Path) -> None:
    builder = ImageBuilder([[sparse_file("huge", 100 << 30, [(0, b"x")]), file("after", b"1")]])
    with opened(builder, tmp_path) as image:
        problems: list[Problem] = []
        paths = [content.entry.path for content in contents_of(image, everything, problems)]
        assert paths == [b"after"]
        assert [(p.code, p.where.path) for p in problems] == [(ProblemCode.LIMIT_REACHED, b"huge")]


def test_a_source_that_changes_between_two_readings_is_a_problem(tmp_path: Path) -> None:
    layout = docker_layout(ImageBuilder([[file("a", b"before"), file("b", b"1")]]))
    path = tmp_path / "image.tar"
    path.write_bytes(archive(layout))
    with open_image(path) as image:
        image.scan_layers()
        path.write_bytes(path.read_bytes().replace(b"before", b"behind"))
        problems: list[Problem] = []
        assert len(list(contents_of(image, everything, problems))) == 2
        assert [p.code for p in problems] == [ProblemCode.DIFF_ID_MISMATCH]


def test_content_that_ends_early_has_no_hash(tmp_path: Path) -> None:
    layout = docker_layout(ImageBuilder([[file("a", b"x" * 5_000)]]))
    name = next(name for name in layout if name.endswith("layer.tar") or b"ustar" in layout[name])  # type: ignore[operator]
    layout[name] = layout[name][:3_000]  # type: ignore[index]
    path = tmp_path / "image.tar"
    path.write_bytes(archive(layout))
    with open_image(path) as image:
        problems: list[Problem] = []
        contents = contents_of(image, everything, problems, algorithms=["sha256"])
        assert [content.digests() for content in contents] == [None]
        assert ProblemCode.TAR_TRUNCATED in [p.code for p in image.problems]


def test_leaving_early_ends_the_pass_and_keeps_nothing_half_read(tmp_path: Path) -> None:
    with opened(SHOP, tmp_path) as image:
        problems: list[Problem] = []
        with closing(contents_of(image, everything, problems)) as contents:
            assert next(contents).entry.path == b".wh.big"
        assert not image.layers[2].is_scanned
        assert read(image) == ALL


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from("abcd"), st.binary(max_size=2_000)), max_size=5),
        min_size=1,
        max_size=4,
    )
)
def test_contents_are_those_that_went_in(layers: list[list[tuple[str, bytes]]]) -> None:
    builder = ImageBuilder([[file(name, data) for name, data in layer] for layer in layers])
    with open_image_of(builder) as image:
        expected = [
            (index, name.encode(), data)
            for index, layer in reversed(list(enumerate(layers)))
            for name, data in layer
        ]
        assert read(image) == expected
        assert read(image) == expected


def open_image_of(builder: ImageBuilder) -> Image:
    return open_image(io.BytesIO(archive(docker_layout(builder))))
