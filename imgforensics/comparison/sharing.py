"""Lower layers that two images share: read once, and their snapshots are the same objects.

That a config declares the same diff_id is a claim. It is taken for true when the other image's
layer was read whole and this image's blob proves to be the same: the same stored bytes under
the same digest, or another packing of a tar with the same diff_id.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import takewhile

from imgforensics.compression import read_chunks
from imgforensics.digests import Digest
from imgforensics.image import Image
from imgforensics.layer.layer import Layer, LayerScan
from imgforensics.layer.stream import LayerFacts, LayerStream, report_disagreements
from imgforensics.limits import Limits
from imgforensics.problems import Problem, ProblemLog, has_errors
from imgforensics.side_by_side import Check, in_order

_THREADS = 2


def declared_in_common(image: Image, other: Image) -> int:
    """How many layers from the bottom have the same diff_id in both, by their configs."""
    pairs = zip(image.layers, other.layers, strict=False)
    same = takewhile(lambda p: p[0].diff_id is not None and p[0].diff_id == p[1].diff_id, pairs)
    return sum(1 for _ in same)


def share_lower_layers(
    image: Image, other: Image, most: int, progress: Callable[[Layer], None] | None = None
) -> int:
    """Let `image` use what was read of `other` for the lowest layers that both hold.

    At most `most` layers, all of which have been read in `other`. Returns how many were
    shared; those above are still to be read. `progress` is told each layer that was.
    """
    count = min(most, declared_in_common(image, other))
    pairs = list(zip(image.layers[:count], other.layers[:count], strict=True))
    shared = 0
    with closing(in_order(pairs, partial(_same_scan, image.limits), _THREADS)) as scans:
        for (layer, _), scan in scans:
            if scan is None:
                break
            layer.keep(scan)
            if progress:
                progress(layer)
            shared += 1
    image.share_snapshots_of(other, shared)
    return shared


def _same_scan(limits: Limits, pair: tuple[Layer, Layer], check: Check) -> LayerScan | None:
    """What was read of the second layer, told of the first; None unless both hold the same."""
    layer, other = pair
    if not layer.is_present or not other.is_scanned or has_errors(other.problems):
        return None
    known = other.scan()
    if layer.is_scanned:
        is_same = layer.scan().facts.diff_id == known.facts.diff_id
        return known if is_same and not has_errors(layer.problems) else None
    facts = _facts(layer, known.facts, limits, check)
    return None if facts is None else LayerScan(known.entries, facts)


def _facts(layer: Layer, known: LayerFacts, limits: Limits, check: Check) -> LayerFacts | None:
    if layer.digest is not None and layer.digest == known.digest:
        facts = _when_stored_the_same(layer, known, check)
    else:
        facts = _when_packed_otherwise(layer, limits, check)
    if facts.diff_id != known.diff_id or has_errors(facts.problems):
        return None
    return replace(facts, problems=(*facts.problems, *_told_of(layer, known.problems)))


def _when_stored_the_same(layer: Layer, known: LayerFacts, check: Check) -> LayerFacts:
    hasher, size = known.digest.hasher(), 0
    with layer.open() as file:
        for chunk in read_chunks(file):
            check()
            hasher.update(chunk)
            size += len(chunk)
    digest = Digest(known.digest.algorithm, hasher.hexdigest())
    facts = replace(known, digest=digest, stored_size=size, problems=())
    log = ProblemLog(layer.where)
    report_disagreements(layer.record, facts, log)
    return replace(facts, problems=tuple(log))


def _when_packed_otherwise(layer: Layer, limits: Limits, check: Check) -> LayerFacts:
    with layer.open() as file:
        stream = LayerStream(layer.record, read_chunks(file), ProblemLog(layer.where), limits)
        for _ in stream:
            check()
    return stream.facts()


def _told_of(layer: Layer, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Problems of the tar that both hold, with the place where `layer` stands."""
    ours = layer.where
    return tuple(
        replace(problem, where=replace(problem.where, source=ours.source, blob=ours.blob))
        for problem in problems
    )
