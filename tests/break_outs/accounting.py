"""Whether a record tells of everything that was not written as it stands in the image."""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from imgforensics import Image
from imgforensics.errors import PathError
from imgforensics.filesystem.apply import apply_layer
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.rules import RAW
from imgforensics.filesystem.tree import EMPTY_TREE, FileTree
from imgforensics.filesystem.whiteout import WhiteoutKind, whiteout_of
from imgforensics.layer import Layer, LayerEntry
from imgforensics.problems import ProblemLog
from imgforensics.serialise import path_to_json
from imgforensics.tarstream.member import EntryKind
from tests.extraction.building import ancestors

Told = set[tuple[int, str]]
"""Layers and paths, the latter as JSON shows them."""


def unaccounted(image: Image, record_path: Path) -> list[LayerEntry]:
    """Entries that the output has not, or not at their name, and that the record is silent on."""
    document = json.loads(record_path.read_text())
    assert document["complete"], document["problems"]
    wheres = [problem["where"] for problem in document["problems"]]
    told = {(where["layer"], where["path"]) for where in wheres if "path" in where}
    return [*_climbing(image, told), *_left_out(image, told, raw=document["form"] == "layers")]


def refusals_in(record_path: Path) -> int:
    """How many problems and deviations a record lists."""
    document = json.loads(record_path.read_text())
    return len(document["problems"]) + len(document["deviations"])


def _climbing(image: Image, told: Told) -> Iterator[LayerEntry]:
    for entry in image.entries:
        depth = 0
        for part in entry.member.name.split(b"/"):
            depth += -1 if part == b".." else part not in (b"", b".")
            if depth < 0:
                break
        if depth < 0 and not _is_told(entry, (entry.member.name,), told):
            yield entry


def _left_out(image: Image, told: Told, *, raw: bool) -> Iterator[LayerEntry]:
    for layer in image.layers:
        tree = _raw_tree(layer) if raw else image.filesystem_at(layer.index)
        told_here = told | _real_places(layer, tree, told)
        standing = {id(entry) for _, node in tree.walk() for entry in (node.entry, node.attributes)}
        for entry in layer.entries:
            if (
                id(entry) not in standing
                and (raw or not _deletes(entry))
                and not _is_merged(entry, tree)
                and not _is_told(entry, (entry.path, *ancestors(entry.path)), told_here)
            ):
                yield entry


def _real_places(layer: Layer, tree: FileTree, told: Told) -> Told:
    """Where entries that the record tells of stand: what they replaced had another name."""
    places = set()
    for entry in layer.entries:
        if _is_told(entry, (entry.path,), told):
            with suppress(PathError):
                real_path = resolve(tree, entry.path, follow=False).path
                places.add((layer.index, path_to_json(real_path)["path"]))
    return places


def _raw_tree(layer: Layer) -> FileTree:
    below = FileTree(EMPTY_TREE.root, layer.index - 1)
    return apply_layer(below, layer.entries, ProblemLog(layer.where), RAW)


def _deletes(entry: LayerEntry) -> bool:
    whiteout = whiteout_of(entry.path)
    return whiteout is not None and whiteout.kind in (WhiteoutKind.PLAIN, WhiteoutKind.OPAQUE)


def _is_merged(entry: LayerEntry, tree: FileTree) -> bool:
    """Whether it is in what stands there: another name of a file, a directory told twice."""
    if entry.kind not in (EntryKind.HARD_LINK, EntryKind.DIRECTORY):
        return False
    try:
        node = resolve(tree, entry.path, follow=False).node
    except PathError:
        return False
    return node.is_directory == (entry.kind is EntryKind.DIRECTORY)


def _is_told(entry: LayerEntry, paths: tuple[bytes, ...], told: Told) -> bool:
    return any((entry.layer_index, path_to_json(path)["path"]) in told for path in paths)
