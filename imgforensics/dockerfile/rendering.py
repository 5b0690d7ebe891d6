"""A Dockerfile's text, such that it always parses."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from types import MappingProxyType

from imgforensics.dockerfile.instruction import (
    Evidence,
    Heredoc,
    Instruction,
    RecoveredInstruction,
)
from imgforensics.dockerfile.words import heredoc_marks, literal
from imgforensics.dockerfile.wrapping import wrapped

_LINE_BREAKS = re.compile(r"[\r\n]+")
_CONTINUED = re.compile(r"(?:^|[^\\])\\[ \t]*$")
_DIVIDES = re.compile(r"\s|^--")
_OF_BASE = "The base's own instructions, as the history tells:"
_LEFT_OUT = "No row tells of these settings: the base's, or changed after the build:"
_TAKES_ONE_WORD = ("USER", "WORKDIR")
"""Builders refuse these without a word; a variable that was empty leaves none in the history."""


def dockerfile_text(
    instructions: Iterable[RecoveredInstruction],
    *,
    heading: str = "",
    base: Sequence[RecoveredInstruction] = (),
    left_out: Sequence[RecoveredInstruction] = (),
    evidence: bool = False,
    pretty: bool = False,
    remarks: Mapping[int, Iterable[str]] = MappingProxyType({}),
) -> str:
    """The text of a whole Dockerfile.

    `heading` comes first and `base`, the base's own instructions, after FROM, as comments, with
    `left_out`, what the image has and neither of them tells;
    `evidence` puts what each instruction rests on above it; `pretty` breaks long commands at
    operators, without changing them. `remarks` are further comments above instructions, by
    position.
    """
    lines = as_comments(heading)
    for position, recovered in enumerate(instructions):
        for remark in remarks.get(position, ()):
            lines += as_comments(remark)
        if evidence:
            lines += as_comments(evidence_of(recovered))
        lines.append(instruction_text(recovered.instruction, pretty=pretty))
        if recovered.instruction.keyword == "FROM":
            lines += _comments(_OF_BASE, base) + _comments(_LEFT_OUT, left_out)
            base = left_out = ()
    # No environment and no argument can hold a NUL, and it ends the text for some parsers.
    return "\n".join(lines).replace("\0", "\ufffd") + "\n"


def _comments(head: str, instructions: Sequence[RecoveredInstruction]) -> list[str]:
    texts = (instruction_text(each.instruction) for each in instructions)
    return as_comments("\n".join((head, *texts))) if instructions else []


def evidence_of(recovered: RecoveredInstruction) -> str:
    """One line on what an instruction rests on."""
    facts = [str(recovered.confidence)]
    if recovered.evidence is not Evidence.INFERENCE:
        facts.append(f"from {recovered.evidence}")
    if recovered.row is not None:
        facts.append(f"history row {recovered.row}")
    if recovered.layer is not None:
        facts.append(f"layer {recovered.layer}")
    return ", ".join(facts) + (f": {recovered.note}" if recovered.note else "")


def as_comments(text: str) -> list[str]:
    """Text as comment lines, no character of it able to end the comment or move a cursor."""
    lines = text.replace("\r", "\n").split("\n") if text else []
    return [("# " + _printable(line)).rstrip() for line in lines]


def instruction_text(instruction: Instruction, *, pretty: bool = False) -> str:
    """One instruction with its heredocs, every announced one ended."""
    complete = _terminated(instruction)
    if instruction.keyword in _TAKES_ONE_WORD and not complete.arguments.strip():
        complete = replace(complete, arguments='""')
    if pretty and instruction.keyword == "RUN" and _is_script(complete):
        return str(replace(complete, arguments=wrapped(complete.arguments)))
    return str(complete)


def _is_script(instruction: Instruction) -> bool:
    return not instruction.heredocs and not instruction.arguments.startswith("[")


def _terminated(instruction: Instruction) -> Instruction:
    """One line that nothing continues, and its heredocs, each with its end."""
    line = replace(
        instruction,
        arguments=_on_one_line(instruction.arguments),
        flags=tuple(map(_on_one_line, instruction.flags)),
    )
    marks = heredoc_marks(line.arguments) if line.takes_heredocs else []
    # The names are read again, as a line break in one has become a blank.
    bodies = chain((one.body for one in line.heredocs), repeat(""))
    heredocs = (Heredoc(mark.name, body) for mark, body in zip(marks, bodies, strict=False))
    return replace(line, heredocs=tuple(heredocs))


def _on_one_line(text: str) -> str:
    text = _LINE_BREAKS.sub(" ", text)
    return text.rstrip("\\ \t") if _CONTINUED.search(text) else text


def json_list(words: Iterable[str]) -> str:
    """Words in the exec form."""
    return json.dumps(list(words), ensure_ascii=False)


def words_or_list(words: Iterable[str]) -> str:
    """Words whose variables are expanded already: in a row, or in the exec form if they must."""
    escaped = [literal(word) for word in words]
    is_plain = all(word and not _DIVIDES.search(word) for word in escaped)
    text = " ".join(escaped)
    is_plain = is_plain and not text.startswith("[") and not text.endswith("\\")
    return text if is_plain else json_list(escaped)


def _printable(line: str) -> str:
    return "".join(_shown(line))


def _shown(line: str) -> Iterator[str]:
    for character in line:
        if character.isprintable() or character == "\t":
            yield character
        else:
            yield character.encode("unicode_escape").decode()
