"""Two truths in one layer: what a table of contents says, and what the tar holds.

A lazily pulling runtime shows the one, `docker load` the other; readers that know of both refuse
(https://github.com/containers/storage/pull/1627, /pull/1778, /issues/1888).
"""

from pathlib import Path
from random import Random
from typing import Any

import pytest

from imgforensics import open_image, verify
from imgforensics.layer.layer import Layer
from imgforensics.layer.stream import LayerPass
from imgforensics.problems import Severity
from imgforensics.testing import (
    ContentsTable,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    estargz_layer,
    file,
    oci_layout,
    sparse_file,
    symlink,
    zstd_chunked_layer,
)
from tests.contents_table.building import (
    MEMBERS,
    Build,
    Row,
    changed,
    forms,
    labels,
    of_tables,
    problems,
    verified,
)

OTHER = "sha256:" + "ab" * 32

# What the table says of one entry, and what must be told: both values.
LIES = {
    "mode": (
        changed("etc/passwd", mode=0o4777),
        b"etc/passwd",
        "mode: the table has 4777, the tar 0600",
    ),
    "owner": (changed("etc/passwd", uid=0), b"etc/passwd", "owner: the table has 0:8, the tar 7:8"),
    "group": (changed("etc/passwd", gid=None), b"etc/passwd", "the table has 7:0, the tar 7:8"),
    "mtime": (
        changed("etc/passwd", modtime="2001-09-09T01:46:40Z"),
        b"etc/passwd",
        "mtime: the table has 2001-09-09T01:46:40Z, the tar 2023-11-14T22:13:20Z",
    ),
    "no mtime": (
        changed("etc/passwd", modtime=None),
        b"etc/passwd",
        "the table has nothing, the tar",
    ),
    "odd mtime": (
        changed("etc/passwd", modtime="then"),
        b"etc/passwd",
        "the table has then, the tar",
    ),
    "size": (changed("etc/passwd", size=4), b"etc/passwd", "size: the table has 4, the tar 5"),
    "symlink": (
        changed("etc/link", linkName="/etc/shadow"),
        b"etc/link",
        "link: the table has /etc/shadow, the tar ../etc/passwd",
    ),
    "hard link": (
        changed("etc/hard", linkName="etc/capable"),
        b"etc/hard",
        "link: the table has etc/capable, the tar ./etc/passwd",
    ),
    "device": (
        changed("dev/null", devMinor=5),
        b"dev/null",
        "device: the table has 1,5, the tar 1,3",
    ),
    "type": (
        changed("etc/link", type="dir"),
        b"etc/link",
        "type: the table has dir, the tar symlink",
    ),
    "unknown type": (changed("run/pipe", type="door"), b"run/pipe", "type: the table has door"),
    "xattr": (
        changed("etc/capable", xattrs={"user.a": "AP8=", "user.b": "eA=="}),
        b"etc/capable",
        "xattr user.b: the table has eA==, the tar b",
    ),
    "xattr less": (
        changed("etc/capable", xattrs={"user.a": "AP8="}),
        b"etc/capable",
        "xattr user.b: the table has none, the tar b",
    ),
    "xattr more": (
        changed("etc/big", xattrs={"security.capability": "AQ=="}),
        b"etc/big",
        "xattr security.capability: the table has AQ==, the tar none",
    ),
    "digest": (
        changed("etc/plain", digest=OTHER, chunkDigest=OTHER),
        b"etc/plain",
        f"content: the table has {OTHER}, the tar sha256:",
    ),
    "chunk digest": (
        changed("etc/plain", chunkDigest=OTHER),
        b"etc/plain",
        f"content from byte 0 to 5: the table has {OTHER}, the tar sha256:",
    ),
    "another name": (
        changed("run/pipe", name="run/pipeline"),
        b"run/pipeline",
        "the table has a fifo of 0 bytes, the tar nothing",
    ),
}


@forms
@pytest.mark.parametrize("chunk_bytes", [0, 1_000, 5])
def test_an_honest_table_agrees(build: Build, chunk_bytes: int, tmp_path: Path) -> None:
    found = verified(tmp_path, build(MEMBERS, ContentsTable(chunk_bytes=chunk_bytes)))
    assert of_tables(found) == []
    assert found.is_verified
    [check] = [check for check in found.checks if check.aspect == "contents_table"]
    assert check.subject == "layer 0"
    assert check.declared == check.found is not None


@forms
@pytest.mark.parametrize("lie", LIES)
def test_every_lie_is_told_with_both_values(build: Build, lie: str, tmp_path: Path) -> None:
    table, path, detail = LIES[lie]
    found = problems(tmp_path, build(MEMBERS, table))
    assert set(labels(found)) == {"contents-table-disagrees"}
    about = [problem for problem in found if problem.where.path == path]
    assert len(about) == 1
    assert detail in about[0].detail
    assert about[0].where.layer == 0
    assert about[0].severity is Severity.WARNING
    believer = "stargz-snapshotter" if build is estargz_layer else "podman"
    assert believer in about[0].action
    assert "docker load" in about[0].action
    assert len(found) == (2 if lie == "another name" else 1)


@forms
def test_what_only_one_side_has(build: Build, tmp_path: Path) -> None:
    def rows(honest: list[Row]) -> list[Row]:
        kept = [row for row in honest if row["name"] != "etc/plain"]
        return [*kept, {"name": "etc/sudoers", "type": "reg", "mode": 0o644}]

    found = problems(tmp_path, build(MEMBERS, ContentsTable(rows)))
    assert {(problem.where.path, problem.detail) for problem in found} == {
        (b"etc/sudoers", "the table has a file of 0 bytes, the tar nothing"),
        (b"etc/plain", "the table has nothing, the tar a file"),
    }


@forms
def test_all_differences_of_an_entry_are_one_problem(build: Build, tmp_path: Path) -> None:
    [found] = problems(tmp_path, build(MEMBERS, changed("etc/passwd", mode=0o777, uid=1, size=4)))
    assert found.detail.count(": the table has ") == 3


@forms
@pytest.mark.parametrize("name", ["./etc/plain", "/etc/plain", "etc//plain/", "x/../etc/plain"])
def test_names_are_normalised_as_those_of_the_tar(build: Build, name: str, tmp_path: Path) -> None:
    assert problems(tmp_path, build(MEMBERS, changed("etc/plain", name=name))) == []


@forms
def test_times_that_go_writes_for_no_time(build: Build, tmp_path: Path) -> None:
    for time in ("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", ""):
        assert problems(tmp_path, build(MEMBERS, changed("etc/plain", modtime=time))) == []


@forms
def test_a_name_that_json_cannot_hold(build: Build, tmp_path: Path) -> None:
    """Go writes U+FFFD for what is not UTF-8, and a lazy mount shows that."""
    [found] = problems(tmp_path, build([file(b"caf\xe9", b"a"), symlink("l", b"\xff")]))
    assert found.detail == "name: the table has caf\ufffd, the tar caf\\xe9"


# Paths that occur more than once: the last counts for every reader.


@forms
def test_a_table_that_repeats_what_the_tar_repeats(build: Build, tmp_path: Path) -> None:
    twice = [directory("d"), file("d/a", b"old"), file("d/a", b"new", mode=0o600), directory("d")]
    found = verified(tmp_path, build(twice))
    assert of_tables(found) == []
    assert "entry-duplicated" in labels(list(found.problems))


@forms
def test_the_last_of_each_side_is_compared(build: Build, tmp_path: Path) -> None:
    twice = [file("a", b"harmless"), file("a", b"hostile", mode=0o4755)]
    layer = build(twice, ContentsTable(lambda rows: rows[::-1]))
    details = [problem.detail for problem in problems(tmp_path, layer)]
    assert details == [
        "mode: the table has 0644, the tar 4755; size: the table has 8, the tar 7",
    ]


@forms
def test_a_table_that_repeats_what_the_tar_has_once(build: Build, tmp_path: Path) -> None:
    layer = build([file("a", b"a")], ContentsTable(lambda rows: [*rows, {**rows[0], "mode": 0}]))
    details = [problem.detail for problem in problems(tmp_path, layer)]
    assert details == [
        "the table has it more than once, the tar once",
        "mode: the table has 0000, the tar 0644",
    ]


# Contents.


@forms
def test_one_chunk_of_many_differs(build: Build, tmp_path: Path) -> None:
    def rows(honest: list[Row]) -> list[Row]:
        [row] = [row for row in honest if row.get("chunkOffset") == 2_000]
        row["chunkDigest"] = OTHER
        return honest

    [found] = problems(tmp_path, build(MEMBERS, ContentsTable(rows, chunk_bytes=1_000)))
    assert found.where.path == b"etc/big"
    assert found.detail.startswith(f"content from byte 2000 to 3000: the table has {OTHER}")


def test_a_chunk_of_zeros_is_no_hole_for_nothing(tmp_path: Path) -> None:
    def rows(honest: list[Row]) -> list[Row]:
        for row in honest:
            row["chunkType"] = "zeros"
            del row["chunkDigest"]
        return honest

    holes = [file("zeros", bytes(300)), file("data", bytes(150) + b"1" + bytes(149))]
    [found] = problems(tmp_path, zstd_chunked_layer(holes, ContentsTable(rows, chunk_bytes=100)))
    assert found.where.path == b"data"
    assert found.detail == "content from byte 100 to 200: the table has zeros, the tar other bytes"


def test_sparse_files_are_compared_as_they_read(tmp_path: Path) -> None:
    sparse = sparse_file("sparse", 1_000, [(400, b"data")])
    honest: list[Row] = []

    def overheard(rows: list[Row]) -> list[Row]:
        honest.extend(rows)
        return rows

    estargz_layer([file("sparse", bytes(400) + b"data" + bytes(596))], ContentsTable(overheard))
    assert problems(tmp_path, estargz_layer([sparse], ContentsTable(lambda _: honest))) == []
    honest[0]["digest"] = honest[0]["chunkDigest"] = OTHER
    [found] = problems(tmp_path, estargz_layer([sparse], ContentsTable(lambda _: honest)))
    assert "content: the table has" in found.detail


@forms
def test_a_source_that_passes_by_once(build: Build, tmp_path: Path) -> None:
    """Small layers are kept; of large ones it is said that nothing was compared."""
    noise = file("noise", Random(1).randbytes(1_100_000))
    lying = changed("etc/passwd", mode=0o4777)
    small, large = build(MEMBERS, lying), build([*MEMBERS, noise], lying)
    source = tmp_path / "image.tar.gz"
    source.write_bytes(archive(oci_layout(ImageBuilder([small, large])), packing=Packing.GZIP))
    with open_image(source, contents=False) as image:
        found = of_tables(verify(image))
    assert [(problem.code.label, problem.where.layer) for problem in found] == [
        ("contents-table-disagrees", 0),
        ("contents-table-unchecked", 1),
    ]
    with open_image(source) as image:
        assert labels(of_tables(verify(image))) == ["contents-table-disagrees"] * 2


def test_layers_without_a_table_cost_no_second_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    begin = Layer.begin_pass

    def counted(layer: Layer, **given: Any) -> LayerPass:
        passes.append(layer.index)
        return begin(layer, **given)

    monkeypatch.setattr(Layer, "begin_pass", counted)
    plain = [LayerSpec(MEMBERS, packing) for packing in (Packing.GZIP, Packing.ZSTD, Packing.NONE)]
    assert of_tables(verified(tmp_path, *plain)) == []
    assert len(passes) == 3
    assert of_tables(verified(tmp_path, estargz_layer(MEMBERS))) == []
    assert len(passes) == 5
