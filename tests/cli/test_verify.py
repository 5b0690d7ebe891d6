"""`verify`: every check, every mismatch, and what engines disagree on."""

from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, LayerSpec, archive, docker_layout, file, oci_layout
from tests.cli.images import SHOP, damaged, incomplete, save, save_layout, tangled
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
    assert any(not check["holds"] for check in document["checks"])


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
