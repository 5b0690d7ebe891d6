"""Instructions that no history row tells of, put where they most likely stood."""

import re
from collections.abc import Sequence

from imgforensics.dockerfile.history.pairs import Pair, pairs_text
from imgforensics.dockerfile.history.settings import (
    changed_commands,
    untold_at_head,
    untold_at_tail,
    untold_triggers,
    untold_variables,
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

_RECORDS_ALL = frozenset({Builder.CLASSIC, Builder.BUILDAH, Builder.BUILDKIT})
_TELLING_VALUE = re.compile(r".*[0-9][.]?[0-9].*")
_SHORTEST_VALUE = 4
_WORD = re.compile(r"\$\{?\w+|[\w.+-]+")
_VARIABLE = re.compile(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_EXPANDED_BY_BUILDER = frozenset({"ADD", "COPY", "ENV", "LABEL", "USER", "VOLUME", "WORKDIR"})
_PREDEFINED = frozenset(
    f"{name}_proxy".upper() if upper else f"{name}_proxy"
    for name in ("http", "https", "ftp", "no", "all")
    for upper in (True, False)
)
_NOTE = "from the configuration; the builder keeps no history of it, its place is inferred"


def completed(
    own: Sequence[RecoveredInstruction],
    base: Sequence[RecoveredInstruction],
    config: ImageConfig,
    builder: Builder,
) -> tuple[RecoveredInstruction, ...]:
    """A Dockerfile's own instructions with those that only the configuration tells of."""
    known = [each.instruction for each in (*base, *own)]
    if own and builder in _RECORDS_ALL:
        changed = changed_commands(config, [each.instruction for each in own])
        triggers = [_told(each) for each in untold_triggers(config, known)]
        return (*_before_command(own, triggers), *map(_changed, changed))
    head = [_told(each) for each in untold_at_head(config, known)]
    tail = [_told(each) for each in untold_at_tail(config, known)]
    middle = _with_variables(own, untold_variables(config, known))
    return (*head, *_with_arguments(middle, config), *tail)


def _told(instruction: Instruction) -> RecoveredInstruction:
    return RecoveredInstruction(instruction, Evidence.CONFIG, Confidence.INFERRED, note=_NOTE)


def _changed(instruction: Instruction) -> RecoveredInstruction:
    note = "no row tells of it: the configuration was changed after the build"
    return RecoveredInstruction(instruction, Evidence.CONFIG, Confidence.INFERRED, note=note)


def _before_command(
    own: Sequence[RecoveredInstruction], triggers: list[RecoveredInstruction]
) -> tuple[RecoveredInstruction, ...]:
    """Triggers before the CMD and ENTRYPOINT that end a Dockerfile."""
    end = len(own)
    while end and own[end - 1].instruction.keyword in ("CMD", "ENTRYPOINT"):
        end -= 1
    return (*own[:end], *triggers, *own[end:])


def _with_variables(
    own: Sequence[RecoveredInstruction], variables: Sequence[Pair]
) -> list[RecoveredInstruction]:
    """Each variable before the instruction that first uses it, else after the one before it."""
    before: dict[int, list[RecoveredInstruction]] = {}
    for pair, place in _in_order(variables, _places(own, variables)):
        before.setdefault(place, []).append(_told(Instruction("ENV", pairs_text([pair]))))
    found: list[RecoveredInstruction] = []
    for place, each in enumerate(own):
        found += [*before.get(place, ()), each]
    return [*found, *before.get(len(own), ())]


def _places(own: Sequence[RecoveredInstruction], variables: Sequence[Pair]) -> list[int]:
    """For each variable, how many instructions precede it.

    A builder keeps variables in the order in which they were first set, so that none stands
    after the first use of a later one; PATH alone was there before. What is set before
    anything is run mostly stands at the top.
    """
    uses = _first_uses(own)
    places = [_first_use(pair, uses) for pair in variables]
    ordered = [number for number, pair in enumerate(variables) if pair.name != "PATH"]
    following, group = len(own), ""
    for number in reversed(ordered):
        is_used = places[number] >= 0
        following = min(following, places[number]) if is_used else following
        belongs = _group(variables[number]) == group
        places[number] = following if is_used or belongs else -1
        group = _group(variables[number]) if is_used or belongs else ""
    previous = 0
    for number in ordered:
        places[number] = previous = max(previous, places[number])
    for number, pair in enumerate(variables):
        if pair.name == "PATH":
            places[number] = _after_its_parts(pair, variables, places)
    keywords = [each.instruction.keyword for each in own]
    first_run = keywords.index("RUN") if "RUN" in keywords else len(own)
    return [place if place > first_run else 0 for place in places]


def _group(variable: Pair) -> str:
    """What variables that are set together mostly have in common: `PG` of `PG_VERSION`."""
    return variable.name.partition("_")[0]


def _first_uses(own: Sequence[RecoveredInstruction]) -> dict[str, int]:
    """Where each word first occurs: `$NAME` for a variable, else as it is."""
    uses: dict[str, int] = {}
    for place, each in enumerate(own):
        for word in _WORD.findall(str(each.instruction)):
            uses.setdefault(word.replace("{", ""), place)
    return uses


def _first_use(pair: Pair, uses: dict[str, int]) -> int:
    """Where a variable is first used, by name or by a value that is hardly chance; else -1."""
    found = [uses[word] for word in (f"${pair.name}",) if word in uses]
    if len(pair.value) >= _SHORTEST_VALUE and _TELLING_VALUE.fullmatch(pair.value):
        found += [uses[pair.value]] if pair.value in uses else []
    return min(found, default=-1)


def _in_order(variables: Sequence[Pair], places: Sequence[int]) -> list[tuple[Pair, int]]:
    """Variables with their places, PATH directly after those whose values are parts of it."""
    found = [(pair, at) for pair, at in zip(variables, places, strict=True) if pair.name != "PATH"]
    for path, at in zip(variables, places, strict=True):
        if path.name == "PATH":
            parts = _parts(path)
            after = [number for number, (pair, _) in enumerate(found) if pair.value in parts]
            found.insert(after[-1] + 1 if after else 0, (path, at))
    return found


def _after_its_parts(path: Pair, variables: Sequence[Pair], places: Sequence[int]) -> int:
    """PATH stands after every variable whose value is a part of it."""
    parts = _parts(path)
    return max(
        (place for pair, place in zip(variables, places, strict=True) if pair.value in parts),
        default=0,
    )


def _parts(path: Pair) -> set[str]:
    """Directories of a PATH, those above them, and their names."""
    directories = path.value.split(":")
    above = {directory.rpartition("/")[0] for directory in directories}
    return {*directories, *above, *re.split("[/:]", path.value)}


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
