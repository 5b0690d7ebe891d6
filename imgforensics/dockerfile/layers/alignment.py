"""How far a Dockerfile agrees with the instructions that an image's history tells of.

The last stage of the one must be the end of the other: rows below it are the base image's and
count for nothing. Order is kept, as builders keep it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from imgforensics.dockerfile.history.commands import LOST_SCRIPT
from imgforensics.dockerfile.instruction import Instruction
from imgforensics.dockerfile.layers.destinations import words_of
from imgforensics.dockerfile.words import split_words, unquote

_MOST_INSTRUCTIONS = 500
_LEAST_ALIKE = 0.3
_WEIGHTS = {"RUN": 3.0, "COPY": 2.0, "ADD": 2.0}
_NOT_IN_HISTORY = frozenset({"FROM", "ONBUILD"})


class Alignment(NamedTuple):
    """Which instruction is which row's."""

    score: float
    """From 0 to 1: what agrees, among all that is in either."""
    pairs: tuple[tuple[int, int], ...]
    """Positions in the Dockerfile and in the history, of those that belong together."""


def align(
    written: Sequence[Instruction],
    recovered: Sequence[Instruction],
    unplaced: Sequence[Instruction] = (),
) -> Alignment:
    """Align a Dockerfile's last stage with the instructions of a whole history.

    `unplaced` are more of them, which the configuration tells and not where they stood. Too
    long ones (500 instructions) are not aligned, and score 0.
    """
    places = [
        place for place in last_stage(written) if written[place].keyword not in _NOT_IN_HISTORY
    ]
    if not places or max(map(len, (places, recovered, unplaced))) > _MOST_INSTRUCTIONS:
        return Alignment(0.0, ())
    ours = [written[place] for place in places]
    pairs = _best_pairs(ours, recovered)
    if not pairs:
        return Alignment(0.0, ())
    agreed = sum(_weight(ours[mine]) * alike(ours[mine], recovered[row]) for mine, row in pairs)
    paired = {mine for mine, _ in pairs}
    left = [each for place, each in enumerate(ours) if place not in paired]
    agreed += sum(_best_unplaced(left, unplaced))
    own_rows = (*recovered[pairs[0][1] :], *unplaced)
    all_ours, all_rows = (sum(map(_weight, side)) for side in (ours, own_rows))
    score = 2 * agreed / (all_ours + all_rows)
    return Alignment(min(1.0, score), tuple((places[mine], row) for mine, row in pairs))


def _best_unplaced(ours: Sequence[Instruction], unplaced: Sequence[Instruction]) -> Iterator[float]:
    """What each is worth whose like is somewhere among the others; each of those counts once."""
    unused = list(unplaced)
    for mine in ours:
        likest = max(unused, key=lambda other: alike(mine, other), default=None)
        if likest is not None and alike(mine, likest) >= _LEAST_ALIKE:
            unused.remove(likest)
            yield _weight(mine) * alike(mine, likest)


def up_to_stage(written: Sequence[Instruction], target: str | None) -> Sequence[Instruction]:
    """A Dockerfile without the stages behind the one of this name or number."""
    starts = [place for place, one in enumerate(written) if one.keyword == "FROM"]
    for number, start in enumerate(starts[:-1]):
        name = written[start].arguments.split()[-1:]
        if target is not None and target.lower() in (str(number), *(n.lower() for n in name)):
            return written[: starts[number + 1]]
    return written


def last_stage(written: Sequence[Instruction]) -> list[int]:
    """Positions of the last stage's instructions, and of those of the stages it goes on from."""
    stages: list[list[int]] = []
    names: dict[str, int] = {}
    for position, instruction in enumerate(written):
        if instruction.keyword == "FROM":
            words = instruction.arguments.split()
            if len(words) == 3 and words[1].upper() == "AS":
                names.setdefault(words[2].lower(), len(stages))
            stages.append([])
        if stages:
            stages[-1].append(position)
    chain: list[int] = []
    current = len(stages) - 1
    while current >= 0:
        chain = stages[current] + chain
        base = written[stages[current][0]].arguments.split()[:1]
        below = names.get(base[0].lower(), -1) if base else -1
        current = below if below < current else -1
    return chain


def _best_pairs(
    ours: Sequence[Instruction], theirs: Sequence[Instruction]
) -> list[tuple[int, int]]:
    """The pairing in order that agrees most (Needleman-Wunsch; the rows below ours are free)."""
    gains = [[_gain(mine, row) for row in theirs] for mine in ours]
    best = [[0.0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
    for i, mine in enumerate(ours):
        best[i + 1][0] = best[i][0] - _weight(mine)
        for j, row in enumerate(theirs):
            best[i + 1][j + 1] = max(
                best[i][j] + gains[i][j],
                best[i][j + 1] - _weight(mine),
                best[i + 1][j] - _weight(row),
            )
    pairs = []
    i, j = len(ours), len(theirs)
    while i and j:
        if best[i][j] == best[i][j - 1] - _weight(theirs[j - 1]):
            j -= 1
        elif best[i][j] == best[i - 1][j] - _weight(ours[i - 1]):
            i -= 1
        else:
            i, j = i - 1, j - 1
            if gains[i][j] > 0:
                pairs.append((i, j))
    return pairs[::-1]


def _gain(mine: Instruction, row: Instruction) -> float:
    """What pairing the two is worth; as bad as leaving out both where they are not alike."""
    likeness = alike(mine, row)
    if likeness < _LEAST_ALIKE:
        return -_weight(mine) - _weight(row)
    return (_weight(mine) + _weight(row)) * likeness


def _weight(instruction: Instruction) -> float:
    return _WEIGHTS.get(instruction.keyword, 1.0)


def alike(mine: Instruction, row: Instruction) -> float:
    """From 0 to 1: how likely a history's instruction is what became of a written one."""
    if mine.keyword != row.keyword:
        return 0.0
    return _LIKENESSES.get(mine.keyword, _texts_alike)(mine, row)


def _texts_alike(mine: Instruction, row: Instruction) -> float:
    """By words, white space left aside; what a variable stood for may be anything."""
    is_lost = any(LOST_SCRIPT in heredoc.body for heredoc in row.heredocs)
    ours, theirs = (_tokens(one, is_lost=is_lost) for one in (mine, row))
    if ours == theirs or (mine.keyword != "RUN" and "$" in mine.arguments):
        return 1.0
    shared = sum((Counter(ours) & Counter(theirs)).values())
    return 2 * shared / (len(ours) + len(theirs) or 1)


def _arguments_alike(mine: Instruction, row: Instruction) -> float:
    """By name alone: the history may have the value that was given to the build."""
    return float(mine.arguments.partition("=")[0] == row.arguments.partition("=")[0])


def _directories_alike(mine: Instruction, row: Instruction) -> float:
    """A history may have the whole path of a relative one."""
    is_end = row.arguments.endswith("/" + mine.arguments.strip("./"))
    return 1.0 if is_end else _texts_alike(mine, row)


def _copies_alike(instruction: Instruction, row: Instruction) -> float:
    """By destination, as the classic history does not name sources."""
    ours, theirs = words_of(instruction), words_of(row)
    if not ours or not theirs:
        return 0.0
    mine, other = (words[-1].rstrip("/").removesuffix("/.") for words in (ours, theirs))
    if mine == other or "$" in mine:
        return 1.0
    relative = mine.removeprefix("./").lstrip(".")
    return 1.0 if not mine.startswith("/") and other.endswith(relative) else 0.0


def _pairs_alike(mine: Instruction, row: Instruction) -> float:
    """By names; a value that refers to others was replaced before it came into the history."""
    ours, theirs = _named_values(mine.arguments), _named_values(row.arguments)
    agreed = sum(
        1.0 if "$" in value or theirs[name] == value else 0.6
        for name, value in ours.items()
        if name in theirs
    )
    return 2 * agreed / (len(ours) + len(theirs) or 1)


def _named_values(arguments: str) -> dict[str, str]:
    words = split_words(arguments)
    if words and "=" not in words[0]:
        name, _, value = arguments.partition(" ")
        return {name: unquote(value.strip())}
    pairs = (word.partition("=") for word in words)
    return {unquote(name): unquote(value) for name, _, value in pairs}


def _tokens(instruction: Instruction, *, is_lost: bool) -> list[str]:
    """The words of a text; the documents after it left out where the history has lost them."""
    bodies = () if is_lost else (heredoc.body for heredoc in instruction.heredocs)
    text = "".join((instruction.arguments, *bodies))
    return re.findall(r"[^\s\"'\[\],]+", text)


_LIKENESSES: dict[str, Callable[[Instruction, Instruction], float]] = {
    "ADD": _copies_alike,
    "ARG": _arguments_alike,
    "COPY": _copies_alike,
    "ENV": _pairs_alike,
    "LABEL": _pairs_alike,
    "WORKDIR": _directories_alike,
}
