"""Archives and layouts as they are described, against the engines that read them."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from imgforensics.digests import Digest
from imgforensics.testing import (
    OMIT,
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    Layout,
    Link,
    Packing,
    archive,
    attestation,
    directory,
    directory_layout,
    docker_layout,
    docker_legacy_layout,
    file,
    hard_link,
    oci_layout,
    pack,
    symlink,
    tar,
    whiteout,
    write_layout,
)
from tests.testing.oracles import read_by_tarfile, run

BASE = LayerSpec(
    [
        directory("etc/"),
        file("etc/passwd", b"root\n", mode=0o600, mtime=1_700_000_000),
        symlink("etc/link", "passwd"),
        hard_link("etc/hard", "etc/passwd"),
        directory("gone/"),
        file("gone/file", b"gone"),
    ],
    created_by="COPY etc /etc",
)
IMAGE = ImageBuilder(
    [BASE, Instruction("ENV A=1"), [whiteout("gone"), file("added", b"added")]],
    tags=["example:1"],
    config={"Env": ["A=1"]},
)


def document(layout: Layout, name: str) -> Any:
    content = layout[name]
    assert isinstance(content, bytes)
    return json.loads(content)


LAYOUTS = {
    "docker-archive": docker_layout(IMAGE),
    "docker-archive legacy": docker_legacy_layout(IMAGE),
    "oci-archive": oci_layout(IMAGE),
}


@pytest.mark.oracle
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="it sets owners")
@pytest.mark.parametrize("form", LAYOUTS)
def test_skopeo_reads_archives_of_every_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(archive(LAYOUTS[form]))
    source = f"{form.split(maxsplit=1)[0]}:{path}"
    inspected = json.loads(run("skopeo", "inspect", source))
    assert (inspected["Architecture"], inspected["Os"]) == ("amd64", "linux")
    assert inspected["Env"] == ["A=1"]
    assert len(inspected["Layers"]) == 2
    run("skopeo", "copy", source, f"oci:{tmp_path / 'copy'}:copied")
    run("umoci", "raw", "unpack", "--image", f"{tmp_path / 'copy'}:copied", tmp_path / "rootfs")
    assert (tmp_path / "rootfs/etc/hard").read_bytes() == b"root\n"
    assert sorted(path.name for path in (tmp_path / "rootfs").iterdir()) == ["added", "etc"]


@pytest.mark.oracle
@pytest.mark.parametrize("form", ["dir", "oci"])
def test_skopeo_reads_directories(form: str, tmp_path: Path) -> None:
    write_layout(directory_layout(IMAGE) if form == "dir" else oci_layout(IMAGE), tmp_path / "from")
    run("skopeo", "copy", f"{form}:{tmp_path / 'from'}", f"docker-archive:{tmp_path / 'to.tar'}")
    with tarfile.open(tmp_path / "to.tar") as copied:
        manifest = copied.extractfile("manifest.json")
        assert manifest is not None
        assert len(json.load(manifest)[0]["Layers"]) == 2


@pytest.mark.oracle
@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="it sets owners")
@pytest.mark.parametrize(
    "packing", [Packing.NONE, Packing.GZIP, Packing.GZIP_MEMBERS, Packing.ESTARGZ]
)
@pytest.mark.parametrize("docker_types", [False, True])
def test_umoci_verifies_layers_of_every_packing(
    packing: Packing, docker_types: bool, tmp_path: Path
) -> None:
    layers = [LayerSpec(BASE.members, packing=packing)]
    image = ImageBuilder(layers, tags=["latest"], docker_types=docker_types)
    write_layout(directory_layout(image), tmp_path / "from")
    to = f"oci:{tmp_path / 'copy'}:latest"
    run("skopeo", "copy", "--format", "oci", f"dir:{tmp_path / 'from'}", to)
    run("umoci", "raw", "unpack", "--image", f"{tmp_path / 'copy'}:latest", tmp_path / "rootfs")
    assert (tmp_path / "rootfs/gone/file").read_bytes() == b"gone"


@pytest.mark.oracle
def test_skopeo_chooses_among_nested_indexes(tmp_path: Path) -> None:
    amd64 = ImageBuilder([BASE])
    arm64 = ImageBuilder([[file("arm")]], platform="linux/arm64/v8")
    index = IndexSpec(
        [amd64, arm64, attestation(amd64), ImageBuilder(platform="linux/s390x", absent=True)],
        tags=["multi"],
    )
    layout = oci_layout(index)
    write_layout(layout, tmp_path)
    source = f"oci:{tmp_path}:multi"
    inspected = json.loads(run("skopeo", "inspect", "--override-arch", "arm64", source))
    assert inspected["Architecture"] == "arm64"
    nested = document(layout, f"blobs/sha256/{index.build().digest.removeprefix('sha256:')}")
    platforms = [manifest["platform"]["architecture"] for manifest in nested["manifests"]]
    assert platforms == ["amd64", "arm64", "unknown", "s390x"]
    held = [f"blobs/{line['digest'].replace(':', '/')}" in layout for line in nested["manifests"]]
    assert held == [True, True, True, False]
    reference = nested["manifests"][2]["annotations"]["vnd.docker.reference.digest"]
    assert reference == nested["manifests"][0]["digest"]


def test_history_pairs_layers_and_instructions() -> None:
    history = json.loads(IMAGE.build().config)["history"]
    lines = [(line["created_by"], line.get("empty_layer", False)) for line in history]
    assert lines == [("COPY etc /etc", False), ("ENV A=1", True), ("", False)]


def test_blobs_are_named_by_their_digests_and_diff_ids_by_their_tars() -> None:
    built = IMAGE.build(Packing.ZSTD)
    assert all(str(Digest.of(blob)) == digest for digest, blob in built.blobs.items())
    assert [str(Digest.of(layer.tar)) for layer in built.layers] == json.loads(built.config)[
        "rootfs"
    ]["diff_ids"]
    assert built.layers[0].tar == tar(BASE.members)
    media_type = built.layers[0].descriptor["mediaType"]
    assert media_type == "application/vnd.oci.image.layer.v1.tar+zstd"


def test_what_is_declared_may_be_wrong() -> None:
    wrong = str(Digest.of(b"other"))
    spec = LayerSpec(blob=b"blob", digest=wrong, diff_id=wrong, size=7, media_type="odd")
    layout = oci_layout(ImageBuilder([spec], manifest={"mediaType": OMIT, "annotations": None}))
    manifest = json.loads(ImageBuilder([spec]).build().manifest)
    assert manifest["layers"] == [{"mediaType": "odd", "digest": wrong, "size": 7}]
    assert layout[f"blobs/{wrong.replace(':', '/')}"] == b"blob"
    stored = document(layout, "index.json")["manifests"][0]["digest"].replace(":", "/")
    altered = document(layout, f"blobs/{stored}")
    assert "mediaType" not in altered
    assert altered["annotations"] is None


def test_an_absent_layer_is_declared_and_not_held() -> None:
    spec = LayerSpec([file("a")], absent=True)
    built = ImageBuilder([spec]).build()
    assert built.layers[0].digest not in built.blobs
    legacy = docker_legacy_layout(ImageBuilder([spec]))
    assert document(legacy, "manifest.json")[0]["Layers"][0] not in legacy


@pytest.mark.parametrize("hard", [False, True])
def test_a_legacy_layer_that_occurs_again_is_a_link(hard: bool) -> None:
    layout = docker_legacy_layout(ImageBuilder([BASE, BASE]), hard=hard)
    first, second = document(layout, "manifest.json")[0]["Layers"]
    assert layout[second] == Link(first if hard else "../" + first, hard=hard)
    members = read_by_tarfile(archive(layout, prefix="./"))
    link = members[f"./{second}"]
    assert (link.islnk() if hard else link.issym(), link.linkname.endswith(first)) == (True, True)


@pytest.mark.parametrize("hard", [False, True])
def test_links_are_links_in_directories_too(hard: bool, tmp_path: Path) -> None:
    layout = docker_legacy_layout(ImageBuilder([BASE, BASE]), hard=hard)
    write_layout(layout, tmp_path)
    first, second = document(layout, "manifest.json")[0]["Layers"]
    assert (tmp_path / first).samefile(tmp_path / second)
    assert (tmp_path / second).is_symlink() is not hard


def test_several_images_share_an_archive() -> None:
    other = ImageBuilder([BASE, [file("other")]], tags=["other:2", "other:3"])
    untagged = ImageBuilder([BASE])
    images = (IMAGE, other, untagged)
    for layout in (docker_layout(*images), docker_legacy_layout(*images)):
        lines = document(layout, "manifest.json")
        assert [line["RepoTags"] for line in lines] == [["example:1"], ["other:2", "other:3"], None]
        assert len({line["Layers"][0] for line in lines}) == 1
        assert all(name in layout for line in lines for name in [line["Config"], *line["Layers"]])
        assert sorted(document(layout, "repositories")) == ["example", "other"]


@pytest.mark.parametrize("packing", Packing)
def test_an_archive_may_be_compressed_as_a_whole(packing: Packing) -> None:
    layout = oci_layout(IMAGE)
    assert archive(layout, packing=packing) == pack([archive(layout)], packing)


def test_the_prefix_stands_before_every_member() -> None:
    with tarfile.open(fileobj=io.BytesIO(archive(docker_layout(IMAGE), prefix="./"))) as opened:
        names = opened.getnames()
    assert names[0] == "./blobs"
    assert all(name.startswith("./") for name in names)


def test_a_layout_packs_the_layers_that_do_not_choose() -> None:
    image = ImageBuilder([[file("a")], LayerSpec([file("b")], packing=Packing.XZ)])
    index = IndexSpec([image, attestation(image, packing=Packing.ZSTD)])
    layout = oci_layout(index, packing=Packing.ZSTD)
    layout["manifest.json"] = docker_layout(image, packing=Packing.ZSTD)["manifest.json"]
    (line,) = document(layout, "manifest.json")
    blobs = [layout[name] for name in line["Layers"]]
    assert [blob[:4] for blob in blobs if isinstance(blob, bytes)] == [
        b"\x28\xb5\x2f\xfd",
        b"\xfd7zX",
    ]
    (named,) = {
        manifest["annotations"]["vnd.docker.reference.digest"]
        for manifest in json.loads(index.build(Packing.ZSTD).index)["manifests"]
        if "annotations" in manifest
    }
    assert f"blobs/{named.replace(':', '/')}" in layout
