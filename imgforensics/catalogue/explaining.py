"""Says what a source is that holds no image."""

from collections.abc import Iterable, Sequence
from itertools import islice

from imgforensics.errors import DamagedImageError, NotAnImageError, RootFilesystemError
from imgforensics.problems import Severity, display
from imgforensics.sources.base import BlobSource
from imgforensics.sources.directory import DirectorySource

_LOOKED_AT = 20_000
"""Names looked at: enough to know a tree, whatever its size."""
_SHOWN = 8
_ROOT_DIRECTORIES = frozenset(
    (
        "bin",
        "boot",
        "dev",
        "etc",
        "home",
        "lib",
        "lib64",
        "media",
        "mnt",
        "opt",
        "proc",
        "root",
        "run",
        "sbin",
        "srv",
        "sys",
        "tmp",
        "usr",
        "var",
    )
)
# Directories that only one engine's data root has, and whose it is.
_DATA_ROOTS = (
    ("image/overlay2/", "a Docker data root"),
    ("overlay-images/", "a containers-storage data root (podman, buildah)"),
    ("io.containerd.content.v1.content/", "a containerd data root"),
)
_LAYOUT_DOCUMENTS = ("index.json", "manifest.json", "repositories")


def no_image_error(source: BlobSource) -> NotAnImageError | DamagedImageError:
    """The error for a source without any document of an image."""
    for problem in source.problems:
        # Engines write the documents last: what is cut short has lost them.
        if problem.severity is Severity.ERROR:
            return DamagedImageError(
                f"{source.description} is damaged, and what is left of it names no image: "
                f"{problem.detail}, at offset {problem.where.offset}; fetch it again"
            )
    names = list(islice(source.names(), _LOOKED_AT))
    what = source.description
    for mark, kind in _DATA_ROOTS:
        if any(f"/{mark}" in f"/{name}" for name in names):
            return NotAnImageError(
                f"{what} is {kind}, not an image; save the image from it with its engine "
                "(`docker save`, `podman save`, `ctr image export`) and open that"
            )
    tops = {name.partition("/")[0] for name in names}
    if ".dockerenv" in tops or len(tops & _ROOT_DIRECTORIES) >= 2:
        return _root_filesystem(source)
    inner = _inner_layout(names)
    if inner is not None:
        return NotAnImageError(
            f"{what} holds an image below the directory {display(inner)}, not at its top; "
            "unpack it and open that directory"
        )
    is_tar = not isinstance(source, DirectorySource)
    hint = "; if it is a root filesystem, open it with --as-rootfs" if is_tar else ""
    return NotAnImageError(f"{what} is no container image: {_found(names)}{hint}")


def _root_filesystem(source: BlobSource) -> RootFilesystemError:
    if isinstance(source, DirectorySource):
        return RootFilesystemError(
            f"{source.description} is a directory with a root filesystem, not an image; "
            "its files can be read as they are"
        )
    return RootFilesystemError(
        f"{source.description} is a root filesystem archive as `docker export` writes; "
        "open with --as-rootfs"
    )


def _inner_layout(names: Iterable[str]) -> str | None:
    for name in names:
        directory, _, document = name.rpartition("/")
        if directory and document in _LAYOUT_DOCUMENTS:
            return directory
    return None


def _found(names: Sequence[str]) -> str:
    """What is there, the names nearest to the top first."""
    if not names:
        return "it holds no files"
    nearest = sorted(names, key=lambda name: (name.count("/"), name))
    shown = ", ".join(display(name) for name in nearest[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"it has no index.json, manifest.json or repositories at its top, but {shown}{more}"
