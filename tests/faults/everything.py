"""An image whose extraction takes every path through both stages, and what it must come out as."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from imgforensics import ExtractionRecord, Image, extract, extract_layers, write_tar
from imgforensics.testing import (
    ImageBuilder,
    archive,
    directory,
    fifo,
    file,
    hard_link,
    oci_layout,
    sparse_file,
    symlink,
    whiteout,
)
from tests.conformance.tree_facts import Tree, walk

Form = Callable[..., ExtractionRecord]
FORMS: dict[str, Form] = {"extract": extract, "layers": extract_layers, "tar": write_tar}

LARGE = bytes(range(256)) * 4_200
"""Enough not to be kept in memory where several files share it."""
LAYERS = [
    [
        directory("d", mode=0o750, uid=3, gid=4, mtime=5),
        file("d/f", b"content", mode=0o600, uid=1, gid=2, mtime=3, xattrs={"user.a": b"1"}),
        file("deleted", b"deleted"),
        file("shared", LARGE),
        hard_link("shared-too", "shared"),
        sparse_file("holes", 50_000, [(8_192, b"data")]),
    ],
    [
        whiteout("deleted"),
        directory("real"),
        symlink("way", "real"),
        file("way/misplaced", b"moved to its place"),
        hard_link("way/again", "d/f", mode=0o640, mtime=9),
        hard_link("shared-too", "shared", mode=0o600),
        symlink("link", "d/f"),
        fifo("fifo", mode=0o622),
    ],
]


def write_image(path: Path) -> Path:
    """Write it as an archive."""
    path.write_bytes(archive(oci_layout(ImageBuilder(LAYERS))))
    return path


def written(form: str, image: Image, folder: Path) -> Tree:
    """What a form writes where nothing fails, in a new folder."""
    folder.mkdir()
    FORMS[form](image, folder / "out")
    return shown(folder / "out")


def shown(output: Path) -> Tree:
    """A result as facts, but for when it was made; of a tar, as one file among nothing else."""
    if output.is_dir():
        tree = walk(output)
    else:
        tree = {b"/": walk(output.parent)[b"/" + output.name.encode()]}
    return {**tree, b"/": replace(tree[b"/"], mtime_ns=0)}


def record_of(output: Path) -> dict[str, object]:
    """The record beside a result."""
    document: dict[str, object] = json.loads(
        output.with_name(output.name + ".extraction.json").read_text()
    )
    return document
