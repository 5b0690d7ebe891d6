"""The entries of a layer that is read for its contents: each is the same object every time.

Snapshots tell files apart by the entries that brought them, so an image has only one set of them.
"""

from collections.abc import Iterator

from imgforensics.layer.entry import LayerEntry
from imgforensics.layer.layer import Layer, LayerScan
from imgforensics.layer.stream import LayerPass
from imgforensics.problems import Problem, ProblemCode


def kept_entries(
    layer: Layer, layer_pass: LayerPass, problems: list[Problem]
) -> Iterator[LayerEntry]:
    """The entries of a pass, which stay with the layer, or are those that are with it already.

    Where the layer has other bytes than when it was read before, they end with what is alike,
    or the verdict differs, and `problems` says so.
    """
    if not layer.is_scanned:
        entries = []
        for entry in layer_pass:
            entries.append(entry)
            yield entry
        layer.keep(LayerScan(tuple(entries), layer_pass.facts))
        return
    known = iter(layer.entries)
    for entry in layer_pass:
        if entry != (as_kept := next(known, None)):
            break
        yield as_kept
    else:
        if is_same_blob(layer, layer_pass):
            return
    problems.append(changed_problem(layer))


def is_same_blob(layer: Layer, layer_pass: LayerPass) -> bool:
    """Whether a pass that has ended met the bytes that the layer had when it was first read."""
    first, second = layer.scan().facts, layer_pass.facts
    return (first.stored_size, first.digest, first.diff_id) == (
        second.stored_size,
        second.digest,
        second.diff_id,
    )


def changed_problem(layer: Layer) -> Problem:
    """What to say where it did not."""
    return Problem(
        ProblemCode.DIFF_ID_MISMATCH,
        layer.where,
        "the source changed while it was read",
        "what was read of the layer is not what was verified; ask again",
    )
