"""Where COPY and ADD put things: destinations as paths of the image."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from imgforensics.dockerfile.instruction import Instruction, RecoveredInstruction
from imgforensics.dockerfile.words import split_words, unquote
from imgforensics.layer.entry import normalise_path

COPIES = frozenset({"COPY", "ADD"})
_VARIABLE = re.compile(r"(?<!\\)\$(?:(\w+)|\{(\w+)(?::?[-+?][^}]*)?\})")
_MOST_VARIABLES = 100
_LONGEST_VALUE = 1 << 16
"""Of one text: a hostile history doubles a variable with every row."""
_ESCAPED = re.compile(r"\\([\\$\"'])")


class CopyStep(NamedTuple):
    """One COPY or ADD of a recovered Dockerfile, its words told apart."""

    position: int
    """Among the instructions that were walked through."""
    recovered: RecoveredInstruction
    sources: tuple[str, ...]
    """As they stand there; a heredoc's is its mark."""
    destination: str
    """As it stands there."""
    path: bytes
    """Where that is: normalised, from the image's root; empty for the root."""

    @property
    def origin(self) -> str | None:
        """What `--from` names."""
        return flag(self.recovered.instruction, "from")

    @property
    def is_directory(self) -> bool:
        """Whether the destination is said to be a directory."""
        return self.destination.endswith(("/", "/.")) or self.destination in (".", "")


def copy_steps(
    before: Sequence[RecoveredInstruction],
    instructions: Sequence[RecoveredInstruction],
    environment: Mapping[str, str],
) -> Iterator[CopyStep]:
    """The COPY and ADD of `instructions`, `before` having set what relative paths count from.

    `environment` is the image's own, for variables that no instruction sets.
    """
    place = _Place(dict(environment))
    for one in before:
        place.move(one.instruction)
    place.start = place.directory
    for position, one in enumerate(instructions):
        place.move(one.instruction)
        if one.instruction.keyword in COPIES:
            words = [_expanded(word, place.values) for word in words_of(one.instruction)]
            if len(words) > 1:
                path = normalise_path(_joined(place.directory, words[-1]).encode())
                yield CopyStep(position, one, tuple(words[:-1]), words[-1], path)


@dataclass(slots=True)
class _Place:
    """What relative paths and variables stand for, from instruction to instruction."""

    values: dict[str, str]
    start: str = "/"
    """The base image's working directory."""
    directory: str = "/"
    _stages: dict[str, str] = field(default_factory=dict)
    _stage: str = ""

    def move(self, instruction: Instruction) -> None:
        """Take in what one instruction sets."""
        if instruction.keyword == "FROM":
            words = [w.lower() for w in instruction.arguments.split() if not w.startswith("--")]
            self._stages[self._stage] = self.directory
            self.directory = self._stages.get(words[0] if words else "", self.start)
            self._stage = words[-1] if len(words) > 1 else ""
        elif instruction.keyword in ("ENV", "ARG"):
            self.values.update(_assignments(instruction.arguments, self.values))
        elif instruction.keyword == "WORKDIR":
            path = _expanded(unquote(instruction.arguments), self.values)
            self.directory = _joined(self.directory, path)


def words_of(instruction: Instruction) -> list[str]:
    """Sources and destination of a COPY or ADD, unquoted."""
    if instruction.arguments.lstrip().startswith("["):
        try:
            found = json.loads(instruction.arguments)
        except ValueError:
            found = None
        if isinstance(found, list):
            return [_ESCAPED.sub(r"\1", str(word)) for word in found]
    return [unquote(word) for word in split_words(instruction.arguments)]


def flag(instruction: Instruction, name: str) -> str | None:
    """The value of an instruction's flag."""
    start = f"--{name}="
    values = (one[len(start) :] for one in instruction.flags if one.startswith(start))
    return next(values, None)


def _assignments(arguments: str, values: Mapping[str, str]) -> dict[str, str]:
    words = split_words(arguments)
    if words and "=" not in words[0] and len(words) > 1:
        name, _, value = arguments.partition(" ")
        return {name: _expanded(unquote(value.strip()), values)}
    pairs = (word.partition("=") for word in words)
    return {name: _expanded(unquote(value), values) for name, equals, value in pairs if equals}


def _expanded(text: str, values: Mapping[str, str]) -> str:
    """Variables replaced; one that is not known is left as it is, and so is what grows too long."""
    if text.count("$") > _MOST_VARIABLES:
        return text
    found = _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), text)
    return found if len(found) <= _LONGEST_VALUE else text


def _joined(directory: str, path: str) -> str:
    return path if path.startswith("/") else f"{directory.rstrip('/')}/{path}"
