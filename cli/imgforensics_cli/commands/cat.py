"""`cat`: contents of files, as bytes."""

import base64
import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Annotated, Any, NamedTuple

import typer

from imgforensics.errors import DamagedBlobError, PathError, PathNotFoundError
from imgforensics.filesystem.node import Node
from imgforensics.filesystem.path import file_entry
from imgforensics.filesystem.resolve import resolve
from imgforensics.filesystem.tree import FileTree
from imgforensics.image import Image
from imgforensics.layer import LayerEntry, normalise_path
from imgforensics.opening import Need
from imgforensics.problems import display
from imgforensics.serialise import (
    host_name_to_json,
    identity_to_json,
    path_to_json,
    problem_to_json,
)
from imgforensics.tarstream.sparse import logical_content
from imgforensics_cli.failures import Failures
from imgforensics_cli.options import LayerNumber
from imgforensics_cli.output import counted, write_document
from imgforensics_cli.request import Request

EXAMPLES = (
    "imgforensics cat suspect.tar /etc/passwd /etc/group",
    "imgforensics cat --layer 3 suspect.tar /root/.aws/credentials",
    "imgforensics cat --version 0 suspect.tar /etc/passwd",
    "imgforensics cat suspect.tar /usr/bin/env > env",
)

_PIECE_BYTES = 3 << 18
"""A multiple of three, so that base64 of pieces has no padding between them."""


class _Piece(NamedTuple):
    """Some bytes of a file; an empty file has one piece of none."""

    path: bytes
    node: Node
    offset: int
    data: bytes


def run(
    request: Request,
    *,
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files of the image.", show_default=False)
    ],
    layer: LayerNumber = None,
    version: Annotated[
        int | None,
        typer.Option(
            "--version", metavar="K", min=0, help="The version that history numbers K, from 0."
        ),
    ] = None,
) -> int:
    """Write the contents of files to standard output, one after another, unchanged.

    Links are followed inside the image, but not with --version. On a terminal, and only there,
    what would do something to it is shown as escapes.
    """
    if version is not None and layer is not None:
        raise typer.BadParameter("excludes --layer", param_hint="--version")
    with request.open(Need.CONTENTS) as image:
        tree = request.tree(image, layer)
        failures = Failures()
        found = _found(tree, paths) if version is None else _versions(image, paths, version)
        pieces = _pieces(image, found, failures)
        if request.json:
            facts = {
                **host_name_to_json("source", image.source.description),
                "image": identity_to_json(image.record),
                "layer": tree.layer_index,
                "contents": map(_to_json, pieces),
                "failures": failures.messages,
                "problems": map(problem_to_json, image.problems_up_to(tree.layer_index)),
            }
            write_document("cat", facts)
        elif sys.stdout.isatty():
            _write_shown(pieces)
        else:
            sys.stdout.flush()
            for piece in pieces:
                sys.stdout.buffer.write(piece.data)
        return request.conclude(image.problems_up_to(tree.layer_index), failures.status)


class _Found(NamedTuple):
    """What a path leads to, or why it leads nowhere."""

    path: bytes
    node: Node | PathError


def _found(tree: FileTree, paths: Sequence[str]) -> Iterator[_Found]:
    for path in paths:
        raw = os.fsencode(path).lstrip(b"/")
        try:
            found = resolve(tree, raw)
            yield _Found(found.path, found.node)
        except PathError as error:
            yield _Found(raw, error)


def _versions(image: Image, paths: Sequence[str], version: int) -> Iterator[_Found]:
    for path in paths:
        raw = normalise_path(os.fsencode(path))
        events = image.history_of(raw, contents=False)
        nodes = [event.after for event in events if event.after is not None]
        if version < len(nodes):
            yield _Found(raw, nodes[version])
        else:
            held = f"{counted(len(nodes), 'version')}, counted from 0"
            yield _Found(raw, PathNotFoundError(display(b"/" + raw), f"it has {held}"))


def _pieces(image: Image, found: Iterable[_Found], failures: Failures) -> Iterator[_Piece]:
    for path, node in found:
        try:
            if isinstance(node, PathError):
                raise node
            yield from _pieces_of(image, path, node)
        except (PathError, DamagedBlobError) as error:
            failures.add(error)


def _pieces_of(image: Image, path: bytes, node: Node) -> Iterator[_Piece]:
    offset = 0
    for data in _content(image, file_entry(path, node)):
        yield _Piece(path, node, offset, data)
        offset += len(data)
    if offset == 0:
        yield _Piece(path, node, 0, b"")


def _content(image: Image, entry: LayerEntry) -> Iterator[bytes]:
    """A file's content; of one that is not all there, its beginning, and then the error."""
    try:
        file = image.open_content(entry)
    except DamagedBlobError:
        yield from _beginning(image, entry)
        raise
    with file:
        while data := file.read(_PIECE_BYTES):
            yield data


def _beginning(image: Image, entry: LayerEntry) -> Iterator[bytes]:
    """What the layer still holds of a file's content, found by reading up to it."""
    with closing(image.layers[entry.layer_index].begin_pass()) as layer_pass:
        for found in layer_pass:
            if found.member.ordinal == entry.member.ordinal:
                yield from _in_pieces(logical_content(found.member, layer_pass.content()))
                return


def _in_pieces(chunks: Iterable[memoryview]) -> Iterator[bytes]:
    """The same bytes, in pieces of one size but for the last."""
    waiting = bytearray()
    for chunk in chunks:
        waiting += chunk
        while len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting[:_PIECE_BYTES])
            del waiting[:_PIECE_BYTES]
    if waiting:
        yield bytes(waiting)


def _to_json(piece: _Piece) -> dict[str, Any]:
    return {
        **path_to_json(piece.path),
        "size": piece.node.size,
        "layer": piece.node.layer_index,
        "offset": piece.offset,
        "content_b64": base64.b64encode(piece.data).decode("ascii"),
    }


def _write_shown(pieces: Iterator[_Piece]) -> None:
    """Write to a terminal: text as it is, all that would move its cursor as escapes."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    for piece in pieces:
        text = decoder.decode(piece.data)
        sys.stdout.write(
            "\n".join("\t".join(map(display, line.split("\t"))) for line in text.split("\n"))
        )
    sys.stdout.write(decoder.decode(b"", final=True))
