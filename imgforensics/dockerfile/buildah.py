"""Rows of buildah and podman: the instruction's own text after `/bin/sh -c #(nop) `.

Source: buildah, imagebuildah/stage_executor.go (getCreatedBy).
"""

import re
from dataclasses import replace

from imgforensics.dockerfile.classic import NOT_AN_OPERATION, copy_instruction, hashed_copy
from imgforensics.dockerfile.commands import without_arguments
from imgforensics.dockerfile.instruction import Confidence, Heredoc, Instruction
from imgforensics.dockerfile.parsing import parse_instruction, split_flags
from imgforensics.dockerfile.reading import Reading
from imgforensics.dockerfile.state import BuildState
from imgforensics.dockerfile.words import heredoc_marks, split_words, unquote

_SUFFIX = re.compile(
    r"(?:\|(?:unsetLabel|inheritLabels|unsetAnnotation|inheritAnnotations|force-mtime|clamp-mtime)"
    r"=[^|]*)+$"
)
_MOUNTED = re.compile(r":(?:sha256:)?[0-9a-f]{64}$")
_SHELL = "/bin/sh -c "


def buildah_instruction(created_by: str, state: BuildState) -> Reading | None:
    """Read one row of buildah."""
    text = _SUFFIX.sub("", created_by)
    match = NOT_AN_OPERATION.match(text)
    if not match:
        return _run(text, state) if text else None
    copy = hashed_copy(match["text"])
    if copy:
        return copy_instruction(copy)
    instruction = parse_instruction(match["text"])
    if instruction is None:
        return None
    reader = {"ARG": _argument, "ENV": _environment}.get(instruction.keyword)
    return reader(instruction, state) if reader else Reading(instruction)


def _run(text: str, state: BuildState) -> Reading:
    command = _MOUNTED.sub("", without_arguments(text, state).removeprefix(_SHELL))
    line, _, body = command.partition("\n")
    flags, arguments = split_flags(line.strip())
    instruction = Instruction("RUN", arguments, flags)
    marks = heredoc_marks(arguments)
    if not marks:
        return Reading(instruction)
    note = "the script was a heredoc; buildah records "
    if len(marks) > 1 or not body:
        note += "only its name" if not body else "several as one"
        bodies = [Heredoc(marks[0].name, body and body + "\n")]
        bodies += [Heredoc(mark.name, "") for mark in marks[1:]]
        return Reading(replace(instruction, heredocs=tuple(bodies)), Confidence.PARTIAL, note)
    return Reading(replace(instruction, heredocs=(Heredoc(marks[0].name, body + "\n"),)))


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
