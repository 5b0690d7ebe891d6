"""Where variables and volumes most likely stood that only the configuration tells of."""

import re
from collections.abc import Sequence

from imgforensics.dockerfile.history.pairs import Pair, pairs_text
from imgforensics.dockerfile.history.printed import volumes_instruction
from imgforensics.dockerfile.history.state import environment_of
from imgforensics.dockerfile.instruction import (
    Confidence,
    Evidence,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.oci.config import ImageConfig

_TELLING_VALUE = re.compile(r".*[0-9][.]?[0-9].*")
_SHORTEST_VALUE = 4
_WORD = re.compile(r"\$\{?\w+|[\w.+-]+")
_PATH = re.compile(r"\$\{?\w+|/[\w.+@/-]*[\w@+-]")
_LOCALE = re.compile(r"LANG(?:UAGE)?|LC_[A-Z]+")
_CHANGES_FILES = frozenset({"RUN", "COPY", "ADD"})
_NOTE = "from the configuration; the builder keeps no history of it, its place is inferred"


def told(instruction: Instruction) -> RecoveredInstruction:
    """An instruction that the configuration tells of."""
    return RecoveredInstruction(instruction, Evidence.CONFIG, Confidence.INFERRED, note=_NOTE)


def environment_line(pair: Pair) -> Instruction:
    """ENV of one variable."""
    return Instruction("ENV", pairs_text([pair]))


def with_volumes(
    own: Sequence[RecoveredInstruction], volumes: Sequence[str], config: ImageConfig
) -> tuple[list[RecoveredInstruction], list[str]]:
    """Each volume after the last command that names it; beside them those that none does.

    What a classic build changes in a volume is lost, so that it has to be declared afterwards.
    """
    lasts = _last_uses(own)
    names: dict[str, list[str]] = {}
    for name, value in environment_of(config.container.env).items():
        names.setdefault(value, []).append(f"${name}")
    after: dict[int, list[str]] = {}
    left = []
    for volume in volumes:
        found = [lasts[word] for word in (volume, *names.get(volume, ())) if word in lasts]
        if found:
            after.setdefault(max(found), []).append(volume)
        else:
            left.append(volume)
    placed: list[RecoveredInstruction] = []
    for place, each in enumerate(own):
        placed.append(each)
        if place in after:
            placed.append(told(volumes_instruction(after[place])))
    return placed, left


def _last_uses(own: Sequence[RecoveredInstruction]) -> dict[str, int]:
    """Where each path and variable is last named by what changes files."""
    uses: dict[str, int] = {}
    for place, each in enumerate(own):
        if each.instruction.keyword in _CHANGES_FILES:
            for word in _PATH.findall(str(each.instruction)):
                uses[word.replace("{", "")] = place
    return uses


def with_variables(
    own: Sequence[RecoveredInstruction], variables: Sequence[Pair]
) -> list[RecoveredInstruction]:
    """Each variable before the instruction that first uses it, else after the one before it."""
    before: dict[int, list[RecoveredInstruction]] = {}
    for pair, place in _in_order(variables, _places(own, variables)):
        before.setdefault(place, []).append(told(environment_line(pair)))
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
    following = len(own)
    for number in reversed(ordered):
        if places[number] >= 0:
            places[number] = following = min(following, places[number])
    previous = 0
    for number in ordered:
        places[number] = previous = max(previous, places[number])
    for number, pair in enumerate(variables):
        if pair.name == "PATH":
            places[number] = _after_its_parts(pair, variables, places)
    keywords = [each.instruction.keyword for each in own]
    first_run = keywords.index("RUN") if "RUN" in keywords else len(own)
    return [place if place > first_run else 0 for place in places]


def _first_uses(own: Sequence[RecoveredInstruction]) -> dict[str, int]:
    """Where each word first occurs: `$NAME` for a variable, else as it is."""
    uses: dict[str, int] = {}
    for place, each in enumerate(own):
        for word in _WORD.findall(str(each.instruction)):
            uses.setdefault(word.replace("{", ""), place)
    return uses


def _first_use(pair: Pair, uses: dict[str, int]) -> int:
    """Where a variable is first used, by name or by a value that is hardly chance; else -1.

    A locale is set after the command that generates it; homes mostly stand at the top.
    """
    if _LOCALE.fullmatch(pair.name):
        return uses[pair.value] + 1 if pair.value in uses else -1
    if pair.name.endswith("_HOME"):
        return -1
    words = [f"${pair.name}"]
    if len(pair.value) >= _SHORTEST_VALUE and _TELLING_VALUE.fullmatch(pair.value):
        words.append(pair.value)
    return min((uses[word] for word in words if word in uses), default=-1)


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
