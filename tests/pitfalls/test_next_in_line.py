"""Stories that are next in line: rarer, and each of them happened."""

import io
import os
from decimal import Decimal
from pathlib import Path

import pytest

from imgforensics import ProblemCode, extract, extract_layers, open_image, verify, write_tar
from imgforensics.errors import MissingBlobError
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    Layout,
    archive,
    directory,
    docker_legacy_layout,
    file,
    hard_link,
    oci_layout,
    symlink,
    whiteout,
)
from tests.extraction.building import names
from tests.filesystem.building import codes_of, image_of, shown
from tests.pitfalls.building import merged


def test_layers_read_side_by_side_are_applied_in_their_order(tmp_path: Path) -> None:
    """Next in line: layers unpacked in parallel lost the whiteouts of what they did not find.

    https://github.com/containerd/containerd/issues/13030
    """
    layers: list[list[Entry]] = []
    for number in range(30):
        layers.append([file("f", b"%d" % number), file(f"kept/{number}"), file("d/x")])
        layers.append([whiteout("f"), whiteout("d"), file("pad", bytes(1_000 * (number % 7)))])
    layers.append([file("d/last", b"1")])
    expected = {f"kept/{number}": "file " for number in range(30)}
    expected |= {"kept": "dir", "d": "dir", "d/last": "file 1", "pad": "file " + "\0" * 1_000}
    with image_of(*layers) as image:
        image.scan_layers()
        assert shown(image) == expected | {"pad": "file " + "\0" * (1_000 * (29 % 7))}
        extract(image, tmp_path / "out")
    assert names(tmp_path / "out") == ["d", "kept", "pad"]
    assert names(tmp_path / "out" / "d") == ["last"]


def test_an_entry_below_a_file_of_a_lower_layer_hides_it(tmp_path: Path) -> None:
    """Next in line: a layer with `a/b` over one where `a` is a file could not be unpacked.

    https://github.com/opencontainers/umoci/pull/589
    """
    lower = [file("a"), symlink("l", "d"), file("d/x")]
    assert merged(tmp_path, lower, [file("a/b"), file("l/y")]) == {
        "a": "dir",
        "a/b": "file ",
        "d": "dir",
        "d/x": "file ",
        "l": "dir",
        "l/y": "file ",
    }


def test_an_entry_below_a_file_of_its_own_layer_is_reported(tmp_path: Path) -> None:
    """Next in line: within one layer, an entry below a file ended the work.

    https://github.com/opencontainers/umoci/pull/589
    """
    layer = [file("a", b"1"), file("a/b"), file("c")]
    assert merged(tmp_path, layer) == {"a": "file 1", "c": "file "}
    with image_of(layer) as image:
        assert codes_of(image) == [ProblemCode.PARENT_NOT_A_DIRECTORY]
        assert [entry.path for entry in image.entries] == [b"a", b"a/b", b"c"]


def test_a_file_before_its_directory(tmp_path: Path) -> None:
    """Next in line: a file listed before its directory was lost, or the directory's mode was.

    https://github.com/GoogleContainerTools/container-diff/pull/98
    """
    with image_of([file("d/f", b"1"), directory("d", mode=0o500, mtime=Decimal("1.5"))]) as image:
        assert shown(image) == {"d": "dir", "d/f": "file 1"}
        assert image.path("/d").stat().st_mtime_ns == 1_500_000_000
        extract(image, tmp_path / "out")
    facts = (tmp_path / "out" / "d").stat()
    assert (facts.st_mode & 0o7777, facts.st_mtime_ns) == (0o500, 1_500_000_000)
    assert (tmp_path / "out" / "d" / "f").read_bytes() == b"1"


def test_nothing_depends_on_where_the_command_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Next in line: paths of the image were looked up in the directory that the process was in.

    https://github.com/GoogleContainerTools/container-diff/issues/314
    """
    layers = (
        [
            file("etc/passwd", b"image"),
            symlink("link", "etc/passwd"),
            symlink("abs", "/etc/passwd"),
        ],
        [hard_link("hard", "etc/passwd"), whiteout("gone"), file("made", b"1")],
    )
    (tmp_path / "image.tar").write_bytes(archive(oci_layout(ImageBuilder(layers))))
    crowded = tmp_path / "crowded"
    (crowded / "etc").mkdir(parents=True)
    for name in ("etc/passwd", "gone", "made", "hard", "etc/group"):
        (crowded / name).write_bytes(b"host")
    (crowded / "out").mkdir()
    bare = tmp_path / "bare"
    bare.mkdir()
    answers = []
    for place in (crowded, bare):
        monkeypatch.chdir(place)
        with open_image("../image.tar") as image:
            extract(image, Path("out"))
            write_tar(image, Path("out.tar"))
            answers.append(
                (
                    shown(image),
                    [str(event.change) for event in image.history_of("/gone")],
                    names(place / "out"),
                    (place / "out.tar").read_bytes(),
                )
            )
    assert answers[0] == answers[1]
    assert answers[0][0]["etc/passwd"] == answers[0][0]["hard"] == "file image"
    assert (crowded / "etc" / "passwd").read_bytes() == b"host"


URL = "https://example.com/windows/base.tar.gz"
FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
WINDOWS = [directory("Files"), file("Files/app.exe", b"MZ"), directory("Hives")]
WITHHELD = LayerSpec([file("Files/base")], media_type=FOREIGN, absent=True, created_by="base")


def test_a_foreign_layer_is_absent_by_design_and_named_with_its_address() -> None:
    """Next in line: a Windows base that is to be had elsewhere was an error without a reason.

    https://github.com/containerd/containerd/issues/4396
    """
    foreign = LayerSpec(
        WITHHELD.members, media_type=FOREIGN, absent=True, descriptor={"urls": [URL]}
    )
    builder = ImageBuilder([foreign, WINDOWS], platform="windows/amd64")
    with open_image(io.BytesIO(archive(oci_layout(builder)))) as image:
        (problem,) = image.problems
        assert problem.code is ProblemCode.BLOB_MISSING
        assert URL in problem.detail
        assert "foreign" in problem.detail
        assert [layer.is_present for layer in image.layers] == [False, True]
        assert [entry.path for entry in image.layers[1].entries] == [
            b"Files",
            b"Files/app.exe",
            b"Hives",
        ]
        with pytest.raises(MissingBlobError, match=builder.build().layers[0].digest):
            _ = image.filesystem


def test_a_list_that_tells_where_foreign_layers_come_from() -> None:
    """Next in line: `LayerSources` in a Docker archive of a Windows image was an unknown key.

    https://github.com/GoogleContainerTools/jib/issues/2288
    """
    builder = ImageBuilder([WITHHELD, WINDOWS], tags=["a:1"], platform="windows/amd64")
    base = builder.build().layers[0]
    layout = docker_legacy_layout(builder)
    listed = layout["manifest.json"]
    assert isinstance(listed, bytes)
    source = '{"mediaType":"%s","size":5,"digest":"sha256:%s","urls":["%s"]}'
    told = source % (FOREIGN, "5" * 64, URL)
    sources = f'"LayerSources":{{"{base.diff_id}":{told}}}}}]'
    layout["manifest.json"] = listed.removesuffix(b"}]") + b"," + sources.encode()
    with open_image(io.BytesIO(archive(layout))) as image:
        assert image.layers[0].record.descriptor is not None
        assert image.layers[0].record.descriptor.urls == (URL,)
        assert [problem.code for problem in image.problems] == [ProblemCode.BLOB_MISSING]
        assert URL in image.problems[0].detail
        assert not verify(image).is_verified


def test_a_foreign_layer_that_is_there_is_read_as_any_other() -> None:
    """Next in line: a foreign layer was passed over for its type, also where it was saved.

    https://github.com/containerd/containerd/issues/4396
    """
    held = LayerSpec(WITHHELD.members, media_type=FOREIGN, descriptor={"urls": [URL]})
    layout: Layout = oci_layout(ImageBuilder([held, WINDOWS], platform="windows/amd64"))
    with open_image(io.BytesIO(archive(layout))) as image:
        assert shown(image).keys() == {"Files", "Files/app.exe", "Files/base", "Hives"}
        assert verify(image).is_verified


def test_a_file_whose_own_name_is_a_whiteouts(tmp_path: Path) -> None:
    """Next in line: a file that is really called `.wh.x` is a whiteout, and its content was lost.

    No layer can say it; the file is no part of the filesystem, and stays an entry with content.
    https://github.com/opencontainers/image-spec/issues/24
    """
    layers = ([file("notes", b"1"), file("other")], [file(".wh.notes", b"text")])
    assert merged(tmp_path, *layers) == {"other": "file "}
    with image_of(*layers) as image:
        entry = image.layers[1].entries[0]
        assert (entry.path, entry.size) == (b".wh.notes", 4)
        with image.open_content(entry) as content:
            assert content.read() == b"text"
        extract_layers(image, tmp_path / "layers")
    assert os.listdir(tmp_path / "layers" / "layer-001") == [".wh.notes"]  # noqa: PTH208
    assert (tmp_path / "layers" / "layer-001" / ".wh.notes").read_bytes() == b"text"
