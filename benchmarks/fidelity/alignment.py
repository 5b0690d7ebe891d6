"""Two Dockerfiles laid side by side: the pairing in order that likens most."""

import os.path
from difflib import SequenceMatcher
from typing import NamedTuple

from benchmarks.fidelity.items import Item

_LEAST_LIKENESS = 0.3
_EXACT_BONUS = 0.001
"""Settles which of two equally like items is paired."""


class Pairing(NamedTuple):
    """An item of the truth, the one that stands for it, and how like they are."""

    truth: Item
    recovered: Item
    likeness: float


def aligned(truth: list[Item], recovered: list[Item]) -> list[Pairing]:
    """The pairs of the best alignment (Needleman and Wunsch, without a price for gaps)."""
    likeness = [[_likeness(one, other) for other in recovered] for one in truth]
    worth = [
        [
            like + (_EXACT_BONUS if like and one.exact == other.exact else 0)
            for like, other in zip(row, recovered, strict=True)
        ]
        for row, one in zip(likeness, truth, strict=True)
    ]
    best = _table(worth, len(recovered))
    pairs, row, column = [], 0, 0
    while row < len(truth) and column < len(recovered):
        here = worth[row][column]
        if here > 0 and abs(best[row][column] - (here + best[row + 1][column + 1])) < 1e-9:
            pairs.append(Pairing(truth[row], recovered[column], likeness[row][column]))
            row, column = row + 1, column + 1
        elif best[row][column] == best[row + 1][column]:
            row += 1
        else:
            column += 1
    return pairs


def _table(worth: list[list[float]], width: int) -> list[list[float]]:
    best = [[0.0] * (width + 1) for _ in range(len(worth) + 1)]
    for row in range(len(worth) - 1, -1, -1):
        for column in range(width - 1, -1, -1):
            here = worth[row][column]
            paired = here + best[row + 1][column + 1] if here > 0 else 0
            best[row][column] = max(best[row + 1][column], best[row][column + 1], paired)
    return best


def _likeness(truth: Item, recovered: Item) -> float:
    if truth.keyword != recovered.keyword:
        is_copy = {truth.keyword, recovered.keyword} == {"COPY", "ADD"}
        return 0.5 * _likeness_of_copies(truth, recovered) if is_copy else 0.0
    if truth.normalised == recovered.normalised:
        return 1.0
    if truth.keyword in ("COPY", "ADD"):
        return _likeness_of_copies(truth, recovered)
    if truth.keyword in ("ENV", "LABEL"):
        return 0.5 if truth.name == recovered.name else 0.0
    if truth.keyword == "HEALTHCHECK":
        return 0.5 if truth.text == recovered.text else 0.2
    return _likeness_of_texts(truth.text, recovered.text)


def _likeness_of_texts(truth: str | None, recovered: str | None) -> float:
    one, other = (truth or "").split(), (recovered or "").split()
    if not one or not other:
        return 0.0
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if ratio > _LEAST_LIKENESS else 0.0


def _likeness_of_copies(truth: Item, recovered: Item) -> float:
    places = _likeness_of_places(truth.destination, recovered.destination)
    paths = _shared(truth.sources, recovered.sources)
    names = _shared(_names(truth.sources), _names(recovered.sources))
    return 0.5 * places + 0.5 * max(paths, 0.8 * names) if places or paths or names else 0.0


def _likeness_of_places(one: str, other: str) -> float:
    if one == other:
        return 1.0
    is_below = one.startswith(other + "/") or other.startswith(one + "/")
    return 0.5 if one and other and is_below else 0.0


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, len(one | other))


def _names(paths: frozenset[str]) -> frozenset[str]:
    return frozenset(os.path.basename(path) for path in paths)  # noqa: PTH119
