"""Keys that are alike but for their case, as Go's `encoding/json` and with it umoci takes them."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imgforensics import ProblemCode, open_image
from imgforensics.testing import ImageBuilder, Layout, file, oci_layout, write_layout

SHOWN, HIDDEN = (
    oci_layout(ImageBuilder([[file(name)]], tags=["x"])) for name in ("shown", "hidden")
)


def manifest_of(layout: Layout) -> dict[str, Any]:
    index = json.loads(bytes(layout["index.json"]))  # type: ignore[arg-type]
    digest = index["manifests"][0]["digest"].replace(":", "/")
    manifest: dict[str, Any] = json.loads(bytes(layout[f"blobs/{digest}"]))  # type: ignore[arg-type]
    return manifest


def layout_of(manifest: Mapping[str, object]) -> Layout:
    """Both images' blobs, with an index that lists this manifest alone."""
    data = json.dumps(manifest).encode()
    digest = hashlib.sha256(data).hexdigest()
    index = json.loads(bytes(SHOWN["index.json"]))  # type: ignore[arg-type]
    index["manifests"][0] |= {"digest": f"sha256:{digest}", "size": len(data)}
    added = {"index.json": json.dumps(index).encode(), f"blobs/sha256/{digest}": data}
    return {**SHOWN, **HIDDEN, **added}


ONE, OTHER = manifest_of(SHOWN), manifest_of(HIDDEN)
PARTS = ("config", "layers")
CASES = {
    "the last one counts": {**ONE, **{key.title(): OTHER[key] for key in PARTS}},
    "be it in the case that is meant": {**{key.title(): OTHER[key] for key in PARTS}, **ONE},
    "in another case alone": {
        **{key: value for key, value in ONE.items() if key not in PARTS},
        **{key.upper(): OTHER[key] for key in PARTS},
    },
    "a letter that folds": {**ONE, "Config": OTHER["config"], "layer\u017f": OTHER["layers"]},
}


@pytest.mark.oracle
@pytest.mark.parametrize("case", CASES)
def test_the_layers_are_those_that_umoci_unpacks(case: str, tmp_path: Path) -> None:
    if shutil.which("umoci") is None:
        pytest.skip("umoci is not installed")
    write_layout(layout_of(CASES[case]), tmp_path / "layout")
    command = ("umoci", "raw", "unpack", "--rootless", "--image", f"{tmp_path}/layout:x")
    subprocess.run([*command, tmp_path / "tree"], check=True, capture_output=True)
    unpacked = {path.name for path in (tmp_path / "tree").iterdir()}
    with open_image(tmp_path / "layout") as image:
        assert {path.name for path in image.path("/").iterdir()} == unpacked
        assert ProblemCode.DOCUMENT_ODD in {problem.code for problem in image.problems}
