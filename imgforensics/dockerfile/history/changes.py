"""Settings that a history which records everything does not tell: changed after the build.

Or brought by the base, where its own history does not tell all.
"""

from collections.abc import Sequence
from typing import NamedTuple

from imgforensics.dockerfile.history.places import environment_line
from imgforensics.dockerfile.history.rows import Row
from imgforensics.dockerfile.history.settings import (
    named_pairs,
    untold_at_head,
    untold_at_tail,
    untold_variables,
    untold_volumes,
)
from imgforensics.dockerfile.instruction import (
    KEYWORDS,
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import SCRATCH, BaseCandidate, Builder
from imgforensics.oci.config import ImageConfig

RECORDS_ALL = frozenset({Builder.CLASSIC, Builder.BUILDAH, Builder.BUILDKIT})
"""Builders that write a row for every instruction."""
_SETS_NOTHING_ELSE = frozenset({*RECORDS_ALL, Builder.DEBUERREOTYPE})
"""Those, and one whose images have no settings but a shell."""
_TAKES_LABELS = frozenset({Builder.BUILDAH, Builder.BUILDKIT})
"""Those whose option `--label` leaves no row."""
_NAMED = frozenset({"ENV", "LABEL"})
_ADDED = frozenset({"EXPOSE", "VOLUME"})
_CMD, _ENTRYPOINT = ("CMD", ""), ("ENTRYPOINT", "")
_CHANGED = "no row tells of it: the configuration was changed after the build"
_LABELLED = "no row tells of it: a label given to the build as an option, or set after it"
_OF_BASE = "no row tells of it: perhaps of the base, whose own history does not tell all"


class Changes(NamedTuple):
    """What no row tells of."""

    after_build: tuple[RecoveredInstruction, ...]
    perhaps_of_base: tuple[RecoveredInstruction, ...]


def untold_keywords(base: BaseCandidate, rows: Sequence[Row]) -> frozenset[str]:
    """What an image may inherit from its base though none of the base's `rows` tells of it."""
    if not rows:
        return frozenset() if base.name == SCRATCH else KEYWORDS
    builders = {row.builder for row in rows}
    of_layers = {row.layer for row in rows if row.reading or row.builder is Builder.DEBUERREOTYPE}
    if not (builders <= _SETS_NOTHING_ELSE and of_layers >= set(range(base.layers))):
        return KEYWORDS
    return frozenset({"LABEL"}) if builders & _TAKES_LABELS else frozenset()


def changes(
    own: Sequence[Instruction],
    base: Sequence[Instruction],
    config: ImageConfig,
    *,
    untold_of_base: frozenset[str],
) -> Changes:
    """Settings that neither the Dockerfile's `own` instructions nor those of its base tell of.

    `untold_of_base` are the keywords of those that may be inherited all the same.
    """
    known = [*base, *own]
    untold = [
        *map(environment_line, untold_variables(config, known)),
        *untold_at_head(config, known),
        *untold_at_tail(config, base, own, untold_volumes(config, known), has_root=True),
    ]
    # Some builders keep no rows of triggers, and those of a base have been carried out.
    untold = [each for each in untold if each.keyword != "ONBUILD"]
    set_by_own = _settings(own)
    if _ENTRYPOINT in set_by_own:  # It takes the base's CMD away.
        set_by_own.add(_CMD)
    changed = [
        each
        for each in untold
        if each.keyword not in untold_of_base or _settings([each]) & set_by_own
    ]
    replaced = set(changed)
    return Changes(
        tuple(map(_changed, changed)),
        tuple(_recovered(each, _OF_BASE) for each in untold if each not in replaced),
    )


def _settings(instructions: Sequence[Instruction]) -> set[tuple[str, str]]:
    """What they set in place of what a base has; ports and volumes are added to its own."""
    keywords = {each.keyword for each in instructions} - _ADDED
    named = {(keyword, name) for keyword in _NAMED for name in named_pairs(keyword, instructions)}
    return named | {(keyword, "") for keyword in keywords - _NAMED}


def _changed(instruction: Instruction) -> RecoveredInstruction:
    return _recovered(instruction, _LABELLED if instruction.keyword == "LABEL" else _CHANGED)


def _recovered(instruction: Instruction, note: str) -> RecoveredInstruction:
    return RecoveredInstruction(instruction, Evidence.CONFIG, Confidence.INFERRED, note=note)
