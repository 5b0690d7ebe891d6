"""Layers that engines wrote, and what an independent reader makes of ours."""

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from imgforensics import open_image, verify
from imgforensics.testing import (
    ContentsTable,
    ImageBuilder,
    LayerSpec,
    estargz_layer,
    oci_layout,
    write_layout,
    zstd_chunked_layer,
)
from tests.contents_table.building import MEMBERS, Row, labels, of_tables

IMAGES = Path(__file__).parents[2] / "fixtures" / "images"
REAL = {"hardlinks.docker-26.estargz.oci.tar": 7, "special.skopeo-zstd-chunked.oci": 2}


@pytest.mark.parametrize("name", REAL)
def test_what_engines_write_agrees_with_itself(name: str) -> None:
    with open_image(IMAGES / name) as image:
        found = verify(image)
    assert of_tables(found) == []
    assert found.is_verified
    checks = [check for check in found.checks if check.aspect == "contents_table"]
    assert [check.holds for check in checks] == [True] * REAL[name]
    assert all(check.declared for check in checks)


def test_one_digest_changed_in_an_engines_table_is_told(tmp_path: Path) -> None:
    """Zeros, so that the frame is shorter when it is written again, and is filled up."""
    folder = tmp_path / "layout"
    shutil.copytree(IMAGES / "special.skopeo-zstd-chunked.oci", folder)
    with open_image(folder) as image:
        layer = image.layers[1]
        assert layer.digest is not None
        assert layer.record.descriptor is not None
        annotations = layer.record.descriptor.annotations
        blob = folder / "blobs" / "sha256" / layer.digest.hex
    position = annotations["io.github.containers.zstd-chunked.manifest-position"]
    offset, length, size, _ = map(int, position.split(":"))
    data = blob.read_bytes()
    text = zstandard.ZstdDecompressor().decompressobj().decompress(data[offset : offset + length])
    assert len(text) == size
    rows = json.loads(text)["entries"]
    [digest] = [row["digest"] for row in rows if row["name"] == "run/pipe"]
    zeros = "sha256:" + "0" * 64
    frame = zstandard.ZstdCompressor(level=19).compress(
        text.replace(digest.encode(), zeros.encode())
    )
    padding = length - len(frame) - 8
    assert padding >= 0
    frame += b"\x50\x2a\x4d\x18" + padding.to_bytes(4, "little") + bytes(padding)
    blob.write_bytes(data[:offset] + frame + data[offset + length :])
    with open_image(folder) as image:
        found = verify(image)
    assert labels(of_tables(found)) == [
        "contents-table-digest-mismatch",
        "contents-table-disagrees",
    ]
    [told] = [p for p in of_tables(found) if p.code.label == "contents-table-disagrees"]
    assert told.where.path == b"run/pipe"
    assert told.detail == f"content: the table has {zeros}, the tar {digest}"


# What the tests are built with, read by others.


def test_our_estargz_is_what_the_document_says() -> None:
    blob = blob_of(estargz_layer(MEMBERS, ContentsTable(chunk_bytes=1_000)))
    footer = blob[-51:]
    assert footer[12:16] == b"SG\x16\0"
    assert footer[32:38] == b"STARGZ"
    start = int(footer[16:32], 16)
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob[start:]))) as archive_:
        [member] = archive_.getmembers()
        assert member.name == "stargz.index.json"
        content = archive_.extractfile(member)
        assert content is not None
        rows = json.load(content)["entries"]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(blob))) as archive_:
        names = [member.name for member in archive_.getmembers()]
    assert names[-1] == "stargz.index.json"
    assert [row["name"].rstrip("/") for row in rows if row["type"] != "chunk"] == names[:-1]
    assert_chunks(rows, lambda at: first_gzip_member(blob[at:]))


def test_our_zstd_chunked_is_what_the_writer_writes() -> None:
    layer = zstd_chunked_layer(MEMBERS, ContentsTable(chunk_bytes=1_000))
    blob = blob_of(layer)
    position = layer.descriptor["annotations"][
        "io.github.containers.zstd-chunked.manifest-position"
    ]
    offset, length, size, kind = map(int, position.split(":"))
    text = first_frame(blob[offset : offset + length])
    assert (len(text), kind) == (size, 1)
    rows = json.loads(text)["entries"]
    assert_chunks(rows, lambda at: first_frame(blob[at:]))


def assert_chunks(rows: list[Row], read: Callable[[int], bytes]) -> None:
    chunks = [row for row in rows if "offset" in row]
    assert len(chunks) > 10
    for row in chunks:
        found = hashlib.sha256(read(row["offset"])).hexdigest()
        assert row["chunkDigest"] == f"sha256:{found}"


def blob_of(layer: LayerSpec) -> bytes:
    assert layer.blob is not None
    return layer.blob


def first_gzip_member(data: bytes) -> bytes:
    return zlib.decompressobj(31).decompress(data)


def first_frame(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


@pytest.mark.oracle
@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")
def test_what_skopeo_compresses_agrees_with_itself(tmp_path: Path) -> None:
    """Every kind of member, through a writer that is not ours."""
    write_layout(oci_layout(ImageBuilder([MEMBERS])), tmp_path / "plain")
    copy = ("skopeo", "--insecure-policy", "copy", "--quiet", "--dest-compress-format=zstd:chunked")
    places = (f"oci:{tmp_path}/plain", f"oci:{tmp_path}/chunked:x")
    subprocess.run([*copy, *places], check=True, capture_output=True)
    with open_image(tmp_path / "chunked") as image:
        found = verify(image)
        assert [layer.compression for layer in image.layers] == ["zstd"]
    assert of_tables(found) == []
    assert [c.holds for c in found.checks if c.aspect == "contents_table"] == [True]
