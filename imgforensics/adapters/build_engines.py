"""buildah, podman and docker, asked to build a directory on a base that is an archive.

buildah and podman work in a storage of their own that is gone afterwards. Docker's daemon keeps
the base that it was given, and the image it built is removed again.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from imgforensics.catalogue import Layout
from imgforensics.errors import EnvironmentProblemError
from imgforensics.opening import open_image
from imgforensics.problems import display

_NAME = "localhost/imgforensics-rebuilt:latest"
_TAIL = 20
"""Lines of an engine's own words that an error repeats."""


class EngineFailedError(EnvironmentProblemError):
    """A build engine did not do what it was asked; the message has its last words."""


class Engine(Protocol):
    """A build engine."""

    def load(self, archive: Path, layout: Layout) -> str:
        """Take an image out of an archive or layout; what it is called from now on."""

    def build(self, dockerfile: Path, context: Path, *, in_layers: bool) -> None:
        """Build, each instruction on its own or all in one; raises `EngineFailedError`."""

    def save(self, archive: Path) -> None:
        """Write the image that was built."""


@contextmanager
def engine(name: str, work: Path) -> Iterator[Engine]:
    """The engine, with `work` for what it holds; `EnvironmentProblemError` where it is missing."""
    program = shutil.which(name)
    if program is None:
        raise EnvironmentProblemError(
            f"{name} is not installed; install it (Debian and Ubuntu: apt install "
            f"{'docker.io' if name == 'docker' else name}) or choose another engine"
        )
    if name == "docker":
        docker = _Docker(program)
        try:
            yield docker
        finally:
            docker.forget()
        return
    # podman takes no run root of more than 50 characters.
    with TemporaryDirectory(prefix="run-", dir="/tmp") as run_root:
        storage = _Storage(program, work / "storage", Path(run_root))
        try:
            yield storage
        finally:
            storage.forget()


class _Storage:
    """buildah and podman: a containers/storage for this build alone."""

    def __init__(self, program: str, root: Path, run_root: Path) -> None:
        # Overlay mounts are for root; without them every layer is a copy.
        driver = "overlay" if os.geteuid() == 0 else "vfs"
        self._command = (
            program,
            f"--root={root}",
            f"--runroot={run_root}",
            f"--storage-driver={driver}",
        )
        self._root = root

    def load(self, archive: Path, layout: Layout) -> str:
        transport = _transport(archive, layout)
        return _run(*self._command, "pull", "--quiet", f"{transport}:{archive}").split()[-1]

    def build(self, dockerfile: Path, context: Path, *, in_layers: bool) -> None:
        options = (
            "--isolation=chroot",  # needs no runtime and no namespaces
            "--format=docker",  # OCI's has no HEALTHCHECK, SHELL and ONBUILD
            "--pull-never" if self._is_buildah else "--pull=never",
            f"--layers={str(in_layers).lower()}",
            *(f"--ignorefile={file}" for file in (ignore_file_of(dockerfile),) if file.exists()),
        )
        _run(*self._command, "build", *options, "-t", _NAME, "-f", str(dockerfile), str(context))

    def save(self, archive: Path) -> None:
        _run(*self._command, "push", "--quiet", _NAME, f"docker-archive:{archive}")

    def forget(self) -> None:
        """Undo the mounts that these programs leave, of the storage on itself and after errors."""
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
        places = [line.split()[1] for line in mounts.splitlines()]
        for place in reversed([one for one in places if Path(one).is_relative_to(self._root)]):
            _attempt("umount", "--lazy", place)

    @property
    def _is_buildah(self) -> bool:
        return Path(self._command[0]).name == "buildah"


class _Docker:
    """Docker's daemon, as its client finds it."""

    def __init__(self, program: str) -> None:
        self._program = program

    def load(self, archive: Path, layout: Layout) -> str:
        if archive.is_dir() or layout is not Layout.DOCKER_ARCHIVE:
            raise EnvironmentProblemError(
                f"{archive}: docker loads archives that `docker save` wrote; convert it with "
                "skopeo copy, or choose buildah"
            )
        words = _run(self._program, "load", "--quiet", "--input", str(archive)).split()
        return words[-1]

    def build(self, dockerfile: Path, context: Path, *, in_layers: bool) -> None:  # noqa: ARG002
        _run(self._program, "build", "-t", _NAME, "-f", str(dockerfile), str(context))

    def save(self, archive: Path) -> None:
        _run(self._program, "save", "--output", str(archive), _NAME)

    def forget(self) -> None:
        """Remove what was built."""
        _attempt(self._program, "rmi", _NAME)


def ignore_file_of(dockerfile: Path) -> Path:
    """The ignore file that is for this Dockerfile alone; BuildKit looks for it by itself."""
    return dockerfile.with_name(f"{dockerfile.name}.dockerignore")


def base_layout(archive: Path) -> Layout:
    """In which form an archive or directory holds its one image; raises what opening it does."""
    with open_image(archive) as image:
        return image.record.layouts[0]


def _transport(archive: Path, layout: Layout) -> str:
    if layout is Layout.DOCKER_DIRECTORY:
        return "dir"
    if layout is Layout.OCI_LAYOUT:
        return "oci" if archive.is_dir() else "oci-archive"
    if layout is Layout.DOCKER_ARCHIVE and not archive.is_dir():
        return "docker-archive"
    raise EnvironmentProblemError(
        f"{archive}: no engine reads an image in this form; convert it with skopeo copy"
    )


def _run(*words: str) -> str:
    done = _attempt(*words)
    if done.returncode:
        shown = [display(line) for line in _last_lines(done.stderr or done.stdout)]
        raise EngineFailedError(
            f"{Path(words[0]).name} ended with status {done.returncode}:\n" + "\n".join(shown)
        )
    return done.stdout


def _attempt(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - no shell, and the words are ours or paths
            words, check=False, capture_output=True, text=True, errors="replace"
        )
    except OSError as error:
        raise EngineFailedError(f"{words[0]}: {error.strerror}") from error


def _last_lines(text: str) -> Sequence[str]:
    return [line for line in text.splitlines() if line.strip()][-_TAIL:]
