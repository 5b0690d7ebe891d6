"""The images that tests are built on, against the tools that read such images."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imgforensics.digests import Digest
from imgforensics.testing import (
    OMIT,
    Entry,
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    Layout,
    Link,
    Packing,
    SparseFormat,
    TarFormat,
    archive,
    attestation,
    device,
    directory,
    directory_layout,
    docker_layout,
    docker_legacy_layout,
    fifo,
    file,
    global_records,
    gzip_member,
    hard_link,
    oci_layout,
    opaque,
    pack,
    raw,
    skippable_frame,
    sparse_file,
    symlink,
    tar,
    whiteout,
    write_layout,
)

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


def run(*command: str | Path, stdin: bytes = b"") -> bytes:
    """Run an oracle and return its output; skip where it is not installed."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def document(layout: Layout, name: str) -> Any:
    content = layout[name]
    assert isinstance(content, bytes)
    return json.loads(content)


def read_by_tarfile(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        return {member.name: member for member in opened.getmembers()}


@pytest.mark.parametrize("tar_format", TarFormat)
def test_tarfile_reads_every_kind_in_every_format(tar_format: TarFormat) -> None:
    members = [
        directory("d", mode=0o1777, uid=1000, gid=2000),
        file("d/file", b"content", mode=0o4755, mtime=1_700_000_000),
        symlink("d/link", "file"),
        hard_link("d/hard", "d/file"),
        fifo("d/fifo"),
    ]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert [member.type for member in found.values()] == [b"5", b"0", b"2", b"1", b"6"]
    assert (found["d"].mode, found["d"].uid, found["d"].gid) == (0o1777, 1000, 2000)
    assert (found["d/file"].mode, found["d/file"].mtime) == (0o4755, 1_700_000_000)
    assert (found["d/link"].linkname, found["d/hard"].linkname) == ("file", "d/file")


@pytest.mark.parametrize("tar_format", [TarFormat.USTAR, TarFormat.GNU, TarFormat.PAX])
def test_tarfile_reads_devices_and_owners_names(tar_format: TarFormat) -> None:
    members = [
        device("null", 1, 3, user_name="root", group_name="wheel"),
        device("disk", 8, 1, block=True),
    ]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert (found["null"].devmajor, found["null"].devminor) == (1, 3)
    assert (found["null"].uname, found["null"].gname) == ("root", "wheel")
    assert found["disk"].isblk()


@pytest.mark.parametrize("tar_format", [TarFormat.GNU, TarFormat.PAX])
@pytest.mark.parametrize("length", [99, 100, 101, 155, 256, 257, 4000])
@pytest.mark.parametrize("slashes", [True, False])
def test_names_and_targets_of_any_length(tar_format: TarFormat, length: int, slashes: bool) -> None:
    name = ("abcdefghi/" if slashes else "abcdefghij") * 400
    name = name[: length - 1] + "z"
    found = read_by_tarfile(tar([file(name), symlink("link", name)], tar_format=tar_format))
    assert list(found) == [name, "link"]
    assert found["link"].linkname == name


def test_ustar_splits_a_name_at_a_slash_or_refuses_it() -> None:
    name = "p" * 100 + "/" + "n" * 100
    assert list(read_by_tarfile(tar([file(name)], tar_format=TarFormat.USTAR))) == [name]
    with pytest.raises(ValueError, match="does not fit ustar"):
        tar([file("n" * 101)], tar_format=TarFormat.USTAR)
    with pytest.raises(ValueError, match="does not fit v7"):
        tar([file("a", uid=8**8)], tar_format=TarFormat.V7)


@pytest.mark.parametrize("tar_format", [TarFormat.GNU, TarFormat.PAX])
def test_numbers_of_any_size(tar_format: TarFormat) -> None:
    members = [file("big", uid=2**31, gid=2**32, mtime=2**40), file("past", mtime=-5)]
    found = read_by_tarfile(tar(members, tar_format=tar_format))
    assert (found["big"].uid, found["big"].gid, found["big"].mtime) == (2**31, 2**32, 2**40)
    assert found["past"].mtime == -5


def test_records_of_a_pax_member() -> None:
    members = [
        global_records([("comment", b"for all")]),
        file("a", mtime=Decimal("1700000000.123456789"), xattrs={"user.x": b"\0\xff\n"}),
        file("b", pax=[("path", b"c")]),
    ]
    found = read_by_tarfile(tar(members))
    assert found["a"].pax_headers["mtime"] == "1700000000.123456789"
    assert found["a"].pax_headers["comment"] == "for all"
    stored = found["a"].pax_headers["SCHILY.xattr.user.x"]
    assert stored.encode("utf-8", "surrogateescape") == b"\0\xff\n"
    assert list(found) == ["a", "c"]


@pytest.mark.parametrize("name", [b"../x", b"/abs", b".", b"", b"\xff", b"a//b/../c", b"a\nb"])
def test_hostile_names_are_written_as_given(name: bytes) -> None:
    for tar_format in TarFormat:
        assert tar([file(name)], tar_format=tar_format)[:100].rstrip(b"\0") == name


def test_a_size_may_be_a_lie_and_raw_bytes_stand_as_they_are() -> None:
    lie = tar([file("a", b"abc", declared_size=5)])
    assert read_by_tarfile(lie + bytes(512))["a"].size == 5
    assert tar([raw(b"anything"), file("a")], end=b"") == b"anything" + tar([file("a")], end=b"")


def test_whiteouts_are_named_as_the_specification_says() -> None:
    written = [whiteout("a/b"), whiteout("b"), opaque("a/b/"), opaque("")]
    names = [entry.name for entry in written]
    assert names == [b"a/.wh.b", b".wh.b", b"a/b/.wh..wh..opq", b".wh..wh..opq"]


@pytest.mark.oracle
@pytest.mark.parametrize("sparse_format", SparseFormat)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 25, 26, 50])
def test_gnu_tar_reads_sparse_files(
    sparse_format: SparseFormat, count: int, tmp_path: Path
) -> None:
    extents = [(4096 * number, b"data %03d" % number * 64) for number in range(1, count + 1)]
    size = 4096 * (count + 2)
    expected = bytearray(size)
    for offset, data in extents:
        expected[offset : offset + len(data)] = data
    members: list[Entry] = [
        sparse_file("d/sparse", size, extents, sparse_format=sparse_format, mode=0o640),
        file("after", b"after"),
    ]
    tar_format = TarFormat.GNU if sparse_format is SparseFormat.OLD_GNU else TarFormat.PAX
    data = tar(members, tar_format=tar_format)
    run("tar", "-xf", "-", "-C", tmp_path, stdin=data)
    assert (tmp_path / "d/sparse").read_bytes() == expected
    assert (tmp_path / "after").read_bytes() == b"after"
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        content = opened.extractfile("d/sparse")
        assert content is not None
        assert content.read() == expected


@pytest.mark.oracle
@pytest.mark.parametrize("tar_format", TarFormat)
def test_gnu_tar_extracts_what_is_described(tar_format: TarFormat, tmp_path: Path) -> None:
    run("tar", "-xpf", "-", "-C", tmp_path, stdin=tar(BASE.members, tar_format=tar_format))
    passwd = tmp_path / "etc/passwd"
    assert passwd.read_bytes() == b"root\n"
    assert passwd.stat().st_mode & 0o7777 == 0o600
    assert passwd.stat().st_mtime_ns == 1_700_000_000 * 10**9
    assert passwd.samefile(tmp_path / "etc/hard")
    assert (tmp_path / "etc/link").readlink() == Path("passwd")


@pytest.mark.oracle
@pytest.mark.parametrize("packing", [packing for packing in Packing if packing is not Packing.NONE])
def test_the_tools_unpack_what_is_packed(packing: Packing) -> None:
    parts = [b"one" * 1000, b"", b"two" * 1000]
    stored = pack(parts, packing)
    assert run(packing.compression, "-dc", stdin=stored) == b"".join(parts)
    assert pack(parts, packing) == stored
    assert pack(parts, Packing.NONE) == b"".join(parts)


@pytest.mark.oracle
def test_the_tools_read_single_members_and_frames() -> None:
    member = gzip_member(b"content", name=b"name", comment=b"comment", extra=b"ab\0\0")
    assert run("gzip", "-dc", stdin=member) == b"content"
    frames = skippable_frame(b"hidden", 15) + pack([b"content"], Packing.ZSTD)
    assert run("zstd", "-dc", stdin=frames) == b"content"


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


def test_times_out_of_a_headers_range_are_told_by_records() -> None:
    members = [file("a", mtime=-1.5), file("b", mtime=8**11), file("c", mtime=0.25)]
    found = read_by_tarfile(tar(members)).values()
    assert [member.mtime for member in found] == [-1.5, 8**11, 0.25]
