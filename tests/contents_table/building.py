"""Layers with tables of contents, verified as a user verifies them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgforensics import open_image, verify
from imgforensics.limits import DEFAULT_LIMITS, Limits
from imgforensics.problems import Problem
from imgforensics.testing import (
    ContentsTable,
    ImageBuilder,
    LayerSpec,
    archive,
    device,
    directory,
    estargz_layer,
    fifo,
    file,
    hard_link,
    oci_layout,
    symlink,
    whiteout,
    zstd_chunked_layer,
)
from imgforensics.verification import Verification

Row = dict[str, Any]
Build = Callable[..., LayerSpec]

FORMS = {"estargz": estargz_layer, "zstd-chunked": zstd_chunked_layer}
forms = pytest.mark.parametrize("build", FORMS.values(), ids=FORMS)

CONTENT = bytes(range(256)) * 40
MEMBERS = [
    directory("./", mode=0o711),
    directory("etc/", mtime=1_700_000_000),
    file("etc/passwd", b"root\n", mode=0o600, uid=7, gid=8, mtime=1_700_000_000.75),
    file("etc/capable", b"\x7fELF", mode=0o4755, xattrs={"user.a": b"\0\xff", "user.b": b"b"}),
    file("etc/empty"),
    file("etc/big", CONTENT, uid=3_000_000, mtime=-14_182_940),
    file("etc/plain", b"plain"),
    symlink("etc/link", "../etc/passwd"),
    hard_link("etc/hard", "./etc/passwd", mode=0o600, uid=7, gid=8),
    device("dev/null", 1, 3, mode=0o666),
    device("dev/loop", 7, 0, block=True),
    fifo("run/pipe"),
    file("d" * 90 + "/" + "e" * 120, b"long"),
    file("caf\u00e9", b"latin"),
    whiteout("etc/shadow", mode=0),
]
"""Every kind of member, with every attribute that a table repeats."""


def verified(folder: Path, *layers: LayerSpec, limits: Limits = DEFAULT_LIMITS) -> Verification:
    """Verify an image of these layers, from an archive on disk."""
    source = folder / "image.tar"
    source.write_bytes(archive(oci_layout(ImageBuilder(layers))))
    with open_image(source, limits=limits) as image:
        return verify(image)


def of_tables(found: Verification) -> list[Problem]:
    """The problems that are about tables of contents."""
    return [p for p in found.problems if p.code.label.startswith("contents-table-")]


def problems(folder: Path, layer: LayerSpec, limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """What is wrong with the table of a layer."""
    return of_tables(verified(folder, layer, limits=limits))


def labels(found: list[Problem]) -> list[str]:
    """The codes, in the order of the alphabet."""
    return sorted(problem.code.label for problem in found)


def changed(name: str, /, **values: object) -> ContentsTable:
    """A table that lies about one entry; None leaves a key out."""

    def rows(honest: list[Row]) -> list[Row]:
        [row] = [row for row in honest if row["name"] == name and row["type"] != "chunk"]
        row.update(values)
        for key in [key for key, value in row.items() if value is None]:
            del row[key]
        return honest

    return ContentsTable(rows)
