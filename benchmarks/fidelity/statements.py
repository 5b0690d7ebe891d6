"""A Dockerfile's text as statements, read apart from the library whose output is judged."""

import json
import re
from dataclasses import dataclass

_DIRECTIVE = re.compile(r"\s*#\s*(\w+)\s*=\s*(\S)?")
_FLAG = re.compile(r"""(--[a-zA-Z][\w-]*(?:=(?:"[^"]*"|'[^']*'|\S)*)?)(?:\s+|$)""")
_HEREDOC = re.compile(r"(?<![<\w])\d*<<(-?)\s*([\"']?)([A-Za-z_][\w.\-]*)\2")
_WITH_FLAGS = ("RUN", "COPY", "ADD", "HEALTHCHECK", "FROM")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class Statement:
    """One instruction."""

    keyword: str
    flags: tuple[str, ...]
    arguments: str
    heredocs: tuple[tuple[str, str], ...] = ()
    """Name and body each."""


def statements(text: str) -> list[Statement]:
    """Every statement of a Dockerfile, in order."""
    return list(_Reader(text).read())


class _Reader:
    def __init__(self, text: str) -> None:
        self._lines = text.replace("\r\n", "\n").split("\n")
        self._at = 0
        escape = "\\"
        while self._at < len(self._lines) and (
            directive := _DIRECTIVE.match(self._lines[self._at])
        ):
            if directive[1].lower() == "escape" and directive[2]:
                escape = directive[2]
            self._at += 1
        self._at = 0
        self._continued = re.compile(re.escape(escape) + r"[ \t]*$")

    def read(self) -> list[Statement]:
        found = []
        while self._at < len(self._lines):
            if self._is_blank(self._at):
                self._at += 1
            else:
                found.append(self._statement())
        return found

    def _is_blank(self, at: int) -> bool:
        line = self._lines[at].lstrip()
        return not line or line.startswith("#")

    def _statement(self) -> Statement:
        joined = self._joined()
        match = re.match(r"(\S+)\s*(.*)", joined, re.DOTALL)
        keyword = match[1].upper() if match else UNKNOWN
        if match is None or not re.fullmatch("[A-Z]+", keyword):
            return Statement(UNKNOWN, (), joined.strip())
        flags, body = _flags(match[2]) if keyword in _WITH_FLAGS else ((), match[2])
        heredocs = self._heredocs(keyword, body)
        return Statement(
            keyword, flags, body.rstrip() if keyword == "RUN" else body.strip(), heredocs
        )

    def _joined(self) -> str:
        text = ""
        line = self._lines[self._at].lstrip()
        while True:
            self._at += 1
            if not self._continued.search(line):
                return text + line
            text += self._continued.sub("", line)
            while self._at < len(self._lines) and self._is_blank(self._at):
                self._at += 1
            if self._at >= len(self._lines):
                return text
            line = self._lines[self._at]

    def _heredocs(self, keyword: str, body: str) -> tuple[tuple[str, str], ...]:
        if keyword not in _WITH_HEREDOCS or body.lstrip().startswith("["):
            return ()
        marks = _HEREDOC.findall(body)
        return tuple((name, self._document(name, dash)) for dash, _, name in marks)

    def _document(self, name: str, dash: str) -> str:
        lines = []
        while self._at < len(self._lines):
            line = self._lines[self._at].lstrip("\t") if dash else self._lines[self._at]
            self._at += 1
            if line.rstrip("\r") == name:
                break
            lines.append(line + "\n")
        return "".join(lines)


def is_heredoc_alone(arguments: str) -> bool:
    """Whether a RUN is nothing but one heredoc."""
    return bool(_HEREDOC.fullmatch(arguments.strip()))


def exec_form(arguments: str) -> list[str] | None:
    """The words of `["a", "b"]`; None for anything else."""
    try:
        words = json.loads(arguments) if arguments.strip().startswith("[") else None
    except ValueError:
        return None
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words if is_list else None


def _flags(text: str) -> tuple[tuple[str, ...], str]:
    flags = []
    while match := _FLAG.match(text):
        flags.append(match[1])
        text = text[match.end() :]
    return tuple(flags), text
