"""Which layer each history row made.

Where every row that claims a layer has one, they pair in order. Where they do not (layers were
merged, rows were dropped, tools rewrote either), what the layers hold decides: the destination
of a COPY exists in the layer that it made. Both ends hold, as rows and layers keep their order.
"""

from collections.abc import Sequence

from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.recovered import Builder
from imgforensics.dockerfile.words import split_words, unquote
from imgforensics.errors import ImageForensicsError
from imgforensics.image import Image
from imgforensics.layer.entry import normalise_path

_LARGEST_TABLE = 1_000_000
_MAKES_LAYERS = frozenset({"ADD", "COPY", "RUN", "WORKDIR"})


def with_layers_paired(rows: Sequence[Row], image: Image, *, read_layers: bool) -> tuple[Row, ...]:
    """The rows with the layer that each made, None for those that made none."""
    count = len(image.layers)
    claiming = [row for row in rows if not row.entry.empty_layer]
    if len(claiming) == count:
        paired = {row.position: layer for layer, row in enumerate(claiming)}
    else:
        contents = _Contents(image) if read_layers else None
        paired = _aligned(rows, claiming, count, contents)
    found = [row._replace(layer=paired.get(row.position)) for row in rows]
    return tuple(_with_merged(found))


def _with_merged(rows: list[Row]) -> list[Row]:
    """Give rows whose files went into one layer with those of later rows that layer.

    buildah without `--layers` and `docker build --squash` write one layer for many rows.
    """
    layer: int | None = None
    is_merged = False
    found = []
    for row in reversed(rows):
        if not row.entry.empty_layer:
            layer = row.layer
            is_merged = row.is_merge
        is_below = row.entry.empty_layer and _makes_layer(row)
        belongs = is_below and (is_merged or row.builder is Builder.BUILDAH)
        found.append(row._replace(layer=layer) if belongs else row)
    return found[::-1]


def _makes_layer(row: Row) -> bool:
    return row.reading is None or row.reading.instruction.keyword in _MAKES_LAYERS


def _aligned(
    rows: Sequence[Row], claiming: Sequence[Row], count: int, contents: "_Contents | None"
) -> dict[int, int]:
    """Layers by row position: the pairing in order that fits best, later layers first.

    What is missing of a history is mostly its beginning.
    """
    making = [row for row in rows if _makes_layer(row)]
    if len(making) * count > _LARGEST_TABLE:
        return _from_both_ends(claiming, count)
    fits = [_fits(row, count, contents) for row in making]
    best = _table(fits, count)
    paired, place, layer = {}, 0, 0
    while place < len(making) and layer < count:
        if best[place][layer] == best[place][layer + 1]:
            layer += 1
        elif best[place][layer] == best[place + 1][layer]:
            place += 1
        else:
            paired[making[place].position] = layer
            place, layer = place + 1, layer + 1
    return paired


def _table(fits: Sequence[Sequence[float]], count: int) -> list[list[float]]:
    """The best total of every pair of tails."""
    best = [[0.0] * (count + 1) for _ in range(len(fits) + 1)]
    for place in range(len(fits) - 1, -1, -1):
        row, below = best[place], best[place + 1]
        for layer in range(count - 1, -1, -1):
            paired = fits[place][layer] + below[layer + 1]
            row[layer] = max(paired, row[layer + 1], below[layer])
    return best


def _from_both_ends(claiming: Sequence[Row], count: int) -> dict[int, int]:
    """The first row with the first layer, all others from the end."""
    paired = {row.position: layer for row, layer in zip(claiming[:1], range(count), strict=False)}
    tail = zip(reversed(claiming[1:]), range(count - 1, 0, -1), strict=False)
    return paired | {row.position: layer for row, layer in tail}


def _fits(row: Row, count: int, contents: "_Contents | None") -> list[float]:
    """How well each layer fits a row; below 0 for one that the row cannot have made."""
    fit = 0.2 if row.entry.empty_layer else 0.6
    found = [fit] * count
    if row.position == 0 and found:
        found[0] += 0.1
    destination = _destination(row) if contents else None
    if contents is None or destination is None:
        return found
    held = [contents.holds(layer, destination) for layer in range(count)]
    return [
        fit if is_held is None else fit + 2 if is_held else -1
        for fit, is_held in zip(found, held, strict=True)
    ]


def _destination(row: Row) -> bytes | None:
    """Where a row put something, if it says so without variables."""
    if row.reading is None or row.reading.instruction.keyword == "RUN":
        return None
    words = split_words(row.reading.instruction.arguments)
    path = unquote(words[-1]) if words else ""
    if not path.startswith("/") or "$" in path:
        return None
    return normalise_path(path.encode("utf-8", "surrogateescape"))


class _Contents:
    """The paths of an image's layers, read when asked for."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._paths: dict[int, set[bytes] | None] = {}

    def holds(self, layer: int, path: bytes) -> bool | None:
        """Whether a layer has an entry at a path or below it; None where it is unreadable."""
        if layer not in self._paths:
            self._paths[layer] = self._read(layer)
        paths = self._paths[layer]
        return None if paths is None else path in paths

    def _read(self, layer: int) -> set[bytes] | None:
        """Every path of a layer and every directory above one."""
        try:
            entries = self._image.layers[layer].entries
        except ImageForensicsError:
            return None
        paths: set[bytes] = set()
        for entry in entries:
            path = entry.path
            while path not in paths:
                paths.add(path)
                path = path.rpartition(b"/")[0]
        return paths
