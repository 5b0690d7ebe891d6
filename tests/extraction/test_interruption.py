"""Damage, absence and interruption leave a partial result, never one that looks whole."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from imgforensics import extract, extract_layers, open_image, write_tar
from imgforensics.errors import MissingBlobError
from imgforensics.testing import (
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    file,
    oci_layout,
    pack,
    symlink,
    tar,
)
from tests.extraction.building import (
    EVERY_FORM,
    Extraction,
    image_of,
    names,
)

MEMBERS = [directory("d"), file("d/f", b"content"), symlink("l", "d/f")]


def wrong_diff_id() -> LayerSpec:
    return LayerSpec(MEMBERS, diff_id="sha256:" + "0" * 64)


def truncated() -> LayerSpec:
    blob = pack([tar([file("a", b"a"), file("b", os.urandom(50_000))])], Packing.GZIP)
    return LayerSpec(blob=blob[: len(blob) // 2], diff_id="sha256:" + "0" * 64)


@EVERY_FORM
@pytest.mark.parametrize("layer", [wrong_diff_id(), truncated()], ids=["diff-id", "truncated"])
@pytest.mark.parametrize("force", [False, True])
def test_damage_leaves_a_partial_result(
    form: Extraction, layer: LayerSpec, force: bool, tmp_path: Path
) -> None:
    if force:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "old").touch()
        (tmp_path / "out.extraction.json").write_text('{"schema": "imgforensics.extraction/1"}')
    with image_of(tmp_path, [file("below", b"below")], layer) as image:
        record = form(image, tmp_path / "out", force=force)
    assert not record.is_complete
    assert record.output == str(tmp_path / "out.partial")
    assert (tmp_path / "out.partial").exists()
    assert (tmp_path / "out" / "old").exists() == force
    assert (tmp_path / "out").exists() == force
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document["complete"] is False
    assert any(problem["severity"] == "error" for problem in document["problems"])


def test_content_that_is_cut_short_is_recorded(tmp_path: Path) -> None:
    with image_of(tmp_path, truncated()) as image:
        record = extract(image, tmp_path / "out")
        write_tar(image, tmp_path / "out.tar")
    cut = [d.path for d in record.deviations if d.reason.value == "content-cut-short"]
    assert cut == [b"b"]
    assert (tmp_path / "out.partial" / "a").read_bytes() == b"a"
    assert 0 < (tmp_path / "out.partial" / "b").stat().st_size < 50_000


@EVERY_FORM
def test_a_wrong_digest_leaves_a_partial_result(form: Extraction, tmp_path: Path) -> None:
    layout = oci_layout(ImageBuilder([MEMBERS, [file("x", b"x")]]))
    index = json.loads(str(layout["index.json"], "utf-8"))  # type: ignore[arg-type]
    manifest = "blobs/" + index["manifests"][0]["digest"].replace(":", "/")
    lowest = json.loads(str(layout[manifest], "utf-8"))["layers"][0]["digest"]  # type: ignore[arg-type]
    layout["blobs/" + lowest.replace(":", "/")] = pack([tar([file("other", b"")])], Packing.GZIP)
    (tmp_path / "image.tar").write_bytes(archive(layout))
    with open_image(tmp_path / "image.tar") as image:
        record = form(image, tmp_path / "out")
    assert not record.is_complete
    assert not (tmp_path / "out").exists()
    assert {"digest-mismatch"} <= {problem.code.label for problem in record.problems}


ABSENT = LayerSpec([file("x", b"x")], absent=True)


@pytest.mark.parametrize("form", [extract, write_tar])
def test_with_an_absent_layer_nothing_is_written(
    form: Extraction, tmp_path: Path, passes: list[int]
) -> None:
    with image_of(tmp_path, MEMBERS, ABSENT, [file("y", b"y")]) as image:
        with pytest.raises(MissingBlobError, match="layer 1"):
            form(image, tmp_path / "out")
        assert names(tmp_path) == ["image.tar"]
        assert passes == []
        form(image, tmp_path / "out", layer=0)
    assert (tmp_path / "out").exists()


def test_layers_are_written_beside_an_absent_one(tmp_path: Path) -> None:
    with image_of(tmp_path, MEMBERS, ABSENT, [file("y", b"y")]) as image:
        record = extract_layers(image, tmp_path / "out")
        assert names(tmp_path) == ["image.tar", "out.extraction.json", "out.partial"]
        assert names(tmp_path / "out.partial") == ["layer-000", "layer-002"]
        assert (tmp_path / "out.partial" / "layer-002" / "y").read_bytes() == b"y"
        assert not record.is_complete
        missing = [p.where.layer for p in record.problems if p.action == "left out of the output"]
        assert missing == [1]
        assert extract_layers(image, tmp_path / "lowest", layer=0).is_complete


@EVERY_FORM
def test_an_interruption_leaves_a_partial_result(form: Extraction, tmp_path: Path) -> None:
    members = [file(f"f{number}", os.urandom(100_000)) for number in range(40)]

    def interrupt(size: int) -> None:
        raise KeyboardInterrupt

    with image_of(tmp_path, members) as image, pytest.raises(KeyboardInterrupt):
        form(image, tmp_path / "out", progress=interrupt)
    assert names(tmp_path) == ["image.tar", "out.partial"]


CHILD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from imgforensics import extract, open_image
source, output = map(Path, sys.argv[1:])
def slow(size):
    print("reading", flush=True)
    time.sleep(0.02)
with open(source, "rb") as file:
    extract(open_image(file, spool_directory=output.parent), output, progress=slow)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_kill_leaves_a_partial_result_and_no_spool(tmp_path: Path, number: int) -> None:
    members = [file(f"f{index}", os.urandom(400_000)) for index in range(10)]
    source = tmp_path / "image.tar.xz"
    source.write_bytes(archive(oci_layout(ImageBuilder([members])), packing=Packing.XZ))
    (tmp_path / "work").mkdir()
    command = [sys.executable, "-c", CHILD, str(source), str(tmp_path / "work" / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.readline()
        child.send_signal(number)
        try:
            assert child.wait(20) != 0
        finally:
            child.kill()
    assert names(tmp_path / "work") == ["out.partial"]
