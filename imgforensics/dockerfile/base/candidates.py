"""The base image: every place where it may end, best first."""

import math
from collections.abc import Sequence
from dataclasses import replace

from imgforensics.dockerfile.base.cuts import Cut, chosen_cut, is_root_filesystem, scored_cuts
from imgforensics.dockerfile.base.known_bases import KnownBase
from imgforensics.dockerfile.base.stated import (
    candidate_above,
    candidate_at,
    stated_base,
    with_stated_name,
)
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.instruction import Evidence
from imgforensics.dockerfile.recovered import SCRATCH, BaseCandidate
from imgforensics.oci.config import ImageConfig
from imgforensics.oci.json_document import Text

_MOST_OTHERS = 20
"""Places that are listed beside the one that was taken."""
_EARLIER = 0.5
"""What a score is worth below a place that was taken: a base has bases of its own."""


def base_cuts(
    config: ImageConfig, rows: Sequence[Row], annotations: Text, known: KnownBase | None
) -> tuple[BaseCandidate, ...]:
    """The cuts that most speaks for, best first; never none. Names only where stated.

    `known` is the base as the user's catalogue has it.
    """
    stated = stated_base(config, rows) or (known and _known_cut(rows, known))
    guessed = _scored(rows)
    if stated:
        weaker = [replace(found, score=found.score * _EARLIER) for found in guessed]
        guessed = [stated, *(found for found in weaker if found.rows != stated.rows)]
    best, *others = guessed
    return (with_stated_name(best, rows, config, annotations), *others)


def _known_cut(rows: Sequence[Row], known: KnownBase) -> BaseCandidate:
    """The cut above the layers of a known image, and above the rows of its own that follow."""
    layers = len(known.diff_ids)
    reason = f"its lowest {layers} layers are those of a known image"
    found = candidate_above(rows, layers, 1.0, (reason,), Evidence.CATALOGUE)
    position = min(len(known.history), found.rows) if known.history else found.rows
    return replace(found, rows=position, name=known.name)


def _scored(rows: Sequence[Row]) -> list[BaseCandidate]:
    cuts = scored_cuts(rows)
    chosen = chosen_cut(cuts, rows)
    others = sorted((cut for cut in cuts if cut is not chosen), key=lambda cut: -cut.weight)
    del others[_MOST_OTHERS:]
    nothing = _no_base(rows, is_likely=chosen is None)
    found = [candidate_at(rows, cut.rows, _score(cut) * _EARLIER, cut.reasons) for cut in others]
    if chosen is None:
        return [nothing, *found]
    best = candidate_at(rows, chosen.rows, _score(chosen), chosen.reasons)
    return [best, *found, nothing]


def _score(cut: Cut) -> float:
    """A weight, which has no upper bound, as a number below 1."""
    return round(0.98 * (1 - math.exp(-cut.weight / 2)), 2)


def _no_base(rows: Sequence[Row], *, is_likely: bool) -> BaseCandidate:
    """The whole history taken for the image's own."""
    making = [row for row in rows if not row.entry.empty_layer]
    if any(row.layer is None for row in making) or not making:
        reason = "rows and layers do not pair: what is below the first row is not told"
        return candidate_at(rows, 0, 0.4 if is_likely else 0.05, (reason,))
    reason = "every layer has its row, and nothing speaks of a base"
    if is_root_filesystem(making[0]):
        reason = "the first layer is a root filesystem"
    found = candidate_at(rows, 0, 0.7 if is_likely else 0.1, (reason,))
    return replace(found, name=SCRATCH)
