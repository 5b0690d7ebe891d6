"""Reads a Dockerfile's text into instructions: tolerant, so that any text gives some answer.

Source: the behaviour of BuildKit's parser (frontend/dockerfile/parser).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from imgforensics.dockerfile.instruction import KEYWORDS, TAKES_FLAGS, Heredoc, Instruction
from imgforensics.dockerfile.words import HeredocMark, heredoc_marks, split_words

_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=\s*(.+?)\s*")
_FLAG = re.compile(
    r"""\s*(--[A-Za-z](?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')*)(?:\s+|$)""", re.DOTALL
)
_INSTRUCTION = re.compile(r"\s*([A-Za-z]+)(?:\s+(.*))?", re.DOTALL)
_DIRECTIVES = ("syntax", "escape", "check")


@dataclass(frozen=True, slots=True)
class ParsedDockerfile:
    """A Dockerfile's instructions, in order; comments and line breaks are not kept."""

    instructions: tuple[Instruction, ...]
    escape: str = "\\"
    """The escape character that its directive sets."""


def parse_dockerfile(text: str) -> ParsedDockerfile:
    """The instructions of a whole Dockerfile, every stage of it."""
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    escape = _escape_of(lines)
    return ParsedDockerfile(tuple(_Reader(lines, escape)), escape)


def parse_instruction(text: str) -> Instruction | None:
    """One instruction on one joined line; None where no keyword leads the text.

    Bodies of heredocs are not part of it.
    """
    match = _INSTRUCTION.fullmatch(text)
    if not match:
        return None
    keyword, rest = match[1].upper(), (match[2] or "").strip()
    flags, arguments = split_flags(rest) if keyword in TAKES_FLAGS else ((), rest)
    return Instruction(keyword, arguments, flags)


def written_instruction(text: str) -> Instruction | None:
    """The instruction that a builder keeps as it was written; None for what it never read."""
    instruction = parse_instruction(text)
    if instruction is None or instruction.keyword not in KEYWORDS - {"FROM"}:
        return None
    is_list_of_pairs = instruction.keyword in ("ENV", "LABEL")
    return None if is_list_of_pairs and not _are_pairs(instruction.arguments) else instruction


def _are_pairs(arguments: str) -> bool:
    """Whether ENV and LABEL take a text: `NAME=value` each, or one name and its value."""
    words = split_words(arguments)
    if words and "=" not in words[0]:
        return len(words) > 1
    return bool(words) and all("=" in word for word in words)


def split_flags(text: str) -> tuple[tuple[str, ...], str]:
    """The flags that lead a text, and what follows them."""
    flags = []
    position = 0
    while match := _FLAG.match(text, position):
        flags.append(match[1])
        position = match.end()
    return tuple(flags), text[position:]


class _Reader:
    """Walks through the lines once."""

    def __init__(self, lines: list[str], escape: str) -> None:
        self._lines = iter(lines)
        self._escape = escape
        mark = re.escape(escape)
        self._continued = re.compile(rf"(?:^|(?<!{mark})){mark}[ \t]*$")

    def __iter__(self) -> Iterator[Instruction]:
        for line in self._lines:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            instruction = parse_instruction(self._joined(line.lstrip()))
            if instruction:
                yield self._with_heredocs(instruction)

    def _joined(self, line: str) -> str:
        """A line and those that continue it; comments and empty lines between are left out."""
        parts = []
        while end := self._continued.search(line):
            parts.append(line[: end.start()])
            line = next((ln for ln in self._lines if not _is_skipped(ln)), "")
        parts.append(line)
        return "".join(parts)

    def _with_heredocs(self, instruction: Instruction) -> Instruction:
        if not instruction.takes_heredocs:
            return instruction
        marks = heredoc_marks(instruction.arguments, self._escape)
        if not marks:
            return instruction
        return replace(instruction, heredocs=tuple(Heredoc(m.name, self._body(m)) for m in marks))

    def _body(self, mark: HeredocMark) -> str:
        body = []
        for line in self._lines:
            if (line.lstrip("\t") if mark.strips_tabs else line) == mark.name:
                break
            body.append(line + "\n")
        return "".join(body)


def _is_skipped(line: str) -> bool:
    """Whether a continuation passes over the line."""
    return not line.strip() or line.lstrip().startswith("#")


def _escape_of(lines: list[str]) -> str:
    """What the escape directive says; directives stand before everything else."""
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if not match or match[1].lower() not in _DIRECTIVES:
            break
        if match[1].lower() == "escape" and match[2] in ("\\", "`"):
            return match[2]
    return "\\"
