"""One filesystem in other layers: a diff tells of the layers, and of no file."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from imgforensics import diff, open_image
from tests.conformance.cases import FIXTURES

pytestmark = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(
        os.geteuid() != 0 or not shutil.which("umoci") or not shutil.which("skopeo"),
        reason="needs root, umoci and skopeo",
    ),
]


@pytest.mark.parametrize(
    "name", ["whiteouts.buildah.oci.tar", "typechanges.buildah.oci.tar", "changed.umoci.oci"]
)
def test_squashed_by_umoci(name: str, tmp_path: Path) -> None:
    flat = squashed(FIXTURES / name, tmp_path)
    with open_image(FIXTURES / name) as layered, open_image(flat) as one:
        assert len(one.layers) == 1 < len(layered.layers)
        answer = diff(layered, one)
    assert [change for change in answer.files if change.path] == []
    assert answer.packages == ()
    assert all(match.shared_by == () for match in answer.layers)


def squashed(image: Path, folder: Path) -> Path:
    """All layers as one, unpacked and packed again by umoci."""
    source = f"oci-archive:{image}" if image.is_file() else f"oci:{image}"
    layout = folder / "layout"
    run("skopeo", "copy", source, f"oci:{layout}:layered")
    run("umoci", "unpack", "--image", f"{layout}:layered", str(folder / "layered"))
    flat = folder / "flat-layout"
    run("umoci", "init", "--layout", str(flat))
    run("umoci", "new", "--image", f"{flat}:flat")
    run("umoci", "unpack", "--image", f"{flat}:flat", str(folder / "flat"))
    run("cp", "-a", f"{folder}/layered/rootfs/.", f"{folder}/flat/rootfs/")
    run("umoci", "repack", "--image", f"{flat}:flat", str(folder / "flat"))
    run("umoci", "gc", "--layout", str(flat))
    return flat


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
