"""The kernel's overlayfs as oracle: each layer unpacked by GNU tar, all of them mounted.

A whiteout becomes what overlayfs knows: ``.wh.x`` a character device 0/0 named ``x``, and
``.wh..wh..opq`` the extended attribute ``trusted.overlay.opaque`` of its directory
(https://docs.kernel.org/filesystems/overlayfs.html#whiteouts-and-opaque-directories).
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conformance.commands import run
from tests.conformance.implied import listed_paths
from tests.conformance.tree_facts import Tree, walk

_OPAQUE = "trusted.overlay.opaque"
_UNPACK = (
    *("tar", "--extract", "--preserve-permissions", "--same-owner", "--numeric-owner"),
    *("--xattrs", "--xattrs-include=*", "--force-local", "--delay-directory-restore"),
)
_FLOORS = ("floor", "ground")
"""Two empty directories below the layers: overlayfs wants two at least, an image may have none."""


def overlay_tree(tars: list[Path], directory: Path) -> Tree:
    """Return the tree of `tars`, lowest first; `directory` must be new, and of ext4 or tmpfs.

    A directory that a layer only implies takes its owner, mode and time from the layers below,
    as containerd has it; overlayfs shows the uppermost layer's directory.
    """
    directory.mkdir()
    for name in (*_FLOORS, "merged"):
        (directory / name).mkdir()
    layers: list[Path] = []
    for number, tar in enumerate(tars):
        layer = directory / str(number)
        unpack_layer(tar, layer, layers)
        layers.append(layer)
    with mounted([*reversed(_visible(layers)), *_FLOORS], directory, directory / "merged"):
        return walk(directory / "merged", holes=True)


def unpack_layer(tar: Path, layer: Path, lower: list[Path]) -> None:
    """Unpack `tar` into the new directory `layer` as overlayfs wants it, above `lower`."""
    layer.mkdir(mode=0o755)
    run(*_UNPACK, "--file", tar, "--directory", layer)
    listed = listed_paths(tar)
    for directory in _directories(os.fsencode(layer)):
        path = directory.removeprefix(os.fsencode(layer)) or b"/"
        times = os.lstat(directory)
        _convert_whiteouts(directory)
        os.utime(directory, ns=(times.st_atime_ns, times.st_mtime_ns))
        if path not in listed:
            _copy_from_below(path, directory, lower)


def _directories(top: bytes) -> Iterator[bytes]:
    """Every directory, a parent before its children; whiteouts that are directories too."""
    pending = [top]
    while pending:
        directory = pending.pop()
        yield directory
        pending += [
            entry.path for entry in os.scandir(directory) if entry.is_dir(follow_symlinks=False)
        ]


def _convert_whiteouts(directory: bytes) -> None:
    names = [entry.name for entry in os.scandir(directory) if entry.name.startswith(b".wh.")]
    for name in names:
        _remove(directory + b"/" + name)
    if b".wh..wh..opq" in names:
        os.setxattr(directory, _OPAQUE, b"y")
        return
    for name in names:
        hidden = name.removeprefix(b".wh.")
        if hidden and not hidden.startswith(b".wh."):
            _hide_below(directory + b"/" + hidden)


def _remove(place: bytes) -> None:
    if stat.S_ISDIR(os.lstat(place).st_mode):
        shutil.rmtree(place)
    else:
        os.unlink(place)  # noqa: PTH108 - a path of bytes


def _hide_below(place: bytes) -> None:
    """Hide what lower layers have at `place`; what this layer itself adds there stays."""
    if not os.path.lexists(place):
        os.mknod(place, stat.S_IFCHR, os.makedev(0, 0))
    elif stat.S_ISDIR(os.lstat(place).st_mode):
        os.setxattr(place, _OPAQUE, b"y")


def _copy_from_below(path: bytes, directory: bytes, lower: list[Path]) -> None:
    for layer in reversed(lower):
        below = os.fsencode(layer) + path
        if not os.path.lexists(below):
            continue
        found = os.lstat(below)
        if stat.S_ISDIR(found.st_mode):
            os.chown(directory, found.st_uid, found.st_gid)
            os.chmod(directory, stat.S_IMODE(found.st_mode))  # noqa: PTH101 - a path of bytes
            os.utime(directory, ns=(found.st_atime_ns, found.st_mtime_ns))
        return


def _visible(layers: list[Path]) -> list[str]:
    visible = [layer.name for layer in layers]
    for layer in layers:
        # The root of an overlay is always merged, so an opaque root is done by leaving layers out.
        if _OPAQUE in os.listxattr(layer):
            visible = visible[visible.index(layer.name) :]
    return visible


@contextmanager
def mounted(lower: list[str], directory: Path, merged: Path) -> Iterator[None]:
    """Mount `lower`, uppermost first, read-only on `merged`.

    Names may be relative to `directory`: options have a page in all.
    """
    options = "ro,lowerdir=" + ":".join(lower)
    run("mount", "-t", "overlay", "overlay", "-o", options, merged, directory=directory)
    try:
        yield
    finally:
        run("umount", merged)
