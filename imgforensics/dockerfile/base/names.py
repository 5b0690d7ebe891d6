"""What a base image may be called, where no builder says so.

Only names that the evidence holds the parts of: a distribution, a version that is written
down somewhere. The longest versions come first, as their tags stay with one image the longest.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from imgforensics.dockerfile.base.cuts import ends_with_shell, variables_of
from imgforensics.dockerfile.base.distributions import SystemFacts, distribution_of
from imgforensics.dockerfile.base.official import library_image, library_names
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.recovered import BaseCandidate
from imgforensics.dockerfile.words import split_words, unquote

_NAME = re.compile(r"[A-Za-z0-9][\w.:/-]{0,500}(?:@sha256:[0-9a-f]{64})?", re.ASCII)
"""What FROM can take; a name that is written somewhere may be anything."""


def with_names(candidate: BaseCandidate, rows: Sequence[Row], facts: SystemFacts) -> BaseCandidate:
    """A candidate with every name the evidence allows; a stated name stays the best."""
    guessed = _names(rows[: candidate.rows], facts) if candidate.rows else ()
    stated = (candidate.name,) if candidate.name else ()
    names = tuple(name for name in dict.fromkeys((*stated, *guessed)) if _NAME.fullmatch(name))
    return replace(candidate, name=names[0] if names else None, names=names)


def _names(rows: Sequence[Row], facts: SystemFacts) -> tuple[str, ...]:
    variables: dict[str, str] = {}
    runs_before: dict[str, int] = {}
    runs = 0
    for row in rows:
        keyword = row.reading.instruction.keyword if row.reading else ""
        runs += keyword == "RUN"
        for name, value in variables_of(row).items():
            variables[name] = value
            runs_before[name] = runs
    texts = [row.entry.created_by or "" for row in rows]
    distribution = distribution_of(texts, _labels(rows), facts)
    last = rows[-1].reading
    official = library_image(last.instruction, variables) if last else None
    if last is None or official is None:
        return distribution.names if _is_distribution(rows) else ()
    before = runs_before[official.variable]
    return library_names(official, last.instruction, variables, distribution, before)


def _is_distribution(rows: Sequence[Row]) -> bool:
    """Whether the rows made a distribution's own image: nothing run on it, or a shell to end it."""
    ran = any(row.reading and row.reading.instruction.keyword == "RUN" for row in rows)
    return not ran or ends_with_shell(rows[-1])


def _labels(rows: Sequence[Row]) -> dict[str, str]:
    labels = {}
    for row in rows:
        if row.reading and row.reading.instruction.keyword == "LABEL":
            for word in split_words(row.reading.instruction.arguments):
                name, _, value = word.partition("=")
                labels[unquote(name)] = unquote(value)
    return labels
