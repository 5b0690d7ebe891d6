"""Layers and documents that say two things at once, and digests that nobody declared."""

import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from imgforensics import ProblemCode, open_image, verify
from imgforensics.testing import (
    ContentsTable,
    ImageBuilder,
    LayerSpec,
    Layout,
    Link,
    archive,
    directory,
    docker_layout,
    docker_legacy_layout,
    estargz_layer,
    file,
    oci_layout,
    symlink,
    zstd_chunked_layer,
)
from tests.filesystem.building import codes_of, image_of, shown
from tests.pitfalls.building import merged


def test_the_last_of_two_entries_counts_and_both_are_listed(tmp_path: Path) -> None:
    """Pitfall 30: of two members of one name, the scanner saw one and the runtime the other.

    https://github.com/containers/storage/pull/1627
    https://github.com/containers/storage/issues/1888
    """
    layer = [file("f", b"first"), file("./f", b"last", mode=0o600)]
    assert merged(tmp_path, layer) == {"f": "file last"}
    with image_of(layer) as image:
        assert [entry.path for entry in image.entries] == [b"f", b"f"]
        assert codes_of(image) == [ProblemCode.ENTRY_DUPLICATED]
        (first, _) = image.entries
        with image.open_content(first) as hidden:
            assert hidden.read() == b"first"


@pytest.mark.parametrize("is_file_first", [True, False])
def test_a_name_that_is_two_kinds_of_thing(is_file_first: bool, tmp_path: Path) -> None:
    """Pitfall 30: a name that was a link first and a file later was one or the other.

    https://github.com/containers/storage/pull/1778
    """
    both = [file("f", b"1"), symlink("f", "elsewhere")]
    layer = both if is_file_first else both[::-1]
    assert merged(tmp_path, layer) == {"f": "link elsewhere" if is_file_first else "file 1"}
    with image_of(layer) as image:
        assert codes_of(image) == [ProblemCode.ENTRY_DUPLICATED]
        assert len(image.entries) == 2


def test_a_directory_listed_twice_keeps_its_children_and_is_no_problem() -> None:
    """Pitfall 30: a directory that is listed again is common, and no second truth.

    https://github.com/containers/storage/pull/1778
    """
    with image_of([directory("d"), file("d/a"), directory("d/", mode=0o700)]) as image:
        assert shown(image) == {"d": "dir", "d/a": "file "}
        assert image.path("/d").stat().st_mode & 0o7777 == 0o700
        assert codes_of(image) == []


TWO = [
    LayerSpec([file("a", b"1")], created_by="COPY a"),
    LayerSpec([file("b")], created_by="RUN b"),
]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_layers_and_diff_ids_that_do_not_pair_are_not_attributed(
    count: int, tmp_path: Path
) -> None:
    """Pitfall 30: layers were paired with diff_ids one by one, also where there were fewer of them.

    https://github.com/quay/claircore/pull/742
    https://github.com/DataDog/datadog-agent/pull/52016
    """
    diff_ids = [layer.diff_id for layer in ImageBuilder(TWO).build().layers]
    rows = [{"created_by": f"row {number}"} for number in range(count)]
    builder = ImageBuilder(
        TWO,
        config_document={
            "rootfs": {"type": "layers", "diff_ids": [*diff_ids, diff_ids[0]][:count]},
            "history": rows,
        },
    )
    for layout in (oci_layout(builder), docker_layout(builder), docker_legacy_layout(builder)):
        source = tmp_path / "image.tar"
        source.write_bytes(archive(layout))
        with open_image(source) as image:
            assert shown(image) == {"a": "file 1", "b": "file "}
            assert [(layer.diff_id, layer.created_by) for layer in image.layers] == [
                (None, None)
            ] * 2
            assert ProblemCode.LAYER_COUNT_MISMATCH in codes_of(image)
            assert not verify(image).is_verified


def test_a_diff_id_of_another_tar_is_told() -> None:
    """Pitfall 30: a layer was known by a diff_id that its bytes do not have.

    https://github.com/quay/claircore/pull/742
    """
    other = LayerSpec([file("b")], created_by="RUN b", diff_id="sha256:" + "0" * 64)
    with image_of(TWO[0], other) as image:
        assert shown(image) == {"a": "file 1", "b": "file "}
        assert codes_of(image) == [ProblemCode.DIFF_ID_MISMATCH]
        assert image.problems[0].where.layer == 1


DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
TAGGED = ImageBuilder(TWO, tags=["a:1"], config={"Cmd": ["/b"]})


@pytest.mark.parametrize("form", [docker_legacy_layout, docker_layout, oci_layout])
def test_no_digest_is_printed_that_is_not_of_bytes_in_the_source(
    form: Callable[..., Layout], tmp_path: Path
) -> None:
    """Pitfall 30: for want of a manifest one was made, and its digest printed as the image's.

    https://github.com/anchore/stereoscope/issues/83
    """
    layout = form(TAGGED)
    source = tmp_path / "image.tar"
    source.write_bytes(archive(layout))
    blobs = [content for content in layout.values() if not isinstance(content, Link)]
    tars = [layer.tar for layer in TAGGED.build().layers]
    known = {hashlib.sha256(data).hexdigest() for data in (*blobs, *tars)}
    named = set(DIGEST.findall(" ".join(layout)))
    done = subprocess.run(
        [sys.executable, "-m", "imgforensics", "inspect", "--layers", "--json", str(source)],
        check=True,
        capture_output=True,
        text=True,
    )
    printed = set(DIGEST.findall(done.stdout))
    assert printed
    assert printed <= known | named
    with open_image(source) as image:
        has_manifest = form is not docker_legacy_layout
        assert (image.digest is not None) == has_manifest
        assert all((layer.digest is not None) == has_manifest for layer in image.layers)


@pytest.mark.parametrize("form", [estargz_layer, zstd_chunked_layer])
def test_a_table_of_contents_that_says_other_than_the_tar_is_told(
    form: Callable[..., LayerSpec],
) -> None:
    """Pitfall 30: pulled lazily, a layer is what its table says; read through, what its tar says.

    https://github.com/containers/storage/issues/1888
    https://github.com/containers/storage/pull/1627
    """
    members = [file("a", b"1"), file("hidden", b"2")]

    def codes(table: ContentsTable) -> set[ProblemCode]:
        with image_of(form(members, table)) as image:
            assert {path for path, _ in image.filesystem.walk()} >= {b"a", b"hidden"}
            return {problem.code for problem in verify(image).problems}

    honest = codes(ContentsTable())
    lying = codes(ContentsTable(rows=lambda rows: [row for row in rows if row["name"] != "hidden"]))
    assert lying - honest == {ProblemCode.CONTENTS_TABLE_DISAGREES}
