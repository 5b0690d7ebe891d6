r"""Words of a Dockerfile line: splitting, quoting, unquoting, and the heredocs they announce.

Source: BuildKit's `frontend/dockerfile/parser` and `shell` packages, whose behaviour this
follows: quotes group, the escape character (`\` or a backtick) takes the next one literally,
nothing is escaped between single quotes.
"""

import json
import re
from functools import cache
from typing import NamedTuple

_BARE = re.compile(r"[\w./:@%+,=~^*?!&()\[\]{}|;#<>-]*", re.ASCII)
_EXPANSION = r"\$\{(?:[A-Za-z_]\w*|[0-9]+|[@*#?$!-])(?:\}|[:+?#%/-][^}]*\})"
_HEREDOC = re.compile(r"[0-9]*<<(-?)([^<]*)")


class HeredocMark(NamedTuple):
    """A word like `<<-"EOF"`, which announces a document in the following lines."""

    name: str
    strips_tabs: bool


@cache
def _tokens(escape: str) -> re.Pattern[str]:
    """One word: unquoted characters, escaped ones, quoted pieces; a quote may stay open."""
    mark = re.escape(escape)
    return re.compile(
        rf"""(?:[^\s'"{mark}]|{mark}(?:.|$)|'[^']*(?:'|$)|"(?:[^"{mark}]|{mark}(?:.|$))*(?:"|$))+""",
        re.DOTALL,
    )


def split_words(text: str, escape: str = "\\") -> list[str]:
    """The words of a line, quotes and escapes kept."""
    return _tokens(escape).findall(text)


def unquote(word: str, escape: str = "\\") -> str:
    """What a word stands for; variables are left as they are."""
    if escape not in word and '"' not in word and "'" not in word:
        return word
    pieces, inside = _quoted_pieces(escape)
    return "".join(
        inside.sub(r"\1", match[2])
        if match[2] is not None
        else match[1] or match[3] or match[4] or ""
        for match in pieces.finditer(word)
    )


@cache
def _quoted_pieces(escape: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The parts of a word, and what is escaped in its double quotes."""
    mark = re.escape(escape)
    pieces = re.compile(
        rf"""'([^']*)(?:'|$)|"((?:[^"{mark}]|{mark}.)*)(?:"|$)|{mark}(.?)|([^'"{mark}]+)""",
        re.DOTALL,
    )
    return pieces, re.compile(rf"""{mark}(["${mark}])""")


def quote(value: str) -> str:
    """A word that stands for `value` and expands no variable.

    A line break cannot stand in a word: it becomes a blank, which the caller has to tell.
    """
    value = re.sub(r"\r?\n", " ", value)
    if value and _BARE.fullmatch(value):
        return value
    return '"' + re.sub(r"([\"$\\])", r"\\\1", value) + '"'


def literal(text: str) -> str:
    """The same without quotes, for text that is not divided into words."""
    return re.sub(r"([\"'$\\])", r"\\\1", text)


def exec_form(text: str) -> list[str] | None:
    """The words of `["a", "b"]`; None for what a Dockerfile takes for something else."""
    try:
        words = json.loads(text) if text.lstrip().startswith("[") else None
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(words, list) and all(isinstance(word, str) for word in words)
    return words if is_list else None


@cache
def _divides_into_words(escape: str) -> re.Pattern[str]:
    """A whole line in which every quote and every `${` is closed."""
    mark = re.escape(escape)
    plain = rf"""[^'"${mark}]|{mark}.|{mark}$|\$(?!\{{)|{_EXPANSION}"""
    return re.compile(rf"""(?:{plain}|'[^']*'|"(?:{plain}|')*+")*+""", re.DOTALL)


def heredoc_marks(arguments: str, escape: str = "\\") -> list[HeredocMark]:
    """The heredocs that an instruction's arguments announce, in order.

    None where a quote or a variable is not closed: BuildKit looks for no heredoc in such a line.
    """
    if "<<" not in arguments or exec_form(arguments) is not None:
        return []
    if not _divides_into_words(escape).fullmatch(arguments):
        return []
    found = []
    for word in split_words(arguments, escape):
        match = _HEREDOC.fullmatch(word)
        names = split_words(match[2], escape) if match else []
        if match and len(names) == 1:
            found.append(HeredocMark(unquote(names[0], escape), bool(match[1])))
    return found
