"""An image as its users meet it: the notebook's lines, threads, problems, cards."""

import copy
import gc
import io
import pickle
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgforensics import (
    EntryKind,
    Layer,
    Limits,
    Problem,
    ProblemCode,
    extract,
    open_image,
    search,
)
from imgforensics.errors import LimitExceededError
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    Packing,
    archive,
    docker_layout,
    file,
    oci_layout,
    symlink,
    whiteout,
)
from tests.filesystem.building import image_of, shown

BUILDER = ImageBuilder(
    [
        LayerSpec([file("etc/passwd", b"root\n"), symlink("p", "/etc/passwd")], created_by="ADD"),
        Instruction("ENV A=1"),
        LayerSpec([file("key<&>", b"k")], created_by="COPY <b>"),
        LayerSpec([whiteout("key<&>")], created_by="RUN rm"),
    ],
    tags=["example:1"],
    config={"Env": ["A=1"]},
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "suspect.tar"
    path.write_bytes(archive(docker_layout(BUILDER)))
    return path


def test_the_notebooks_lines(source: Path) -> None:
    with open_image(str(source)) as image:
        assert image.path("/etc/passwd").read_text() == "root\n"
        assert image.path("p").read_bytes() == b"root\n"
        events = image.history_of("/key<&>")
        assert [(str(each.change), each.created_by) for each in events] == [
            ("added", "COPY <b>"),
            ("removed", "RUN rm"),
        ]
        assert [layer.created_by for layer in image.layers] == ["ADD", "COPY <b>", "RUN rm"]
        assert image.config is not None
        assert str(image.image_id) == BUILDER.build(Packing.NONE).config_digest


def test_an_image_is_gone_with_its_last_name(source: Path, tmp_path: Path) -> None:
    gc.collect()
    gc.disable()
    try:
        with open_image(source) as image:
            extract(image, tmp_path / "rootfs")
            assert list(search(image, content="root", among="all"))
            assert image.history_of("/etc/passwd")
            assert image.path("p").read_bytes() == b"root\n"
        alive = [weakref.ref(each) for each in (image, *image.layers)]
        del image
        assert not any(reference() for reference in alive)
    finally:
        gc.enable()


def test_a_card_and_a_line_of_text_for_people(source: Path) -> None:
    with open_image(source) as image:
        assert repr(image).startswith("<Image ")
        assert repr(image).endswith(f"in {source}: 3 layers>")
        card = image._repr_html_()
        assert "COPY &lt;b&gt;" in card
        assert "<b>" not in card
        assert "example:1" in card


def test_snapshots_are_numbered_from_nothing_to_the_top(source: Path) -> None:
    with open_image(source) as image:
        assert image.top == 2
        assert shown(image, -1) == {}
        assert "key<&>" not in shown(image, 0)
        assert shown(image, 1)["key<&>"] == "file k"
        assert image.filesystem is image.filesystem_at(2)
        assert image.path("/key<&>", layer=1).read_text() == "k"
        for layer in (-2, 3):
            with pytest.raises(IndexError, match="3"):
                image.filesystem_at(layer)


def test_an_image_without_layers_is_empty() -> None:
    with image_of() as image:
        assert (image.top, shown(image), image.entries) == (-1, {}, ())
        assert image.path("/").is_dir()
        assert list(image.path("/").iterdir()) == []
        assert image.ambiguities() == ()


def test_snapshots_below_one_that_is_held_are_built_again_when_asked_for() -> None:
    with image_of(*([file(f"f{n}")] for n in range(20))) as image:
        assert len(shown(image)) == 20
        for number in (3, 17, 0, 19, 3):
            assert len(shown(image, number)) == number + 1


def test_what_holds_files_open_is_not_copied(source: Path) -> None:
    """A copy would close the original's descriptor, and reads would go to another file."""
    with open_image(source) as image:
        for held in (image, image.layers[0], image.source):
            for copied in (copy.copy, copy.deepcopy, pickle.dumps):
                with pytest.raises(TypeError, match="cannot be copied"):
                    copied(held)
        with pytest.raises(TypeError):
            copy.deepcopy(image.history_of("/etc/passwd"))
        gc.collect()
        assert image.path("p").read_bytes() == b"root\n"


def test_a_pass_that_is_abandoned_leaves_no_thread() -> None:
    before = threading.active_count()
    with image_of([file(f"f{n}", bytes(1 << 20)) for n in range(20)]) as image:
        begun = image.layers[0].begin_pass(threads=True)
        next(iter(begun))
        assert threading.active_count() == before + 1
        del begun
        gc.collect()
        assert threading.active_count() == before


def test_entries_are_those_of_all_layers(source: Path) -> None:
    with open_image(source) as image:
        assert [(entry.layer_index, entry.path) for entry in image.entries] == [
            (0, b"etc/passwd"),
            (0, b"p"),
            (1, b"key<&>"),
            (2, b".wh.key<&>"),
        ]
        assert [entry.kind for entry in image.entries][1] is EntryKind.SYMLINK


def test_problems_up_to_a_layer_are_those_of_no_layer_above_it() -> None:
    bad = "sha256:" + "0" * 64
    layers = [LayerSpec([file(f"f{n}")], diff_id=bad) for n in range(2)]
    with image_of(*layers, LayerSpec([file("gone")], absent=True)) as image:
        image.scan_layers()
        codes = [problem.code for problem in image.problems]
        assert codes.count(ProblemCode.DIFF_ID_MISMATCH) == 2
        assert codes.count(ProblemCode.BLOB_MISSING) == 1
        assert {problem.where.layer for problem in image.problems} == {0, 1, 2}
        assert {problem.where.layer for problem in image.problems_up_to(1)} == {0, 1}
        assert {problem.where.layer for problem in image.problems_up_to(0)} == {0}
        assert image.problems_up_to(image.top) == image.problems
        assert image.problems_up_to(-1) == ()


def test_layers_are_scanned_side_by_side_and_told_in_order() -> None:
    told: list[int] = []

    def tell(layer: Layer) -> None:
        told.append(layer.index)

    with image_of(*([file(f"f{n}")] for n in range(12))) as image:
        image.layers[5].scan()
        image.scan_layers(tell)
        assert told == [0, 1, 2, 3, 4, *range(6, 12)]
        image.scan_layers(tell)
        assert len(told) == 11


def test_many_threads_ask_at_once() -> None:
    layers = [[file(f"d/f{n}", b"%d" % n), whiteout(f"d/f{n - 3}")] for n in range(15)]
    with image_of(*layers) as image:
        asked: list[Callable[[], object]] = [
            lambda: len(image.entries),
            lambda: image.path("d/f14").read_text(),
            lambda: sorted(shown(image, 9)),
            lambda: len(image.history_of("d/f2")),
            lambda: len(image.ambiguities()),
        ]
        expected = [30, "14", ["d", "d/f7", "d/f8", "d/f9"], 2, 0]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda number: asked[number % 5](), range(100)))
    assert found == expected * 20


def test_problems_are_told_as_far_as_the_image_has_been_read() -> None:
    layers = [[file("../a"), file("f"), file("f")], [file("x"), file("x/y")]]
    with image_of(*layers) as image:
        assert codes(image.problems) == []
        image.scan_layers()
        assert codes(image.problems) == [ProblemCode.ENTRY_OUTSIDE_ROOT]
        assert image.filesystem_at(0).get(b"a") is not None
        assert codes(image.problems) == [
            ProblemCode.ENTRY_OUTSIDE_ROOT,
            ProblemCode.ENTRY_DUPLICATED,
        ]
        assert image.filesystem.get(b"x/y") is None
        found = image.problems
        assert codes(found)[2:] == [ProblemCode.PARENT_NOT_A_DIRECTORY]
        assert [problem.where.layer for problem in found] == [0, 0, 1]
        assert image.filesystem.root.is_directory
        assert image.problems == found


def codes(problems: tuple[Problem, ...]) -> list[ProblemCode]:
    return [problem.code for problem in problems]


def test_entries_of_all_layers_together_are_limited() -> None:
    layers = [[file(f"{n}/{m}") for m in range(4)] for n in range(4)]
    data = archive(oci_layout(ImageBuilder(layers)))
    with open_image(io.BytesIO(data), limits=Limits(layer_entries=16)) as image:
        image.scan_layers()
    with (
        open_image(io.BytesIO(data), limits=Limits(layer_entries=15)) as image,
        pytest.raises(LimitExceededError, match="layer_entries=15"),
    ):
        image.scan_layers()
