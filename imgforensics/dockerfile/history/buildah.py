"""Rows of buildah and podman: the instruction's own text after `/bin/sh -c #(nop) `.

Source: buildah, imagebuildah/stage_executor.go (getCreatedBy).
"""

import re
from collections import ChainMap
from dataclasses import replace

from imgforensics.dockerfile.history.classic import (
    NOT_AN_OPERATION,
    HashedCopy,
    copy_instruction,
    hashed_copy,
)
from imgforensics.dockerfile.history.commands import LOST_SCRIPT, split_arguments
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import BuildState
from imgforensics.dockerfile.instruction import Confidence, Heredoc, Instruction
from imgforensics.dockerfile.parsing import split_flags, written_instruction
from imgforensics.dockerfile.words import heredoc_marks, split_words, unquote

_SUFFIX = re.compile(
    r"(?:\|(?:unsetLabel|inheritLabels|unsetAnnotation|inheritAnnotations|force-mtime|clamp-mtime)"
    r"=[^|]*)+$"
)
_MOUNTED = re.compile(r":(?:sha256:)?[0-9a-f]{64}$")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SHELL = "/bin/sh -c "


def buildah_instruction(created_by: str, state: BuildState) -> Reading | None:
    """Read one row of buildah."""
    text = _SUFFIX.sub("", created_by)
    match = NOT_AN_OPERATION.match(text)
    if not match:
        return _run(text, state) if text else None
    copy = hashed_copy(match["text"])
    if copy:
        return _copy(copy, state)
    instruction = written_instruction(match["text"])
    if instruction is None:
        return None
    readers = {"ARG": _argument, "ENV": _environment, "WORKDIR": _directory}
    reader = readers.get(instruction.keyword)
    return reader(instruction, state) if reader else Reading(instruction)


def _run(text: str, state: BuildState) -> Reading:
    values, command = split_arguments(text, state)
    command = _MOUNTED.sub("", command.removeprefix(_SHELL))
    return _script(command)._replace(arguments=values)


def _script(command: str) -> Reading:
    line, _, body = command.partition("\n")
    flags, arguments = split_flags(line.strip())
    instruction = Instruction("RUN", arguments, flags)
    marks = heredoc_marks(arguments)
    if not marks:
        return Reading(instruction)
    if len(marks) == 1 and body:
        return Reading(replace(instruction, heredocs=(Heredoc(marks[0].name, body + "\n"),)))
    note = "several heredocs are recorded as one" if body else "buildah records its name alone"
    bodies = [Heredoc(marks[0].name, f"{body}\n" if body else LOST_SCRIPT)]
    bodies += [Heredoc(mark.name, "" if body else LOST_SCRIPT) for mark in marks[1:]]
    note = f"the script was a heredoc; {note}"
    return Reading(replace(instruction, heredocs=tuple(bodies)), Confidence.GUESSED, note)


def _copy(copy: HashedCopy, state: BuildState) -> Reading:
    """A COPY or ADD whose destination is the Dockerfile's own text, variables and quotes kept."""
    destination = _expanded(copy.destination, state)
    reading = copy_instruction(replace(copy, destination=destination), state.directory)
    if "$" not in copy.destination or reading.instruction.arguments.startswith("["):
        return reading
    source = split_words(reading.instruction.arguments)[0]
    instruction = replace(reading.instruction, arguments=f"{source} {copy.destination}")
    return reading._replace(instruction=instruction)


def _expanded(text: str, state: BuildState) -> str:
    """Text with the variables that are known, its quotes removed."""
    known = ChainMap(state.environment, state.configured_environment)
    return _VARIABLE.sub(lambda match: known.get(match[1] or match[2], match[0]), unquote(text))


def _directory(instruction: Instruction, state: BuildState) -> Reading:
    state.directory = _expanded(instruction.arguments, state)
    return Reading(instruction)


def _argument(instruction: Instruction, state: BuildState) -> Reading | None:
    """ARG rows list every argument so far by name, or hold the instruction's own text."""
    words = split_words(instruction.arguments)
    if not any("=" in word for word in words):
        words = [word for word in words if word not in state.arguments]
    for word in words:
        name, equals, value = word.partition("=")
        state.arguments[name] = unquote(value) if equals else None
    return Reading(replace(instruction, arguments=" ".join(words))) if words else None


def _environment(instruction: Instruction, state: BuildState) -> Reading:
    for word in split_words(instruction.arguments):
        name, equals, value = word.partition("=")
        if equals and "$" not in value:
            state.environment[name] = unquote(value)
    return Reading(instruction)
