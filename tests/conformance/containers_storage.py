"""podman and buildah as oracles: an image in containers/storage, as each of them mounts it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from tests.conformance.commands import EngineAbsentError, run
from tests.conformance.tree_facts import Tree, walk

Program = Literal["buildah", "podman"]
_NAME = "localhost/conformance:latest"


@contextmanager
def stored(layout_and_tag: str, directory: Path) -> Iterator["Storage"]:
    """Copy the image into a containers/storage of its own in a new directory.

    Raises:
        OracleError: skopeo could not.
    """
    directory.mkdir()
    # podman takes no run root of more than 50 characters, whatever TMPDIR says.
    with TemporaryDirectory(prefix="run-", dir="/tmp") as run_root:
        storage = Storage(directory / "root", Path(run_root))
        try:
            storage.fill(layout_and_tag)
            yield storage
        finally:
            storage.unmount()


class Storage:
    """A containers/storage with one image in it."""

    def __init__(self, root: Path, run_root: Path) -> None:
        self._root = root
        self._run_root = run_root

    def fill(self, layout_and_tag: str) -> None:
        """Copy the image into it, by skopeo."""
        place = f"[overlay@{self._root}+{self._run_root}]"
        run(
            *("skopeo", "--insecure-policy", "copy", "--quiet"),
            *(f"oci:{layout_and_tag}", f"containers-storage:{place}{_NAME}"),
        )

    def unmount(self) -> None:
        """Undo the mount of a directory on itself that a program leaves when it fails."""
        own = self._root / "overlay"
        while f" {own} " in Path("/proc/self/mounts").read_text(encoding="utf-8"):
            run("umount", own)

    def tree(self, program: Program) -> Tree:
        """Return the tree that `program` mounts.

        Raises:
            EngineAbsentError: it is not installed.
            OracleError: it could not mount the image.
        """
        if not shutil.which(program):
            raise EngineAbsentError(f"{program} is not installed")
        return self._buildah_tree() if program == "buildah" else self._podman_tree()

    def _buildah_tree(self) -> Tree:
        """A new container's: an empty layer above those of the image."""
        container = self._run("buildah", "from", "--pull-never", _NAME)
        try:
            return walk(Path(self._run("buildah", "mount", container)))
        finally:
            self._run("buildah", "rm", container)

    def _podman_tree(self) -> Tree:
        """The image's own."""
        try:
            return walk(Path(self._run("podman", "image", "mount", _NAME)))
        finally:
            self._run("podman", "image", "unmount", "--force", _NAME)

    def _run(self, program: Program, *words: str) -> str:
        options = ("--root", self._root, "--runroot", self._run_root, "--storage-driver=overlay")
        return run(program, *options, *words).decode().strip()
