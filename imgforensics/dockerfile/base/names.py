"""What a base image may be called, where no builder says so.

Only names that the evidence holds the parts of: a distribution, a version that is written
down somewhere. The longest versions come first, as their tags stay with one image the longest.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from imgforensics.dockerfile.base.clues import Clues, Commands, SystemFacts
from imgforensics.dockerfile.base.cuts import DISTRIBUTION_ROWS, ends_with_shell, variables_of
from imgforensics.dockerfile.base.distributions import (
    TELLING_LABELS,
    Distribution,
    distributions_of,
)
from imgforensics.dockerfile.base.official import library_image, library_names, tools_variant
from imgforensics.dockerfile.base.system import SystemReader
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.recovered import BaseCandidate, BaseName
from imgforensics.dockerfile.words import split_words, unquote
from imgforensics.oci.config import ImageConfig

_NAME = re.compile(r"[A-Za-z0-9][\w.:/-]{0,500}(?:@sha256:[0-9a-f]{64})?", re.ASCII)
"""What FROM can take; a name that is written somewhere may be anything."""
_MOST_NAMES = 20
"""Of one candidate."""
_NEXT = 0.95
"""What a name is worth beside the one before it, which the same evidence allows."""
_BESIDE_STATED = 0.5
"""What evidence is worth beside a name that a builder states."""


def with_names(
    candidates: Sequence[BaseCandidate],
    rows: Sequence[Row],
    config: ImageConfig,
    system: SystemReader | None,
) -> tuple[BaseCandidate, ...]:
    """Candidates with every name the evidence allows; a stated name stays the best.

    `system` reads what the layers tell; without it they are left alone.
    """
    places = {found.rows for found in candidates}
    lower, upper = _below(rows, places), _labels_above(rows, places)
    texts = [row.entry.created_by or "" for row in rows]
    commands = Commands(texts)
    lowest = rows[0].created if rows else None
    named = []
    for found in candidates:
        below, above = lower[found.rows], upper[found.rows]
        inherited = {
            name: config.container.labels[name]
            for name in config.container.labels.keys() & TELLING_LABELS - above
        }
        clues = Clues(
            texts[: min(found.rows, DISTRIBUTION_ROWS)],
            inherited | below.labels,
            system.facts(found.layers) if system else SystemFacts({}),
            commands,
            lowest.date() if lowest else None,
        )
        guessed = _guessed(rows[found.rows - 1], below, clues) if found.rows else ()
        named.append(_with_best(found, guessed))
    return tuple(named)


@dataclass(slots=True)
class _Below:
    """What the rows below a place set."""

    variables: dict[str, str] = field(default_factory=dict)
    runs_before: dict[str, int] = field(default_factory=dict)
    """RUN rows before each variable was set."""
    labels: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    def add(self, row: Row) -> None:
        """Take in the next row."""
        self.runs += row.keyword == "RUN"
        for name, value in variables_of(row).items():
            self.variables[name] = value
            self.runs_before[name] = self.runs
        self.labels.update(_labels_of(row))

    def copy(self) -> "_Below":
        return _Below(dict(self.variables), dict(self.runs_before), dict(self.labels), self.runs)


def _below(rows: Sequence[Row], places: set[int]) -> dict[int, _Below]:
    """What is set below each of some places, told in one pass."""
    state = _Below()
    found = {0: state.copy()}
    for place, row in enumerate(rows, 1):
        state.add(row)
        if place in places:
            found[place] = state.copy()
    return found


def _labels_above(rows: Sequence[Row], places: set[int]) -> dict[int, frozenset[str]]:
    """The labels that are set above each of some places, told in one pass."""
    names: set[str] = set()
    found = {len(rows): frozenset(names)}
    for place in range(len(rows) - 1, -1, -1):
        names.update(name for name, _ in _labels_of(rows[place]))
        if place in places:
            found[place] = frozenset(names)
    return found


def _with_best(found: BaseCandidate, guessed: Sequence[BaseName]) -> BaseCandidate:
    names: dict[str, BaseName] = {}
    worth = found.score
    if found.name is not None:
        reason = found.reasons[-1] if found.reasons else str(found.evidence)
        names[found.name] = BaseName(found.name, found.score, reason)
        worth *= _BESIDE_STATED
    for one in guessed:
        if _NAME.fullmatch(one.name):
            names.setdefault(one.name, one._replace(score=round(one.score * worth, 3)))
    ranked = sorted(names.values(), key=lambda one: -one.score)[:_MOST_NAMES]
    return replace(found, name=ranked[0].name if ranked else None, names=tuple(ranked))


def _guessed(last: Row, below: _Below, clues: Clues) -> list[BaseName]:
    found: list[BaseName] = []
    for distribution in distributions_of(clues):
        reason, names = _names_on(distribution, last, below)
        why = "; ".join(filter(None, (reason, distribution.reason)))
        found += [
            BaseName(name, distribution.weight * _NEXT**place, why)
            for place, name in enumerate(names)
        ]
    return found


def _names_on(distribution: Distribution, last: Row, below: _Below) -> tuple[str, Sequence[str]]:
    """The names of what the rows made of a distribution, and what tells of them."""
    instruction = last.reading.instruction if last.reading else None
    if instruction is not None:
        official = library_image(instruction, below.variables)
        if official is not None:
            before = below.runs_before[official.variable]
            names = library_names(official, instruction, below.variables, distribution, before)
            return f"{official.variable} and the last row are those of {official.name}", names
        tools = tools_variant(instruction)
        if tools is not None:
            tags = [suffix + tools for suffix in distribution.suffixes if suffix]
            return "the last row installs what buildpack-deps has", [
                f"buildpack-deps:{tag.removeprefix('-')}" for tag in tags
            ]
    # A distribution's own image: nothing run on it, or a shell to end it.
    is_bare = not below.runs or ends_with_shell(last)
    return "", distribution.names if is_bare else ()


def _labels_of(row: Row) -> Iterator[tuple[str, str]]:
    """Those that tell of a distribution, among what a row sets."""
    if row.keyword == "LABEL" and row.reading:
        for word in split_words(row.reading.instruction.arguments):
            name, _, value = word.partition("=")
            if unquote(name) in TELLING_LABELS:
                yield unquote(name), unquote(value)
