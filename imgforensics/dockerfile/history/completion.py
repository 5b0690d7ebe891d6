"""Instructions that no history row tells of, put where they most likely stood."""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from imgforensics.dockerfile.history.changes import RECORDS_ALL, changes
from imgforensics.dockerfile.history.pairs import Pair
from imgforensics.dockerfile.history.places import (
    environment_line,
    told,
    with_variables,
    with_volumes,
)
from imgforensics.dockerfile.history.settings import (
    untold_at_head,
    untold_at_tail,
    untold_triggers,
    untold_variables,
    untold_volumes,
)
from imgforensics.dockerfile.history.state import environment_of
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.recovered import Builder
from imgforensics.oci.config import ImageConfig

_SHORTEST_QUOTED = 4
_MOST_QUOTED = 100
_LONGEST_LABELS = 1 << 16
_VARIABLE = re.compile(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_EXPANDED_BY_BUILDER = frozenset({"ADD", "COPY", "ENV", "LABEL", "USER", "VOLUME", "WORKDIR"})
_PREDEFINED = frozenset(
    f"{name}_proxy".upper() if upper else f"{name}_proxy"
    for name in ("http", "https", "ftp", "no", "all")
    for upper in (True, False)
)


class Completed(NamedTuple):
    """A Dockerfile's own instructions, and the settings that no row of a whole history tells."""

    instructions: tuple[RecoveredInstruction, ...]
    untold_settings: tuple[RecoveredInstruction, ...] = ()
    """Changed after the build, and so among the instructions; or perhaps of the base."""


def completed(
    own: Sequence[RecoveredInstruction],
    base: Sequence[RecoveredInstruction],
    config: ImageConfig,
    builder: Builder,
    *,
    has_root: bool,
    untold_of_base: frozenset[str],
) -> Completed:
    """A Dockerfile's own instructions with those that only the configuration tells of.

    `has_root` says whether the base's working directory is `/` without an instruction,
    `untold_of_base` which settings may be inherited without one.
    """
    of_own, of_base = ([each.instruction for each in side] for side in (own, base))
    known = [*of_base, *of_own]
    if own and builder in RECORDS_ALL:
        found = changes(of_own, of_base, config, untold_of_base=untold_of_base)
        triggers = [told(each) for each in untold_triggers(config, known)]
        whole = (*_before_command(own, triggers), *found.after_build)
        return Completed(whole, (*found.after_build, *found.perhaps_of_base))
    labels = untold_at_head(config, known)
    variables = untold_variables(config, known)
    quoted = _quoted_variables(variables, labels)
    head = [told(each) for each in (*map(environment_line, quoted), *labels)]
    middle = with_variables(own, variables[len(quoted) :])
    middle, volumes = with_volumes(middle, untold_volumes(config, known), config)
    at_tail = untold_at_tail(config, of_base, of_own, volumes, has_root=has_root)
    return Completed((*head, *_with_arguments(middle, config), *map(told, at_tail)))


def _quoted_variables(variables: Sequence[Pair], labels: Sequence[Instruction]) -> list[Pair]:
    """The first variables, as far as labels hold their values: those name them, and stand below."""
    text = "\n".join(each.arguments for each in labels)[:_LONGEST_LABELS]
    return list(takewhile(lambda pair: _is_quoted(pair, text), variables[:_MOST_QUOTED]))


def _is_quoted(pair: Pair, text: str) -> bool:
    return len(pair.value) >= _SHORTEST_QUOTED and pair.value in text


def _before_command(
    own: Sequence[RecoveredInstruction], triggers: list[RecoveredInstruction]
) -> tuple[RecoveredInstruction, ...]:
    """Triggers before the CMD and ENTRYPOINT that end a Dockerfile."""
    end = len(own)
    while end and own[end - 1].instruction.keyword in ("CMD", "ENTRYPOINT"):
        end -= 1
    return (*own[:end], *triggers, *own[end:])


def _with_arguments(
    instructions: Sequence[RecoveredInstruction], config: ImageConfig
) -> list[RecoveredInstruction]:
    """An ARG ahead of each variable that the builder expanded and no environment holds."""
    told = set(environment_of(config.container.env)) | _PREDEFINED
    found: list[RecoveredInstruction] = []
    for each in instructions:
        if each.instruction.keyword == "ARG":
            told.update(word.partition("=")[0] for word in each.instruction.arguments.split())
        for name in _expanded(each.instruction):
            if name not in told:
                told.add(name)
                found.append(_argument(name))
        found.append(each)
    return found


def _expanded(instruction: Instruction) -> list[str]:
    if instruction.keyword not in _EXPANDED_BY_BUILDER:
        return []
    text = " ".join((*instruction.flags, instruction.arguments))
    return [braced or plain for braced, plain in _VARIABLE.findall(text)]


def _argument(name: str) -> RecoveredInstruction:
    note = "used below and set by no ENV; its default is lost"
    instruction = Instruction("ARG", name)
    return RecoveredInstruction(instruction, Evidence.INFERENCE, Confidence.INFERRED, note=note)
