"""A target has its name only when it is whole, and nothing else is touched on the way."""

import errno
import json
import os
import subprocess
from pathlib import Path

import pytest

from imgforensics import Image, extract, extract_layers, open_image
from imgforensics.errors import OutputFailedError, UnsafeOutputError
from imgforensics.extraction import Selection
from imgforensics.testing import (
    ImageBuilder,
    Packing,
    archive,
    directory,
    file,
    oci_layout,
    write_layout,
)
from tests.extraction.as_nobody import as_nobody
from tests.extraction.building import (
    EVERY_FORM,
    MEMBERS,
    Extraction,
    image_of,
    mounted,
    names,
    needs_root,
)

# A whole result.


@EVERY_FORM
def test_the_record_stands_beside(form: Extraction, image: Image, tmp_path: Path) -> None:
    record = form(image, tmp_path / "out")
    assert names(tmp_path) == ["out", "out.extraction.json", "source"]
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document == json.loads(json.dumps(record.to_json()))
    assert document["schema"] == "imgforensics.extraction/1"
    assert document["complete"] is True
    assert document["output"] == str(tmp_path / "out")
    assert document["source"] == str(tmp_path / "source" / "image.tar")
    assert document["image"]["digest"] == str(image.digest)
    assert [layer["diff_id"] for layer in document["image"]["layers"]] == [
        str(image.layers[0].diff_id)
    ]
    assert document["rules"] == ("raw" if form is extract_layers else "overlayfs")
    assert document["counts"]["file"] == 1
    assert document["content_bytes"] == len(b"content")


def test_parents_are_made(image: Image, tmp_path: Path) -> None:
    extract(image, tmp_path / "a" / "b" / "out")
    assert (tmp_path / "a" / "b" / "out" / "d" / "f").read_bytes() == b"content"


def test_a_relative_target(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = extract(image, "out")
    assert record.output == str(tmp_path / "out")


@pytest.mark.parametrize("form", [extract, extract_layers])
def test_an_empty_directory_is_taken(form: Extraction, image: Image, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    form(image, tmp_path / "out")
    assert names(tmp_path / "out") in (["d", "l"], ["layer-000"])


# What exists.


@EVERY_FORM
@pytest.mark.parametrize("ending", ["", ".partial"])
@pytest.mark.parametrize("kind", ["full", "file", "link", "broken-link"])
def test_what_exists_is_refused_and_replaced_by_force(
    form: Extraction, ending: str, kind: str, image: Image, tmp_path: Path
) -> None:
    existing = tmp_path / f"out{ending}"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"kept")
    if kind == "full":
        form(image, tmp_path / "out")
        (tmp_path / "out").rename(existing)
        if existing.is_dir():
            (existing / "old").write_bytes(b"old")
    elif kind == "file":
        existing.write_bytes(b"old")
    else:
        existing.symlink_to(elsewhere if kind == "link" else "nowhere")
    before = names(tmp_path)
    with pytest.raises(UnsafeOutputError, match="exists"):
        form(image, tmp_path / "out")
    assert names(tmp_path) == before
    form(image, tmp_path / "out", force=True)
    assert names(tmp_path) == ["elsewhere", "out", "out.extraction.json", "source"]
    assert not (tmp_path / "out").is_symlink()
    assert not (tmp_path / "out" / "old").exists()
    assert names(elsewhere) == ["kept"]


@EVERY_FORM
@pytest.mark.parametrize("record", ["none", "other", "link"])
def test_a_directory_of_others_is_never_replaced(
    form: Extraction, record: str, image: Image, tmp_path: Path
) -> None:
    """And nobody is told that `--force` would."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").write_bytes(b"mine")
    if record == "other":
        (tmp_path / "out.extraction.json").write_text("{}")
    elif record == "link":
        form(image, tmp_path / "else")
        (tmp_path / "out.extraction.json").symlink_to("else.extraction.json")
    before = names(tmp_path)
    for force in (False, True):
        with pytest.raises(UnsafeOutputError, match="move or remove it yourself") as refused:
            form(image, tmp_path / "out", force=force)
        assert "force" not in str(refused.value)
    assert names(tmp_path) == before
    assert names(tmp_path / "out") == ["notes"]


@EVERY_FORM
def test_force_replaces_an_empty_directory(form: Extraction, image: Image, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert form(image, tmp_path / "out", force=True).output == str(tmp_path / "out")


@EVERY_FORM
@pytest.mark.parametrize("where", ["out", "out/below", "out.partial", "out.partial/below"])
def test_the_working_directory_is_no_target(
    form: Extraction, where: str, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor one above it, whoever wrote it, and be it empty."""
    (tmp_path / where).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / where)
    (tmp_path / "out.extraction.json").write_text('{"schema": "imgforensics.extraction/1"}')
    before = sorted(tmp_path.rglob("*"))
    for target in (tmp_path / "out", Path() if where == "out" else tmp_path / "out"):
        for force in (False, True):
            with pytest.raises(UnsafeOutputError, match="working directory"):
                form(image, target, force=force)
    assert sorted(tmp_path.rglob("*")) == before


def test_force_replaces_what_is_too_deep_for_recursion(tmp_path: Path) -> None:
    members = [file(b"d/" * 1_900 + b"f", b"deep"), directory(".removed-0"), file("x", b"")]
    try:
        with image_of(tmp_path, members) as image:
            extract(image, tmp_path / "out")
            extract(image, tmp_path / "out", selection=Selection("none"), force=True)
        assert names(tmp_path / "out") == []
    finally:
        # What a failure leaves is too deep for pytest's own cleaning.
        subprocess.run(["rm", "-rf", tmp_path / "out", tmp_path / "out.partial"], check=True)


@needs_root[0]
@needs_root[1]
def test_force_replaces_what_its_owner_may_not_write_to(tmp_path: Path) -> None:
    above = tmp_path
    while above != above.parent:
        above.chmod(above.stat().st_mode | 0o111)
        above = above.parent
    tmp_path.chmod(0o777)
    image_of(
        tmp_path, [directory("d", mode=0o555), directory("d/e", mode=0), file("d/f", b"")]
    ).close()
    (tmp_path / "image.tar").chmod(0o644)

    def work() -> list[str]:
        with open_image(tmp_path / "image.tar") as image:
            extract(image, tmp_path / "out")
            extract(image, tmp_path / "out", selection=Selection("none"), force=True)
        return names(tmp_path / "out")

    assert as_nobody(work) == []


@needs_root[0]
@needs_root[1]
def test_force_deletes_nothing_that_is_mounted_in_the_target(image: Image, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "data").write_bytes(b"data")
    inside = tmp_path / "out" / "d" / "mnt with space"
    extract(image, tmp_path / "out")
    inside.mkdir()
    with mounted("--bind", precious, inside):
        with pytest.raises(OutputFailedError, match="mounted"):
            extract(image, tmp_path / "out", force=True)
        assert (precious / "data").read_bytes() == b"data"
        assert (inside / "data").exists()


@needs_root[0]
@needs_root[1]
def test_a_mount_point_is_no_target(image: Image, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with mounted("-t", "tmpfs", "none", tmp_path / "out"):
        for force in (False, True):
            with pytest.raises(UnsafeOutputError, match="mount point"):
                extract(image, tmp_path / "out", force=force)


@pytest.mark.parametrize("target", ["/", "..", "a/.."])
def test_names_that_are_no_target(
    target: str, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work" / "a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work")
    for force in (False, True):
        with pytest.raises(UnsafeOutputError):
            extract(image, target, force=force)
    assert names(tmp_path) == ["source", "work"]


@EVERY_FORM
@pytest.mark.parametrize("kind", ["link", "broken-link", "text", "json", "empty", "other-schema"])
def test_what_is_no_record_is_replaced_by_force_alone(
    form: Extraction, kind: str, image: Image, tmp_path: Path
) -> None:
    existing = tmp_path / "out.extraction.json"
    victim = tmp_path / "victim"
    victim.write_bytes(b'{"schema": "imgforensics.extraction/1"}')
    contents = {
        "text": "precious",
        "json": '{"a": "imgforensics.extraction/1"}',
        "empty": "",
        "other-schema": '{"schema": "imgforensics.extraction/10"}',
    }
    if kind in contents:
        existing.write_text(contents[kind])
    else:
        existing.symlink_to("victim" if kind == "link" else "nowhere")
    before = names(tmp_path)
    with pytest.raises(UnsafeOutputError, match="no record"):
        form(image, tmp_path / "out")
    assert names(tmp_path) == before
    form(image, tmp_path / "out", force=True)
    assert victim.read_bytes() == b'{"schema": "imgforensics.extraction/1"}'
    assert not existing.is_symlink()
    assert json.loads(existing.read_text())["complete"]


@EVERY_FORM
def test_an_older_record_is_replaced(form: Extraction, image: Image, tmp_path: Path) -> None:
    form(image, tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "elsewhere")
    record = form(image, tmp_path / "out", selection=Selection(exclude=("l",)))
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document == json.loads(json.dumps(record.to_json()))
    assert document["options"]["exclude"] == ["l"]


@EVERY_FORM
@pytest.mark.parametrize("force", [False, True])
def test_a_directory_with_the_record_s_name_is_kept(
    form: Extraction, force: bool, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "out.extraction.json").mkdir()
    with pytest.raises(UnsafeOutputError, match="directory"):
        form(image, tmp_path / "out", force=force)
    assert names(tmp_path) == ["out.extraction.json", "source"]


@EVERY_FORM
def test_a_record_half_written_is_replaced_by_force_alone(
    form: Extraction, image: Image, tmp_path: Path
) -> None:
    (tmp_path / "out.extraction.json.partial").write_text("{")
    with pytest.raises(UnsafeOutputError, match="exists"):
        form(image, tmp_path / "out")
    form(image, tmp_path / "out", force=True)
    assert names(tmp_path) == ["out", "out.extraction.json", "source"]


@EVERY_FORM
def test_the_record_is_there_before_the_result(
    form: Extraction, image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs: list[str] = []

    def refuse(old: Path, new: Path) -> None:
        assert (old, new) == (tmp_path / "out.partial", tmp_path / "out")
        outputs.append(json.loads((tmp_path / "out.extraction.json").read_text())["output"])
        raise OSError(errno.EIO, "refused")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        with pytest.raises(OutputFailedError, match=r"whole result is in .*out\.partial"):
            form(image, tmp_path / "out")
    assert outputs == [str(tmp_path / "out")]
    assert names(tmp_path) == ["out.extraction.json", "out.partial", "source"]
    document = json.loads((tmp_path / "out.extraction.json").read_text())
    assert document["output"] == str(tmp_path / "out.partial")


# The evidence.


@EVERY_FORM
@pytest.mark.parametrize("packing", [Packing.NONE, Packing.XZ])
def test_the_source_is_not_altered(form: Extraction, packing: Packing, tmp_path: Path) -> None:
    folder = tmp_path / "source"
    folder.mkdir()
    source = folder / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder([MEMBERS])), packing=packing))
    os.utime(source, ns=(1, 2))
    facts = source.stat()
    before = (facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns, source.stat().st_size)
    with open_image(source) as image:
        form(image, tmp_path / "out")
    facts = source.stat()
    assert (facts.st_atime_ns, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_size) == before
    assert names(folder) == ["image.tar"]


@EVERY_FORM
def test_a_source_directory_is_not_altered(form: Extraction, tmp_path: Path) -> None:
    source = tmp_path / "layout"
    write_layout(oci_layout(ImageBuilder([MEMBERS])), source)
    paths = [source, *source.rglob("*")]
    for path in reversed(paths):
        os.utime(path, ns=(1, 2))
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths}
    files = [path for path in paths if path.is_file()]
    with open_image(source) as image:
        form(image, tmp_path / "out")
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ctime_ns) for path in paths} == before
    assert [source, *source.rglob("*")] == paths
    assert {path.stat().st_atime_ns for path in files} == {1}


@EVERY_FORM
@pytest.mark.parametrize("target", ["source", "source/image.tar", "source/..", "link"])
def test_a_target_that_would_replace_the_source_is_refused(
    form: Extraction, target: str, image: Image, tmp_path: Path
) -> None:
    content = (tmp_path / "source" / "image.tar").read_bytes()
    (tmp_path / "link").symlink_to("source/image.tar")
    if target == "link":
        # A link to the source may go; the source may not.
        form(image, tmp_path / target, force=True)
    else:
        with pytest.raises(UnsafeOutputError):
            form(image, tmp_path / target, force=True)
    assert (tmp_path / "source" / "image.tar").read_bytes() == content


@EVERY_FORM
@pytest.mark.parametrize(
    "name", ["out.partial", "out.extraction.json", "out.extraction.json.partial"]
)
def test_a_source_with_a_name_of_ours_is_not_replaced(
    form: Extraction, name: str, tmp_path: Path
) -> None:
    source = tmp_path / name
    source.write_bytes(archive(oci_layout(ImageBuilder([MEMBERS]))))
    content = source.read_bytes()
    with open_image(source) as image, pytest.raises(UnsafeOutputError, match="source"):
        form(image, tmp_path / "out", force=True)
    assert source.read_bytes() == content
    assert names(tmp_path) == [name]


@EVERY_FORM
def test_a_target_inside_the_source_is_refused(form: Extraction, tmp_path: Path) -> None:
    source = tmp_path / "layout"
    write_layout(oci_layout(ImageBuilder([MEMBERS])), source)
    before = sorted(source.rglob("*"))
    with open_image(source) as image, pytest.raises(UnsafeOutputError, match="source"):
        form(image, source / "blobs" / "out")
    assert sorted(source.rglob("*")) == before
