"""`extract_layers`: each layer as its archive has it."""

from pathlib import Path

import pytest

from imgforensics import Selection, extract_layers
from imgforensics.testing import (
    Entry,
    directory,
    file,
    hard_link,
    opaque,
    symlink,
    tar,
    whiteout,
)
from tests.conformance.tree_facts import compare, walk
from tests.extraction.building import image_of, needs_root, reasons, unpack

LAYERS: list[list[Entry]] = [
    [
        directory("./", mtime=1),
        directory("d", mtime=2),
        file("d/a", b"a", mode=0o4755),
        file("b", b"b"),
    ],
    [directory("./"), whiteout("b"), directory("d"), opaque("d"), file("d/c", b"c", uid=9)],
    [
        directory("./"),
        symlink("d", "e"),
        file(".wh.", b"odd"),
        directory(".wh.x"),
        file(".wh.x/y", b"y"),
    ],
]


@pytest.mark.oracle
@pytest.mark.root
@needs_root[1]
def test_whiteouts_are_kept_as_files(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        record = extract_layers(image, tmp_path / "out", special=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "layer-000",
        "layer-001",
        "layer-002",
    ]
    for index, members in enumerate(LAYERS):
        (tmp_path / "layer.tar").write_bytes(tar(members))
        (tmp_path / str(index)).mkdir()
        unpack(tmp_path / "layer.tar", tmp_path / str(index))
        assert not compare(
            walk(tmp_path / str(index)), walk(tmp_path / "out" / f"layer-{index:03d}")
        )
    assert (tmp_path / "out" / "layer-001" / ".wh.b").exists()
    assert (tmp_path / "out" / "layer-001" / "d" / ".wh..wh..opq").exists()
    assert not record.deviations


def test_deviations_name_the_layer(tmp_path: Path) -> None:
    layers = [[file("s", b"", mode=0o4755)], [hard_link("s", "nothing")], [file("s", b"")]]
    with image_of(tmp_path, *layers) as image:
        record = extract_layers(image, tmp_path / "out")
    found = reasons(record.deviations)
    assert "setuid-withheld" in found[b"layer-000/s"]
    assert found[b"layer-001/s"] == ["hard-link-broken"]
    assert not {"setuid-withheld", "hard-link-broken"} & set(found.get(b"layer-002/s", ()))


def test_up_to_a_layer_and_selected(tmp_path: Path) -> None:
    with image_of(tmp_path, *LAYERS) as image:
        extract_layers(image, tmp_path / "out", layer=1, selection=Selection(include=("d",)))
    found = sorted(
        str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*")
    )
    assert found == [
        "layer-000",
        "layer-000/d",
        "layer-000/d/a",
        "layer-001",
        "layer-001/d",
        "layer-001/d/.wh..wh..opq",
        "layer-001/d/c",
    ]


def test_a_hard_link_to_a_lower_layer_has_nothing_to_link_to(tmp_path: Path) -> None:
    with image_of(tmp_path, [file("a", b"a")], [hard_link("b", "a"), file("c", b"c")]) as image:
        record = extract_layers(image, tmp_path / "out")
    assert reasons(record.deviations)[b"layer-001/b"] == ["hard-link-broken"]
    assert [path.name for path in (tmp_path / "out" / "layer-001").iterdir()] == ["c"]


def test_the_folder_of_layers_may_be_read(tmp_path: Path) -> None:
    with image_of(tmp_path, [file("a", b"a")]) as image:
        extract_layers(image, tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o7777 == 0o755
