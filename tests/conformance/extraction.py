"""What we ourselves make of an image."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from imgforensics import Image, open_image
from tests.conformance.cases import Case
from tests.conformance.layers import SkopeoImage
from tests.conformance.tree_facts import Tree, walk


@dataclass(frozen=True, slots=True)
class Extraction:
    """The exit status, standard error, and the tree, which is empty when none was written."""

    status: int
    said: str
    tree: Tree


@cache
def extract(case: Case) -> Extraction:
    """Run ``imgforensics extract`` on the image, once for each case; nothing stays on disk."""
    with tempfile.TemporaryDirectory(prefix="conformance-") as work:
        output = Path(work) / "rootfs"
        done = subprocess.run(
            [sys.executable, "-m", "imgforensics", "extract", *_arguments(case.image, output)],
            capture_output=True,
            check=False,
        )
        tree = walk(output, holes=True) if output.is_dir() else {}
        return Extraction(done.returncode, done.stderr.decode(errors="replace"), tree)


def open_case(case: Case) -> Image:
    """Open the image as the command line would."""
    chosen = case.image
    return open_image(chosen.source, image=chosen.choice, platform=chosen.platform)


def _arguments(image: SkopeoImage, output: Path) -> list[str]:
    arguments = [str(image.source), "-o", str(output), "--special", "--quiet"]
    if image.choice is not None:
        arguments += ["--image", image.choice]
    if image.platform is not None:
        arguments += ["--platform", image.platform]
    return arguments
