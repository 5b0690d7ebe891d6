"""Images to extract, the tree that each must come out as, and other people's tar."""

import contextlib
import hashlib
import os
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from imgforensics import (
    ExtractionRecord,
    Limits,
    extract,
    extract_layers,
    open_image,
    write_tar,
)
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.tarstream.member import EntryKind
from imgforensics.testing import (
    Entry,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    file,
    oci_layout,
    symlink,
)
from tests.conformance.tree_facts import PathFacts, Tree

needs_root = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may set owners and make devices"),
]

Extraction = Callable[..., ExtractionRecord]
EVERY_FORM = pytest.mark.parametrize("form", [extract, extract_layers, write_tar])

MEMBERS = [directory("d"), file("d/f", b"content"), symlink("l", "d/f")]
"""Of an image with one of each that is common."""

LayerLike = LayerSpec | Sequence[Entry]

_LETTERS = {
    EntryKind.FILE: "f",
    EntryKind.DIRECTORY: "d",
    EntryKind.SYMLINK: "l",
    EntryKind.CHARACTER_DEVICE: "c",
    EntryKind.BLOCK_DEVICE: "b",
    EntryKind.FIFO: "p",
}
LONGEST_NAME = 255


def image_of(
    folder: Path, *layers: LayerLike, limits: Limits | None = None, packing: Packing = Packing.GZIP
) -> Image:
    """An image with these layers, opened from `folder/image.tar`."""
    source = folder / "image.tar"
    builder = ImageBuilder([_spec(layer) for layer in layers])
    source.write_bytes(archive(oci_layout(builder, packing=packing)))
    return open_image(source, limits=limits or Limits())


def _spec(layer: LayerLike) -> LayerSpec:
    return layer if isinstance(layer, LayerSpec) else LayerSpec(layer)


def expected_tree(
    image: Image, tree: FileTree, selected: Callable[[bytes], bool] = lambda _: True
) -> Tree:
    """What the snapshot says, as a walk over files would find it, for those paths."""
    shown: Tree = {}
    names_of: defaultdict[Node, list[bytes]] = defaultdict(list)
    nodes = dict(tree.walk())
    wanted = {path for path in nodes if selected(path)} | {b""}
    wanted |= {above for path in wanted for above in ancestors(path)}
    # A hard link whose target is in no layer has nothing to show.
    wanted = {path for path in wanted if nodes[path].kind is not EntryKind.HARD_LINK}
    for path in sorted(wanted):
        if not nodes[path].is_directory:
            names_of[nodes[path]].append(b"/" + path)
    for path in sorted(wanted):
        names = tuple(names_of[nodes[path]])
        shown[b"/" + path] = _facts(image, nodes[path], names if len(names) > 1 else ())
    return shown


def ancestors(path: bytes) -> list[bytes]:
    """Directories above a path, the root left out."""
    parts = path.split(b"/")
    return [b"/".join(parts[:count]) for count in range(1, len(parts))]


def _facts(image: Image, node: Node, names: tuple[bytes, ...]) -> PathFacts:
    content = content_of(image, node) if node.kind is EntryKind.FILE else None
    is_device = node.kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)
    return PathFacts(
        kind=_LETTERS[node.kind],
        mode=0o777 if node.kind is EntryKind.SYMLINK else node.mode,
        uid=node.uid,
        gid=node.gid,
        mtime_ns=node.mtime_ns,
        size=None if content is None else len(content),
        sha256=None if content is None else hashlib.sha256(content).hexdigest(),
        link=node.link_target if node.kind is EntryKind.SYMLINK else None,
        device=node.device if is_device else None,
        xattrs=tuple(sorted((os.fsdecode(name), value) for name, value in node.xattrs.items())),
        hard_links=names,
    )


def content_of(image: Image, node: Node) -> bytes:
    """A file's content, cut out of its layer's tar, holes filled in."""
    assert node.entry is not None
    member = node.entry.member
    with image.layers[node.entry.layer_index].open_uncompressed() as tar:
        stored = tar.read()[member.data_offset :][: member.stored_size]
    if member.extents is None:
        return stored
    content = bytearray(member.size)
    position = 0
    for offset, length in member.extents:
        content[offset : offset + length] = stored[position : position + length]
        position += length
    return bytes(content)


def unpack(tar: Path, folder: Path, *options: str) -> str:
    """Unpack with GNU tar, everything restored; what it said."""
    done = subprocess.run(
        [
            *("tar", "--extract", "--file", tar, "--directory", folder, "--numeric-owner"),
            *("--same-owner", "--same-permissions", "--delay-directory-restore"),
            *("--xattrs", "--xattrs-include=*", "--warning=no-unknown-keyword", *options),
        ],
        capture_output=True,
        check=False,
        umask=0o022,
    )
    said = done.stderr.decode(errors="replace")
    assert done.returncode == 0, said
    return said


def reasons(deviations: Iterable[object]) -> dict[bytes, list[str]]:
    """Reasons of a record's deviations, by path."""
    found: defaultdict[bytes, list[str]] = defaultdict(list)
    for deviation in deviations:
        found[deviation.path].append(deviation.reason.value)  # type: ignore[attr-defined]
    return dict(found)


@contextlib.contextmanager
def mounted(*arguments: str | Path) -> Iterator[None]:
    """Mount, and unmount the last argument at the end; skip where that cannot be."""
    done = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.decode(errors='replace').strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


def names(folder: Path) -> list[str]:
    """What stands in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())
