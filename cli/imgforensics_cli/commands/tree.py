"""`tree`: the filesystem, drawn."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, NamedTuple

import typer

from imgforensics.errors import PathError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.resolve import Resolution, resolve
from imgforensics.filesystem.tree import FileTree
from imgforensics.layer import EntryKind
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics.serialise import (
    host_name_to_json,
    identity_to_json,
    node_to_json,
    path_to_json,
    problem_to_json,
)
from imgforensics_cli.failures import Failures
from imgforensics_cli.listing import link_text
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.output import counted, write_document, write_lines
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics tree suspect.tar /etc",
    "imgforensics tree --depth 2 --layer 0 suspect.tar",
)


class _Branch(NamedTuple):
    """One line of the drawing."""

    lines: str
    """What stands before its name."""
    below: str
    """What stands before the names below it."""
    depth: int
    path: bytes
    node: Node


def run(
    request: Request,
    *,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Where to begin.", show_default=False)
    ] = "/",
    layer: LayerNumber = None,
    depth: Annotated[
        int | None, typer.Option("--depth", metavar="N", min=1, help="Levels below PATH to draw.")
    ] = None,
) -> int:
    """Draw the filesystem that a container would see, with totals.

    A link given as PATH is followed; links below it are not.
    """
    with request.open(Need.ENTRIES) as image:
        tree = request.tree(image, layer)
        failures = Failures()
        found = _found(tree, path, failures)
        totals: Counter[str] = Counter()
        branches = _branches(found.path, found.node, depth, totals) if found else iter(())
        if request.json:
            documents = ({"depth": b.depth, **node_to_json(b.path, b.node)} for b in branches)
            facts = {
                **host_name_to_json("source", image.source.description),
                "image": identity_to_json(image.record),
                "layer": tree.layer_index,
                **(path_to_json(found.path) if found else {"path": None}),
                "entries": documents,
                "totals": totals,
                "failures": failures.messages,
                "problems": map(problem_to_json, image.problems_up_to(tree.layer_index)),
            }
            write_document("tree", facts)
        elif found:
            write_lines(map(_line, branches))
            write_lines(["", _told(totals)])
        return request.conclude(image.problems_up_to(tree.layer_index), failures.status)


def _found(tree: FileTree, path: str, failures: Failures) -> Resolution | None:
    try:
        return resolve(tree, os.fsencode(path).lstrip(b"/"))
    except PathError as error:
        failures.add(error)
        return None


def _branches(
    path: bytes, node: Node, depth: int | None, totals: Counter[str]
) -> Iterator[_Branch]:
    """The branches in the order of the drawing; what is below the top one is counted."""
    pending = [_Branch("", "", 0, path, node)]
    while pending:
        branch = pending.pop()
        if branch.depth:
            totals[branch.node.kind.value] += 1
        yield branch
        if branch.node.children and (depth is None or branch.depth < depth):
            pending.extend(_children(branch))


def _children(parent: _Branch) -> Iterator[_Branch]:
    """What is in a directory, the last first."""
    children = parent.node.children or {}
    prefix = parent.path + b"/" if parent.path else b""
    corner, below = "└── ", parent.below + "    "
    for name in sorted(children, reverse=True):
        child = children[name]
        yield _Branch(parent.below + corner, below, parent.depth + 1, prefix + name, child)
        corner, below = "├── ", parent.below + "│   "


def _line(branch: _Branch) -> str:
    node = branch.node
    name = branch.path.rpartition(b"/")[2] if branch.depth else b"/" + branch.path
    link = link_text(node.kind, node.link_target) if node.link_target else ""
    return f"{branch.lines}{display(name)}{link}"


def _told(totals: Counter[str]) -> str:
    named = [EntryKind.DIRECTORY.value, EntryKind.FILE.value]
    others = sorted(kind for kind in totals if kind not in named)
    return ", ".join(counted(totals[kind], kind) for kind in named + others)
