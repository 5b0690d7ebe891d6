r"""Breaks a long RUN over several lines, at operators of the outermost level, byte for byte.

A Dockerfile's continuation (`\` and a line break) is taken out before anything sees the
command, so that a break changes nothing as long as no blank is added or taken away: the blanks
that follow an operator become the next line's indentation.

Source for what is inside what: POSIX.1-2024, Shell Command Language, 2.3 (token recognition)
and 2.9 (commands).
"""

import re
from collections.abc import Iterator

WIDTH = 80
"""Commands that fit into this are left on one line."""
_TOKEN = re.compile(
    r"""
    (?P<quoted>'[^']*(?:'|$)|"(?:[^"\\]|\\.)*(?:"|$)|`(?:[^`\\]|\\.)*(?:`|$)|\\.)
    |(?P<double>;;&?|;&)
    |(?P<operator>&&|\|\||;)
    |(?P<open>\$?\()
    |(?P<close>\))
    |(?P<word>[^\s'"`\\;&|()]+)
    |(?P<blank>\s+)
    |(?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_TWO_BLANKS = re.compile(r"\s\s")
_BEGINS_LINE = re.compile(r"\s*[^\s#]")
"""What may lead a line: neither nothing nor what a Dockerfile takes for a comment."""
_OPENS = frozenset({"if", "case", "for", "while", "until", "select", "{"})
_CLOSES = frozenset({"fi", "esac", "done", "}"})
_LEADS_COMMAND = frozenset({"then", "do", "else", "elif", "!", *_OPENS})


def wrapped(script: str, lead: int = len("RUN ")) -> str:
    """The script with continuation lines; the same script once they are joined."""
    if lead + len(script) <= WIDTH:
        return script
    pieces, start = [], 0
    for operator_end in _breaks(script):
        # One blank stays before the backslash, where the next line keeps one to be indented by.
        end = operator_end + bool(_TWO_BLANKS.match(script, operator_end))
        if _BEGINS_LINE.match(script, end):
            pieces.append(script[start:end])
            start = end
    return "\\\n".join([*pieces, script[start:]])


def _breaks(script: str) -> Iterator[int]:
    """Where an operator of the outermost level ends."""
    depth, is_command = 0, True
    for token in _TOKEN.finditer(script):
        kind, text = token.lastgroup, token[0]
        if kind == "word":
            depth += (text in _OPENS) - (text in _CLOSES) if is_command else 0
            is_command = is_command and text in _LEADS_COMMAND
        elif kind == "operator":
            if depth == 0:
                yield token.end()
            is_command = True
        elif kind != "blank":
            depth += (kind == "open") - (kind == "close" and depth > 0)
            is_command = kind in ("double", "open") or text in "|&"
