"""Deleted versions: which there are, what ended them, what is written, what is counted."""

import io
import json
from pathlib import Path

import pytest

from imgforensics import (
    Image,
    Limits,
    Selection,
    deleted_files,
    extract_deleted,
    open_image,
    wasted_bytes,
)
from imgforensics.errors import MissingBlobError, PathError, UnsafeOutputError
from imgforensics.problems import Problem, ProblemCode
from imgforensics.testing import (
    END,
    ImageBuilder,
    LayerSpec,
    archive,
    directory,
    file,
    hard_link,
    oci_layout,
    opaque,
    raw,
    symlink,
    whiteout,
)
from tests.filesystem.building import image_of

FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"
Told = tuple[int, str, str, int | None]

LAYERS = (
    [
        directory("d", mode=0o750, uid=5),
        file("d/a", b"first"),
        file("b", b"bee"),
        file("e/f", b"ef"),
    ],
    [file("b", b"bees"), hard_link("also", "d/a")],
    [whiteout("d/a"), symlink("e", "d")],
    [opaque("d"), file("d/n", b"new"), whiteout("also")],
)


def told(image: Image) -> list[Told]:
    return [
        (
            each.layer.index,
            each.path.decode(),
            str(each.fate),
            None if each.by is None else each.by.index,
        )
        for each in deleted_files(image)
    ]


def test_each_fate() -> None:
    with image_of(*LAYERS, [file("x", b"1"), file("x", b"2"), raw(END), file("y", b"3")]) as image:
        assert told(image) == [
            (0, "b", "overwritten", 1),
            (0, "d/a", "deleted", 2),
            (0, "e", "overwritten", 2),
            (0, "e/f", "hidden", 2),
            (1, "also", "deleted", 3),
            (4, "x", "never-shown", None),
            (4, "y", "never-shown", None),
        ]


def test_each_can_be_read() -> None:
    with image_of(*LAYERS) as image:
        contents = {
            each.path: each.read_bytes()
            for each in deleted_files(image)
            if not each.version.node.is_directory
        }
        assert contents == {b"b": b"bee", b"d/a": b"first", b"e/f": b"ef", b"also": b"first"}
        [above] = [each for each in deleted_files(image) if each.path == b"e"]
        with pytest.raises(PathError):
            above.read_bytes()
        assert str(above) == "/e, held by layer 0: overwritten by layer 2"


def test_what_has_a_size_has_a_content_of_that_size() -> None:
    """A symbolic link's size, the length of its target, is that of no content."""
    below = [file("f", b"four"), file("empty", b""), symlink("s", "f"), hard_link("h", "gone")]
    names = [whiteout(name) for name in ("f", "empty", "s", "h", "d")]
    with image_of([*below, directory("d")], names) as image:
        sizes = {each.path: each.size for each in deleted_files(image)}
        assert sizes == {b"d": 0, b"empty": 0, b"f": 4, b"h": 0, b"s": 0}
        assert [each.read_bytes() for each in deleted_files(image) if each.size] == [b"four"]


def test_a_directory_that_still_stands_is_not_deleted() -> None:
    with image_of([directory("d", mode=0o700)], [directory("d", mode=0o755)]) as image:
        assert told(image) == []


def test_they_are_written_below_their_layers(tmp_path: Path) -> None:
    with image_of(*LAYERS) as image:
        record = extract_deleted(image, tmp_path / "out")
    assert record.is_complete
    assert record.counts == {"directory": 2, "file": 4}
    out = tmp_path / "out"
    written = {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }
    assert written == {
        "layer-000/b": b"bee",
        "layer-000/d/a": b"first",
        "layer-000/e/f": b"ef",
        "layer-001/also": b"first",
    }
    assert (out / "layer-000" / "d").stat().st_mode & 0o777 == 0o750
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert (document["form"], document["complete"]) == ("deleted", True)


def test_versions_of_one_path_in_one_layer_do_not_stand_in_each_others_way(tmp_path: Path) -> None:
    members = [file("x", b"1"), file("x", b"2"), file("x/y", b"3"), file("x", b"4")]
    with image_of(members, [whiteout("x")]) as image:
        assert extract_deleted(image, tmp_path / "out").is_complete
    files = [path for path in (tmp_path / "out" / "layer-000").rglob("*") if path.is_file()]
    assert sorted(path.read_bytes() for path in files) == [b"1", b"2", b"3", b"4"]


def test_only_what_is_selected_is_written(tmp_path: Path) -> None:
    with image_of(*LAYERS) as image:
        extract_deleted(image, tmp_path / "out", selection=Selection(include=("b",)))
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["b"]


def test_nothing_that_is_there_is_replaced_unasked(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with image_of(*LAYERS) as image, pytest.raises(UnsafeOutputError):
        extract_deleted(image, tmp_path / "out")


def test_a_deleted_link_leads_no_write_out_of_the_output(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    first = [symlink("d", str(outside)), file("d2/f", b"x")]
    second = [whiteout("d"), directory("d"), file("d/f", b"y")]
    with image_of(first, second, [whiteout("d"), whiteout("d2")]) as image:
        extract_deleted(image, tmp_path / "out")
    assert list(outside.iterdir()) == []
    assert (tmp_path / "out" / "layer-001" / "d" / "f").read_bytes() == b"y"


def test_around_an_absent_layer_what_is_known_is_told() -> None:
    layers = [[file("a", b"1"), file("b", b"2")], [whiteout("a")]]
    top = [[file("c", b"3")], [whiteout("c")]]
    builder = ImageBuilder([*layers, LayerSpec([file("x")], absent=True), *top])
    with open_image(io.BytesIO(archive(oci_layout(builder)))) as image:
        problems: list[Problem] = []
        found = [each.path for each in deleted_files(image, problems=problems)]
        assert found == [b"a", b"c"]
        assert [problem.code for problem in problems] == [ProblemCode.BLOB_MISSING]
        with pytest.raises(MissingBlobError):
            wasted_bytes(image)


def test_around_an_absent_layer_what_is_known_is_written(tmp_path: Path) -> None:
    absent = LayerSpec([file("x")], absent=True)
    builder = ImageBuilder([absent, [file("d/c", b"3")], [whiteout("d")]])
    with open_image(io.BytesIO(archive(oci_layout(builder)))) as image:
        record = extract_deleted(image, tmp_path / "out")
    assert not record.is_complete
    assert (tmp_path / "out.partial" / "layer-001" / "d" / "c").read_bytes() == b"3"


def test_waste_is_what_dive_counts_and_what_nobody_sees() -> None:
    layers = (
        [
            file("a", b"x" * 100),
            file("d/e", b"y" * 30),
            file("d/f", b"z" * 20),
            file("k", b"k" * 50),
        ],
        [file("a", b"x" * 40)],
        [whiteout("d"), whiteout("k")],
    )
    with image_of(*layers) as image:
        waste = wasted_bytes(image)
        # a: 100 and 40, d: 50 once as a whiteout; k: 50 and a whiteout of a file, 0.
        assert [each.wasted_bytes for each in waste.layers] == [150, 40, 0]
        assert [each.unseen_bytes for each in waste.layers] == [200, 0, 0]
        # Least sizes: a 40, d/e 30, d/f 20, k 0, d 50; all: 140 + 30 + 20 + 50 + 50.
        assert waste.efficiency == pytest.approx(
            (40 + 30 + 20 + 0 + 50) / (140 + 30 + 20 + 50 + 50)
        )


def test_the_truth_of_the_fixture() -> None:
    """As its Dockerfile says (fixtures/sources/traces)."""
    with open_image(FIXTURES / "traces.buildah.oci.tar") as image:
        assert {(layer, path, fate, by) for layer, path, fate, by in told(image)} == {
            (0, "etc/shop/db.conf", "overwritten", 1),
            (0, "etc/passwd", "overwritten", 1),
            (0, "srv/shop/wide.txt", "overwritten", 1),
            (0, "srv/shop/conf", "deleted", 2),
            (0, "srv/shop/conf/site.conf", "deleted", 2),
            (0, "opt/old/notes", "deleted", 2),
            (0, "srv/shop/jobs/nightly", "overwritten", 2),
            (0, "root/.aws/credentials", "deleted", 3),
            (0, "var/log/shop", "deleted", 3),
            (0, "var/log/shop/today.log", "deleted", 3),
            (2, "srv/shop/settings", "overwritten", 4),
            (2, "srv/shop/settings/site.conf", "hidden", 4),
            (2, "opt/notes", "overwritten", 4),
        }


def test_a_layer_over_a_limit_leaves_what_is_written_incomplete(tmp_path: Path) -> None:
    with image_of(
        [file("a", b"1")] * 20, [whiteout("a")], limits=Limits(layer_entries=10)
    ) as image:
        record = extract_deleted(image, tmp_path / "out")
    assert not record.is_complete
    assert {problem.code for problem in record.problems} == {ProblemCode.LIMIT_REACHED}
    assert not (tmp_path / "out").exists()
