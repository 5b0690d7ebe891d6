"""`verify`: every check, every mismatch, and what engines disagree on."""

from pathlib import Path

import pytest

from imgforensics.testing import (
    ContentsTable,
    ImageBuilder,
    LayerSpec,
    archive,
    docker_layout,
    estargz_layer,
    file,
    oci_layout,
    zstd_chunked_layer,
)
from tests.cli.images import FIXTURES, SHOP, damaged, incomplete, save, save_layout, tangled
from tests.cli.running import run

WRONG = "sha256:" + "0" * 64


def test_all_holds(shop: str) -> None:
    outcome = run("verify", shop)
    assert outcome.status == 0
    assert outcome.lines == [
        "manifest: digest ok; size ok",
        "config: digest ok; size ok",
        "layer 0: digest ok; size ok; diff_id ok",
        "layer 1: digest ok; size ok; diff_id ok",
        "verified: 10 checks hold",
    ]
    assert run("verify", "-q", shop).lines == ["verified: 10 checks hold"]


def test_what_is_not_declared_does_not_count_as_holding() -> None:
    """Docker 20 declares no digests, neither of layers nor of the config."""
    source = (str(FIXTURES / "bundle.docker-20.tar"), "--image", "bundle-base:1")
    outcome = run("verify", "-q", *source)
    assert (outcome.status, outcome.lines) == (0, ["verified: 2 checks hold, 3 not declared"])
    checks = run("verify", "--json", *source).document["checks"]
    assert [check["holds"] for check in checks if check["declared"] is None] == [None] * 3
    assert [check["holds"] for check in checks if check["declared"] is not None] == [True] * 2


def test_nothing_is_declared_of_a_root_filesystem() -> None:
    source = str(FIXTURES / "whiteouts.docker-20.export.tar")
    outcome = run("verify", "--as-rootfs", source)
    assert outcome.status == 0
    assert outcome.lines[-1] == "nothing is declared that could be verified"
    assert "verified: " not in outcome.text
    document = run("verify", "--as-rootfs", source, "--json").document
    assert {check["holds"] for check in document["checks"]} == {None}


def test_every_mismatch_is_told(tmp_path: Path) -> None:
    layers = [
        LayerSpec([file("a")], diff_id=WRONG),
        LayerSpec([file("b")], size=7),
        LayerSpec([file("c")], digest=WRONG),
    ]
    outcome = run("verify", save_layout(tmp_path, ImageBuilder(layers)))
    assert outcome.status == 1
    assert [line.split(" FAILED")[0] for line in outcome.lines if "FAILED" in line] == [
        "layer 0: digest ok; size ok; diff_id",
        "layer 1: digest ok; size",
        "layer 2: digest",
    ]
    assert outcome.lines[-1] == "NOT verified: 3 checks failed, 3 errors found"


@pytest.mark.parametrize(
    "image",
    [damaged(), incomplete(), ImageBuilder([LayerSpec(blob=b"\x1f\x8b\x08 cut")])],
    ids=["damaged", "incomplete", "no gzip"],
)
def test_damage_is_a_failed_verification(image: ImageBuilder, tmp_path: Path) -> None:
    outcome = run("verify", "--json", save_layout(tmp_path, image))
    assert outcome.status == 1
    document = outcome.document
    assert not document["verified"]
    assert any(check["holds"] is False for check in document["checks"])


def test_what_engines_disagree_on_is_no_failure(tmp_path: Path) -> None:
    path = save(tmp_path, tangled())
    outcome = run("verify", path)
    assert outcome.status == 0
    assert "ambiguous: /lib: overlayfs shows a directory" in outcome.text
    found = run("verify", "--json", path).document["ambiguities"]
    assert {"/lib"} <= {ambiguity["path"] for ambiguity in found}


def test_a_stream_is_verified_in_one_pass() -> None:
    outcome = run("verify", "--json", "-", given=archive(oci_layout(SHOP)))
    assert outcome.status == 0
    assert all(check["holds"] for check in outcome.document["checks"])


@pytest.mark.parametrize("broken", [{"manifest.json": b"{}"}, {"index.json": b"{"}])
def test_a_broken_list_beside_a_sound_one_is_odd_and_no_failure(
    broken: dict[str, bytes], tmp_path: Path
) -> None:
    path = tmp_path / "image.tar"
    path.write_bytes(archive({**docker_layout(SHOP), **broken}))
    outcome = run("verify", str(path))
    assert outcome.status == 0
    assert "warning: document-set-aside: " in outcome.said
    assert run("extract", str(path), "-o", str(tmp_path / "out")).status == 0


def test_two_truths_are_told_by_verify_and_by_ls(tmp_path: Path) -> None:
    """Duplicate members, layers and diff_ids that do not pair; each by a code of its own."""
    twice, upper = [file("a", b"1"), file("a", b"2")], [file("b", b"b")]
    ids = [layer.diff_id for layer in ImageBuilder([twice, upper]).build().layers]
    swapped = [LayerSpec(twice, diff_id=ids[1]), LayerSpec(upper, diff_id=ids[0])]
    path = save_layout(tmp_path, ImageBuilder(swapped))
    short = {"rootfs": {"type": "layers", "diff_ids": ids[:1]}}
    uneven = save(tmp_path, ImageBuilder([twice, upper], config_document=short))
    for command in ("verify", "ls"):
        outcome = run(command, path)
        assert "warning: entry-duplicated: " in outcome.said
        assert "error: layers-mispaired: " in outcome.said
        assert "error: layer-count-mismatch: " in run(command, uneven).said
        codes = {p["code"] for p in run(command, "--json", path).document["problems"]}
        assert {"entry-duplicated", "layers-mispaired", "diff-id-mismatch"} <= codes
    assert run("verify", path).status == 1


def test_a_table_of_contents_is_a_check_of_its_layer(tmp_path: Path) -> None:
    members = [file("a", b"a"), file("b", b"b")]
    honest = run("verify", save_layout(tmp_path, ImageBuilder([estargz_layer(members)])))
    assert honest.lines[2] == "layer 0: digest ok; size ok; diff_id ok; contents_table ok"
    assert "contents-table" not in honest.said
    lying = ContentsTable(lambda rows: [{**rows[0], "mode": 0o4755}, *rows[1:]])
    outcome = run(
        "verify", save_layout(tmp_path, ImageBuilder([zstd_chunked_layer(members, lying)]))
    )
    assert outcome.status == 0
    assert "warning: contents-table-disagrees: " in outcome.said
    assert "mode: the table has 4755, the tar 0644; the tar counts here" in outcome.said
