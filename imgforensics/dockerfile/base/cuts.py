"""Where a base image may end: every place in a history where one build seems to follow another.

A history does not say where its base ends. What tells is a change: another builder, a long
pause, an instruction after the command that ends most Dockerfiles, a row that only a root
filesystem has, the last row of a well-known image. Each counts; the last place where enough
of them meet is taken, as a base has bases of its own.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import accumulate
from typing import NamedTuple

from imgforensics.dockerfile.base.official import (
    VERSION_SUFFIX,
    VERSION_VARIABLES,
    library_image,
    tools_variant,
)
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.recovered import Builder
from imgforensics.dockerfile.words import split_words, unquote

ENOUGH = 2.0
"""The weight at which a place is taken for the end of the base."""
_LIKELY = 1.5
"""The weight that will do where no place has enough, and more than a pause speaks for it."""
_HOUR = 3600
_PAUSES = ((7 * 24 * _HOUR, 2.5), (20 * _HOUR, 2.0), (6 * _HOUR, 1.5), (_HOUR, 1.0), (600, 0.5))
DISTRIBUTION_ROWS = 12
"""Rows that a distribution's own image has at most."""
_SHELL = re.compile(r'CMD \["(?:/bin/|/usr/bin/)?(?:ba|a)?sh"\]')
_BREAK_CACHES = frozenset({"ADD", "ARG", "COPY", "LABEL"})
_COMMANDS = frozenset({"CMD", "ENTRYPOINT"})
_APPLIED = re.compile(r"(?:Apply image|Install update) \S+")
_PACKED = re.compile(
    r"(?:/bin/sh -c #\(nop\) )?ADD (?:file:[0-9a-f]{64} in / ?|\S+\.tar(?:\.\w+)? / # buildkit)"
)
_WITHOUT_DOCKERFILE = frozenset(
    {Builder.DEBUERREOTYPE, Builder.IMPORT, Builder.APKO, Builder.KIWI, Builder.NIX}
)


class Sign(NamedTuple):
    """One thing that speaks for a place."""

    weight: float
    reason: str


class Cut(NamedTuple):
    """A place between two rows."""

    rows: int
    """Rows below it."""
    weight: float
    reasons: tuple[str, ...]
    is_time_alone: bool = False
    """Whether a pause is all that speaks for it: a build that used its cache pauses, too."""
    breaks_cache: bool = False
    """Whether the row above it is of the kind at which a build stops using its cache."""


def scored_cuts(rows: Sequence[Row]) -> list[Cut]:
    """Every place that something speaks for, lowest first; its weight has no upper bound."""
    cuts = []
    moments = [row.created for row in rows]
    variables: dict[str, str] = {}
    has_layer = False
    for position in range(1, len(rows)):
        before = rows[position - 1]
        has_layer = has_layer or not before.entry.empty_layer
        variables.update(variables_of(before))
        if has_layer and _may_follow_a_base(rows[position]):
            pause = _pause(moments[position - 1], moments[position])
            cuts.append(_weigh(rows, position, variables, pause))
    return [cut for cut in cuts if cut.weight > 0]


def chosen_cut(cuts: Sequence[Cut], rows: Sequence[Row]) -> Cut | None:
    """The place that is taken for the end of the base: the last that enough speaks for."""
    strong = [cut for cut in cuts if cut.weight >= ENOUGH]
    certain = [cut for cut in strong if not (cut.is_time_alone and cut.breaks_cache)]
    layers = [0, *accumulate(not row.entry.empty_layer for row in rows)]
    kept: list[Cut] = []
    for cut in certain or strong[:1]:
        # An image of metadata alone is hardly a base: the pause is one of the cache.
        if kept and cut.is_time_alone and layers[cut.rows] == layers[kept[-1].rows]:
            continue
        kept.append(cut)
    likely = [cut for cut in cuts if cut.weight >= _LIKELY and not cut.is_time_alone]
    return next(reversed(kept or likely), None)


def _may_follow_a_base(row: Row) -> bool:
    return not row.is_merge and not made_without_dockerfile(row)


def variables_of(row: Row) -> dict[str, str]:
    """The versions of well-known images that a row's ENV sets."""
    if row.keyword != "ENV" or row.reading is None:
        return {}
    arguments = row.reading.instruction.arguments
    if VERSION_SUFFIX not in arguments:
        return {}
    pairs = (word.partition("=") for word in split_words(arguments))
    values = {unquote(name): unquote(value) for name, equals, value in pairs if equals}
    return {name: values[name] for name in values.keys() & VERSION_VARIABLES}


def ends_with_shell(row: Row) -> bool:
    """Whether a row is the shell that a distribution's own image ends with."""
    return bool(row.reading and _SHELL.fullmatch(str(row.reading.instruction)))


def is_root_filesystem(row: Row) -> bool:
    """Whether a row put a whole root filesystem in place."""
    text = row.entry.created_by or ""
    return bool(
        row.builder in _WITHOUT_DOCKERFILE or _APPLIED.fullmatch(text) or _PACKED.fullmatch(text)
    )


def made_without_dockerfile(row: Row) -> bool:
    """Whether no Dockerfile can have made a row."""
    return row.builder in _WITHOUT_DOCKERFILE or bool(
        _APPLIED.fullmatch(row.entry.created_by or "")
    )


def _weigh(
    rows: Sequence[Row], position: int, variables: dict[str, str], pause: float | None
) -> Cut:
    before, after = rows[position - 1], rows[position]
    times = list(_signs_of_time(pause))
    others = [
        *_signs_of_builders(before, after),
        *_signs_of_commands(before, after),
        *_signs_of_library(before, variables),
    ]
    is_early = position <= DISTRIBUTION_ROWS and is_root_filesystem(rows[0])
    if is_early and ends_with_shell(before):
        others.append(Sign(1.0, "a distribution's image ends with its shell"))
    weight = sum(sign.weight for sign in (*others, *times))
    reasons = tuple(sign.reason for sign in (*others, *times))
    is_alone = not others and not is_root_filesystem(before)
    return Cut(position, weight, reasons, is_alone, after.keyword in _BREAK_CACHES)


def _signs_of_builders(before: Row, after: Row) -> Iterator[Sign]:
    if before.builder is not after.builder:
        reason = f"{before.builder} wrote the rows below, {after.builder} those above"
        yield Sign(2.5, reason)
    if made_without_dockerfile(before) and not made_without_dockerfile(after):
        yield Sign(2.5, "the row below is a root filesystem's, and no Dockerfile's")


def _pause(first: datetime | None, second: datetime | None) -> float | None:
    """Seconds between two rows; None where one does not tell."""
    return None if first is None or second is None else (second - first).total_seconds()


def _signs_of_time(pause: float | None) -> Iterator[Sign]:
    if pause is None:
        return
    if pause <= -_HOUR:
        yield Sign(2.0, f"the row above is {_duration(-pause)} older than the one below")
    for least, weight in _PAUSES:
        if pause >= least:
            yield Sign(weight, f"{_duration(pause)} pass between the rows")
            return


def _signs_of_commands(before: Row, after: Row) -> Iterator[Sign]:
    if before.keyword in _COMMANDS and after.keyword not in _COMMANDS:
        yield Sign(1.5, f"{before.keyword} ends most Dockerfiles")


def _signs_of_library(before: Row, variables: dict[str, str]) -> Iterator[Sign]:
    """Tell the end of an image of Docker's library, once after its version was set."""
    official = library_image(before.reading.instruction, variables) if before.reading else None
    if official:
        del variables[official.variable]
        yield Sign(2.0, f"the official image {official.name} ends like this")
    if before.reading and tools_variant(before.reading.instruction) is not None:
        yield Sign(1.0, "the official image buildpack-deps ends like this")


def _duration(seconds: float) -> str:
    for size, name in ((24 * _HOUR, "days"), (_HOUR, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {name}"
    return f"{seconds:.0f} seconds"
