"""Files' content out of layers that have been read before, for what a plan still lacks."""

import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import IO, NamedTuple

from imgforensics.errors import OutputFailedError
from imgforensics.extraction.record import Tally
from imgforensics.filesystem.node import Node
from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.keeping import changed_problem, is_same_blob
from imgforensics.layer.layer import Layer

_IN_MEMORY = 1 << 20
"""Content of more bytes that several files share is held in an unnamed file."""
_PIECE = 1 << 18


class Content(NamedTuple):
    """A file's stored content; to be read before the next one is asked for."""

    node: Node
    entry: LayerEntry
    pieces: Iterable[memoryview]


def node_contents(
    nodes: Iterable[Node],
    layers: Mapping[int, Layer] | Sequence[Layer],
    tally: Tally,
    spool_directory: str | None,
    progress: Callable[[int], None] | None = None,
) -> Generator[Content, None, None]:
    """The content of every node, in the order of the layers, each of which is read once.

    What is read must be what was verified the first time: a layer that has other bytes now is
    a problem in the tally, and a file that is not where it was has no content. Hard links
    whose attributes an upper layer changed under some of their names are several nodes of one
    content; it is spooled to `spool_directory` for them. Raises `OutputFailedError` where
    that cannot be, and `LimitExceededError` where nobody would have room for it.
    """
    for index, wanted in sorted(_by_place(nodes).items()):
        yield from _contents_of_layer(layers[index], wanted, tally, spool_directory, progress)


def _by_place(nodes: Iterable[Node]) -> dict[int, dict[int, list[Node]]]:
    """Nodes by the layer and the ordinal of the entry that brought their content."""
    places: defaultdict[int, dict[int, list[Node]]] = defaultdict(dict)
    for node in nodes:
        index, ordinal = place_in_layers(node)
        places[index].setdefault(ordinal, []).append(node)
    return places


def place_in_layers(node: Node) -> tuple[int, int]:
    """Layer index and ordinal of the entry that brought a file's content."""
    entry = _entry_of(node)
    return entry.layer_index, entry.member.ordinal


def _entry_of(node: Node) -> LayerEntry:
    if node.entry is None:
        raise ValueError("an implied directory has no entry")
    return node.entry


def _contents_of_layer(
    layer: Layer,
    wanted: dict[int, list[Node]],
    tally: Tally,
    spool_directory: str | None,
    progress: Callable[[int], None] | None,
) -> Iterator[Content]:
    with closing(layer.begin_pass(threads=True, progress=progress)) as layer_pass:
        for entry in layer_pass:
            nodes = wanted.get(entry.member.ordinal)
            if nodes is None or entry != nodes[0].entry:
                continue
            del wanted[entry.member.ordinal]
            if len(nodes) == 1:
                yield Content(nodes[0], entry, layer_pass.content())
            else:
                tally.make_room(entry.path, entry.member.stored_size)
                yield from _shared(nodes, entry, layer_pass.content(), spool_directory)
    if not is_same_blob(layer, layer_pass):
        tally.problems.append(changed_problem(layer))
    for nodes in wanted.values():
        for node in nodes:
            yield Content(node, _entry_of(node), ())


def _shared(
    nodes: list[Node],
    entry: LayerEntry,
    pieces: Iterable[memoryview],
    spool_directory: str | None,
) -> Iterator[Content]:
    with tempfile.SpooledTemporaryFile(_IN_MEMORY, dir=spool_directory) as spool:
        try:
            for piece in pieces:
                spool.write(piece)
            spool.flush()
        except OSError as error:
            raise OutputFailedError(
                f"{spool_directory or tempfile.gettempdir()}: {error.strerror}; "
                "choose another target"
            ) from error
        for node in nodes:
            spool.seek(0)
            yield Content(node, entry, _pieces(spool))


def _pieces(file: IO[bytes]) -> Iterator[memoryview]:
    while piece := file.read(_PIECE):
        yield memoryview(piece)
