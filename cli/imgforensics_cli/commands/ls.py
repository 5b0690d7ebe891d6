"""`ls`: the merged filesystem after a layer, or every entry of every layer."""

import os
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from imgforensics.errors import PathError, PathNotFoundError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import Resolution, resolve
from imgforensics.filesystem.tree import FileTree, walk
from imgforensics.image import Image
from imgforensics.layer import LayerEntry, normalise_path
from imgforensics.opening import Need
from imgforensics.problems import Problem, display
from imgforensics.serialise import (
    entry_to_json,
    host_name_to_json,
    identity_to_json,
    node_to_json,
    problem_to_json,
)
from imgforensics_cli.failures import Failures
from imgforensics_cli.listing import entry_line, node_line
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.output import write_document, write_lines, write_names
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics ls suspect.tar /etc",
    "imgforensics ls -l -R --layer 0 suspect.tar",
    "imgforensics ls -l -R --all-layers suspect.tar | grep '\\.wh\\.'",
    "imgforensics ls -R -0 suspect.tar | xargs -0 -n1",
)


def run(
    request: Request,
    *,
    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATH...", help="Paths of the image; / if none is given."),
    ] = None,
    long: Annotated[
        bool, typer.Option("--long", "-l", help="Layer, mode, uid:gid, size, time (UTC), links.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-R", help="Everything below, too.")
    ] = False,
    layer: LayerNumber = None,
    all_layers: Annotated[
        bool,
        typer.Option(
            "--all-layers",
            help="Every layer's entries as they are, whiteouts and all; of PATH, where given.",
        ),
    ] = False,
    null: Annotated[
        bool, typer.Option("--null", "-0", help="Paths as raw bytes, each ended by a NUL.")
    ] = False,
) -> int:
    """List the filesystem that a container would see, or what each layer holds.

    Names that are not UTF-8, or would do something to a terminal, are shown with escapes.
    """
    _check_options(request, layer, all_layers=all_layers, long=long, null=null)
    with request.open(Need.ENTRIES) as image:
        failures = Failures()
        if all_layers:
            request.scan(image)
            entries = _entries(image, paths or (), failures, recursive=recursive)
            _write_entries(request, image, entries, failures, long=long, null=null)
        else:
            tree = request.tree(image, layer)
            nodes = _nodes(tree, paths or ("/",), failures, recursive=recursive, long=long)
            _write_nodes(request, image, tree, nodes, failures, long=long, null=null)
        return request.conclude(_problems(image, layer), failures.status)


def _problems(image: Image, layer: int | None) -> tuple[Problem, ...]:
    return image.problems if layer is None else image.problems_up_to(layer)


def _check_options(
    request: Request, layer: int | None, *, all_layers: bool, long: bool, null: bool
) -> None:
    if all_layers and layer is not None:
        raise typer.BadParameter("excludes --layer", param_hint="--all-layers")
    if null and (long or request.json):
        raise typer.BadParameter("excludes --long and --json", param_hint="--null")


# The merged filesystem.


def _nodes(
    tree: FileTree, paths: Sequence[str], failures: Failures, *, recursive: bool, long: bool
) -> Iterator[tuple[bytes, Node]]:
    """What the paths lead to, and what is in it, by real path."""
    for path in paths:
        try:
            found = _look_up(tree, os.fsencode(path).lstrip(b"/"), long=long)
        except PathError as error:
            failures.add(error)
            continue
        yield from _listed(found.path, found.node, recursive=recursive)


def _look_up(tree: FileTree, path: bytes, *, long: bool) -> Resolution:
    """As `ls` does: a link is followed, unless its own facts are asked for or it leads nowhere."""
    itself = resolve(tree, path, follow=False)
    if long and not path.endswith(b"/"):
        return itself
    try:
        return resolve(tree, path)
    except PathError:
        return itself


def _listed(path: bytes, node: Node, *, recursive: bool) -> Iterator[tuple[bytes, Node]]:
    if node.children is None:
        yield path, node
        return
    below = walk(path, node)
    next(below)
    if recursive:
        yield from below
        return
    prefix = path + b"/" if path else b""
    for name in sorted(node.children):
        yield prefix + name, node.children[name]


def _write_nodes(
    request: Request,
    image: Image,
    tree: FileTree,
    nodes: Iterator[tuple[bytes, Node]],
    failures: Failures,
    *,
    long: bool,
    null: bool,
) -> None:
    if request.json:
        documents = (node_to_json(path, node) for path, node in nodes)
        _write_json(image, tree.layer_index, documents, failures)
    elif null:
        write_names(b"/" + path for path, _ in nodes)
    elif long:
        write_lines(node_line(path, node) for path, node in nodes)
    else:
        write_lines(display(b"/" + path) for path, _ in nodes)


# The layers, as they are.


def _entries(
    image: Image, paths: Sequence[str], failures: Failures, *, recursive: bool
) -> Iterator[LayerEntry]:
    """Entries of all layers that are there, at and in the paths; without paths, all of them."""
    wanted = [normalise_path(os.fsencode(path)) for path in paths]
    present = [layer for layer in image.layers if layer.is_present]
    if not wanted or (recursive and b"" in wanted):
        for layer in present:
            yield from layer.entries
        return
    found = {b""}
    is_listed = _below_itself if recursive else _beside_itself
    for layer in present:
        for entry in layer.entries:
            matching = [path for path in wanted if is_listed(entry.path, path)]
            if matching:
                found.update(matching)
                yield entry
    for path in wanted:
        if path not in found:
            failures.add(PathNotFoundError(display(b"/" + path)))


def _below_itself(path: bytes, wanted: bytes) -> bool:
    return path == wanted or path.startswith(wanted + b"/")


def _beside_itself(path: bytes, wanted: bytes) -> bool:
    return path == wanted or path.rpartition(b"/")[0] == wanted


def _write_entries(
    request: Request,
    image: Image,
    entries: Iterator[LayerEntry],
    failures: Failures,
    *,
    long: bool,
    null: bool,
) -> None:
    if request.json:
        _write_json(image, None, map(entry_to_json, entries), failures)
    elif null:
        write_names(b"/" + entry.path for entry in entries)
    elif long:
        write_lines(map(entry_line, entries))
    else:
        write_lines(f"{entry.layer_index:>3} {display(b'/' + entry.path)}" for entry in entries)


def _write_json(
    image: Image, layer: int | None, entries: Iterator[dict[str, Any]], failures: Failures
) -> None:
    facts = {
        **host_name_to_json("source", image.source.description),
        "image": identity_to_json(image.record),
        "layer": layer,
        "entries": entries,
        "failures": failures.messages,
        "problems": map(problem_to_json, _problems(image, layer)),
    }
    write_document("ls", facts)
