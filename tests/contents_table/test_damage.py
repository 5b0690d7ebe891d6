"""Tables that are not there, do not parse, or contradict themselves: told, and survived."""

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.testing import (
    ContentsTable,
    LayerSpec,
    Packing,
    estargz_layer,
    file,
    pack,
    raw,
    skippable_frame,
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

DAMAGED = "contents-table-damaged"
MISMATCH = "contents-table-digest-mismatch"
DISAGREES = "contents-table-disagrees"
WRONG = "sha256:" + "0" * 64
JSON_DIGEST = "containerd.io/snapshot/stargz/toc.digest"
CHUNKED = "io.github.containers.zstd-chunked."
POSITION = CHUNKED + "manifest-position"
DEEP = b"[" * 5_000 + b"]" * 5_000

TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "no object": lambda _: b"[]",
    "no JSON": lambda text: b"\0" + text,
    "cut short": lambda text: text[:-2],
    "cut in a row": lambda text: text[:200],
    "something behind": lambda text: text + b"{}",
    "another version": lambda text: text.replace(b'"version":1', b'"version":2'),
    "no entries": lambda text: text.replace(b'"entries"', b'"rows"'),
    "entries twice": lambda text: b'{"entries":[],' + text[1:],
    "a key that is none": lambda text: b"{1:2," + text[1:],
    "a row that is none": lambda text: text.replace(b'"entries":[', b'"entries":[7,'),
    "mode in words": lambda text: text.replace(b'"mode":', b'"mode":"0", "x":', 1),
    "a fraction": lambda text: text.replace(b'"mode":', b'"mode":1.5, "x":', 1),
    "a negative size": lambda text: text.replace(b'"mode":', b'"size":-1, "mode":', 1),
    "a number beyond 63 bits": lambda text: text.replace(b'"uid":7', b'"uid":9223372036854775808'),
    "a number without end": lambda text: text.replace(b'"uid":7', b'"uid":' + b"7" * 9_000),
    "a name that is none": lambda text: text.replace(b'"name":"etc/plain"', b'"name":[]'),
    "xattrs that are none": lambda text: text.replace(b'"xattrs":{', b'"xattrs":{"user.c":1,'),
    "a key in other letters": lambda text: text.replace(b'"uid":7', b'"uid":7,"UID":0'),
    "nested too deep": lambda text: text.replace(b'"uid":7', b'"uid":7,"x":' + DEEP),
    "a row too large": lambda text: text.replace(b'"uid":7', b'"uid":7,"x":"%s"' % bytes(5 << 20)),
}


@pytest.mark.parametrize("text", TEXTS)
def test_a_document_that_is_none(text: str, tmp_path: Path) -> None:
    found = verified(tmp_path, zstd_chunked_layer(MEMBERS, ContentsTable(text=TEXTS[text])))
    assert labels(of_tables(found)) == [DAMAGED]
    assert found.is_verified


@forms
def test_what_precedes_damage_is_compared(build: Build, tmp_path: Path) -> None:
    lying = changed("etc/passwd", mode=0o4777)
    cut = replace(lying, text=lambda text: text[:-20])
    assert labels(problems(tmp_path, build(MEMBERS, cut))) == [DAMAGED, DISAGREES]


@forms
def test_null_repeated_and_unknown_keys_are_as_in_go(build: Build, tmp_path: Path) -> None:
    def text(honest: bytes) -> bytes:
        document = json.loads(honest)
        document["others"] = [None]
        for row in document["entries"]:
            row.update(
                dict.fromkeys({"uid", "xattrs", "digest", "modtime"} - row.keys()), NumLink=0
            )
        spaced = json.dumps(document, indent="\t").encode()
        return spaced.replace(b'"uid": 7', b'"uid": 0, "uid": 7')

    assert problems(tmp_path, build(MEMBERS, ContentsTable(text=text))) == []


@forms
def test_a_table_larger_than_what_is_read_at_once(build: Build, tmp_path: Path) -> None:
    def text(honest: bytes) -> bytes:
        return honest.replace(b'"uid":7', b'"uid":7,"x":"%s"' % (b"x" * (3 << 20)))

    assert problems(tmp_path, build(MEMBERS, ContentsTable(text=text))) == []


# Chunks and where they are stored.


def chunk(**values: object) -> Callable[[list[Row]], list[Row]]:
    """Change the chunk of `etc/big` that begins at 2000."""

    def rows(honest: list[Row]) -> list[Row]:
        [row] = [row for row in honest if row.get("chunkOffset") == 2_000]
        row.update(values)
        return honest

    return rows


def without_digests(honest: list[Row]) -> list[Row]:
    return [
        {key: value for key, value in row.items() if not key.lower().endswith("digest")}
        for row in honest
    ]


def moved_ahead(honest: list[Row]) -> list[Row]:
    return [row for row in honest if row["type"] == "chunk"][:1] + honest


CHUNKS = {
    "overlap": (chunk(chunkOffset=1_999), "its chunks overlap"),
    "gap": (chunk(chunkOffset=2_001), "its chunks overlap"),
    "too long": (chunk(chunkSize=1_001), "its chunks overlap"),
    "of no size that fits": (chunk(chunkSize=1 << 40), "its chunks overlap"),
    "behind the file": (chunk(chunkOffset=1 << 50, chunkSize=0), "its chunks overlap"),
    "stored in the table": (chunk(offset=1 << 40), "said to be stored at"),
    "stored nowhere": (chunk(offset=0), "said to be stored at"),
    "of another file": (chunk(name="etc/passwd"), "does not follow its own row"),
    "ahead of its file": (moved_ahead, "does not follow its own row"),
    "without digests": (without_digests, "gives no SHA-256 of all its content"),
    "of an unknown digest": (
        lambda rows: [
            {**row, "digest": "md5:00", "chunkDigest": "sha256:xyz"} if row.get("size") else row
            for row in without_digests(rows)
        ],
        "gives no SHA-256 of all its content",
    ),
}


@pytest.mark.parametrize("case", CHUNKS)
def test_chunks_that_make_no_sense(case: str, tmp_path: Path) -> None:
    rows, detail = CHUNKS[case]
    found = problems(tmp_path, estargz_layer(MEMBERS, ContentsTable(rows, chunk_bytes=1_000)))
    assert set(labels(found)) <= {DAMAGED, DISAGREES}
    assert any(detail in problem.detail and problem.where.path for problem in found)


# Where the table is, and what it hashes to.


def annotated(**annotations: str | None) -> ContentsTable:
    return ContentsTable(annotations={CHUNKED + key: text for key, text in annotations.items()})


@forms
def test_another_digest_is_a_failed_check(build: Build, tmp_path: Path) -> None:
    key = JSON_DIGEST if build is estargz_layer else CHUNKED + "manifest-checksum"
    found = verified(tmp_path, build(MEMBERS, ContentsTable(annotations={key: WRONG})))
    assert labels(of_tables(found)) == [MISMATCH]
    assert not found.is_verified
    [check] = found.failures
    assert (check.subject, check.aspect, check.declared) == ("layer 0", "contents_table", WRONG)


def test_zstd_with_the_digest_of_the_json_too(tmp_path: Path) -> None:
    """As nerdctl writes it, for stargz-snapshotter."""
    layer = zstd_chunked_layer(MEMBERS, ContentsTable(annotations={JSON_DIGEST: WRONG}))
    found = verified(tmp_path, layer)
    assert labels(of_tables(found)) == [MISMATCH]
    assert [check.holds for check in found.checks if check.aspect == "contents_table"] == [
        False,
        True,
    ]


@pytest.mark.parametrize("packing", [Packing.NONE, Packing.GZIP, Packing.ZSTD, Packing.XZ])
@pytest.mark.parametrize("key", [JSON_DIGEST, CHUNKED + "manifest-checksum"])
def test_declared_and_not_there(packing: Packing, key: str, tmp_path: Path) -> None:
    """A layer that was compressed anew, its annotations kept."""
    layer = LayerSpec(MEMBERS, packing, descriptor={"annotations": {key: WRONG}})
    found = verified(tmp_path, layer)
    assert labels(of_tables(found)) == [DAMAGED]
    assert found.is_verified


@pytest.mark.parametrize("offset", [1 << 62, 0, 40])
def test_a_footer_that_leads_elsewhere(offset: int, tmp_path: Path) -> None:
    assert labels(problems(tmp_path, estargz_layer(MEMBERS, offset=offset))) == [DAMAGED]


def test_a_footer_without_a_table(tmp_path: Path) -> None:
    assert labels(problems(tmp_path, LayerSpec(MEMBERS, Packing.ESTARGZ))) == [DAMAGED]


def test_the_footer_of_stargz(tmp_path: Path) -> None:
    assert problems(tmp_path, estargz_layer(MEMBERS, legacy=True)) == []
    lying = changed("etc/passwd", mode=0o4777)
    assert labels(problems(tmp_path, estargz_layer(MEMBERS, lying, legacy=True))) == [DISAGREES]


def test_a_table_behind_the_end_of_the_tar(tmp_path: Path) -> None:
    """As BuildKit writes it; what else stands there is in no filesystem."""
    end, hidden = bytes(1_024), file("hidden", b"x")
    assert problems(tmp_path, estargz_layer([*MEMBERS, raw(end)])) == []
    [found] = problems(tmp_path, estargz_layer([*MEMBERS, raw(end), hidden]))
    assert found.detail == "the table has a file of 1 bytes, the tar nothing"


def test_both_forms_declared_of_one_layer(tmp_path: Path) -> None:
    found = problems(tmp_path, estargz_layer(MEMBERS, annotated(**{"manifest-checksum": WRONG})))
    assert labels(found) == [DAMAGED]
    assert "both declared" in found[0].detail


@pytest.mark.parametrize(
    "position", ["", "1", "1:2:3", "1:2:3:4:5", "a:b:c:d", "-1:2:3:1", "\u0663:1:1:1"]
)
def test_a_position_that_is_none(position: str, tmp_path: Path) -> None:
    """The footer still leads to the table."""
    table = replace(changed("etc/passwd", mode=0o4777), annotations={POSITION: position})
    found = problems(tmp_path, zstd_chunked_layer(MEMBERS, table))
    assert labels(found) == [DAMAGED, DISAGREES]


@pytest.mark.parametrize("numbers", [(1 << 63, 10), (0, 10), (8, 1 << 63), (300, 10), (7, 5)])
def test_a_position_where_no_table_is(numbers: tuple[int, int], tmp_path: Path) -> None:
    table = ContentsTable(annotations={POSITION: "{}:{}:100:1".format(*numbers)})
    found = problems(tmp_path, zstd_chunked_layer(MEMBERS, table))
    assert labels(found) == [DAMAGED, DISAGREES]
    assert "in the blob's footer" in found[0].detail
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, table, footer=False))) == [DAMAGED]


def test_the_footer_alone_or_the_annotations_alone(tmp_path: Path) -> None:
    lying = changed("etc/passwd", mode=0o4777)
    keys = ("manifest-position", "manifest-checksum", "tarsplit-position")
    bare = replace(lying, annotations=dict.fromkeys(CHUNKED + key for key in keys))
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, bare))) == [DISAGREES]
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, lying, footer=False))) == [
        DISAGREES
    ]


def test_a_size_or_type_that_is_another(tmp_path: Path) -> None:
    honest = zstd_chunked_layer(MEMBERS, footer=False)
    position = honest.descriptor["annotations"][POSITION].split(":")
    for changed_at, details in ((2, "is said to have"), (3, "is of type 9")):
        other = ":".join("9" if at == changed_at else n for at, n in enumerate(position))
        table = ContentsTable(annotations={POSITION: other})
        [found] = problems(tmp_path, zstd_chunked_layer(MEMBERS, table, footer=False))
        assert found.code.label == DAMAGED
        assert details in found.detail


def test_a_frame_that_does_not_decode(tmp_path: Path) -> None:
    """A frame of the length that is declared, with something else in it."""
    layer = LayerSpec(MEMBERS, Packing.ZSTD)
    data = pack([b"no tar"], Packing.ZSTD)
    footer = struct.pack("<4Q", len(data) + 8, 6, 0, 1) + b"GnUlInUx"
    blob = data + skippable_frame(b"no zst") + skippable_frame(footer)
    assert labels(problems(tmp_path, replace(layer, blob=blob))) == [DAMAGED]


# The tar-split.


def test_a_layer_without_a_tar_split(tmp_path: Path) -> None:
    assert problems(tmp_path, zstd_chunked_layer(MEMBERS, tar_split=None)) == []


def lying_header(steps: list[Row]) -> list[Row]:
    steps[2]["payload"] = steps[0]["payload"]
    return steps


STEPS: dict[str, tuple[Callable[[list[Row]], list[Row]], str]] = {
    "another header": (lying_header, DISAGREES),
    "an entry less": (lambda steps: steps[2:], DISAGREES),
    "the end less": (lambda steps: steps[:-1], DISAGREES),
    "more than there is": (lambda steps: [*steps, {"type": 2, "payload": "AA=="}], DISAGREES),
    "a larger file": (lambda steps: [*steps, {"type": 1, "size": 1 << 60}], DISAGREES),
    "no base64": (lambda steps: [{"type": 2, "payload": "?"}, *steps], DAMAGED),
    "an unknown step": (lambda steps: [{"type": 3}, *steps], DAMAGED),
    "a size that is none": (lambda steps: [{"type": 1, "size": -1}, *steps], DAMAGED),
}


@pytest.mark.parametrize("case", STEPS)
def test_a_tar_split_that_tells_another_tar(case: str, tmp_path: Path) -> None:
    """containers/storage writes files by the table, and exports the layer by the tar-split."""
    steps, label = STEPS[case]
    found = problems(tmp_path, zstd_chunked_layer(MEMBERS, tar_split=steps))
    assert labels(found) == [label]


def test_a_tar_split_of_another_digest_or_nowhere(tmp_path: Path) -> None:
    named = ContentsTable(document={"tarSplitDigest": WRONG})
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, named))) == [MISMATCH]
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, named, tar_split=None))) == [
        DAMAGED
    ]
    placed = ContentsTable(annotations={CHUNKED + "tarsplit-position": "99:9:9"})
    assert labels(problems(tmp_path, zstd_chunked_layer(MEMBERS, placed))) == [DAMAGED]


# Limits.


@forms
def test_limits_are_named(build: Build, tmp_path: Path) -> None:
    doubled = ContentsTable(lambda rows: rows * 3)
    with pytest.raises(LimitExceededError) as raised:
        problems(tmp_path, build([file("a"), file("b")], doubled), Limits(layer_entries=5))
    assert raised.value.name == "layer_entries"


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = ContentsTable(text=lambda text: text + b" " * (16 << 20))
    with pytest.raises(LimitExceededError) as raised:
        problems(tmp_path, zstd_chunked_layer(MEMBERS, bomb), Limits(layer_bytes=8 << 20))
    assert raised.value.name == "layer_bytes"


@forms
def test_lies_are_counted_beyond_a_thousand(build: Build, tmp_path: Path) -> None:
    def rows(honest: list[Row]) -> list[Row]:
        return [*honest, *({"type": "dir", "name": f"{n}"} for n in range(3_000))]

    found = verified(tmp_path, build([file("a")], ContentsTable(rows)))
    assert len(of_tables(found)) == 1_000
    assert any("2000 more of contents-table-disagrees" in p.detail for p in found.problems)
