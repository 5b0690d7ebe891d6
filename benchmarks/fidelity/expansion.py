"""Words and variables, as far as two Dockerfiles have to be brought to one form."""

import re
from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(
    r"\\\$|\$(?:\{(?P<braced>[A-Za-z_]\w*)(?:(?P<test>:?[-+?])(?P<other>[^{}]*))?\}"
    r"|(?P<plain>[A-Za-z_]\w*))"
)
_WORD = re.compile(
    r"""(?:[^\s'"\\]|\\.|\\$|'[^']*(?:'|$)|"(?:[^"\\]|\\.|\\$)*(?:"|$))+""", re.DOTALL
)
_ESCAPED_IN_QUOTES = '"\\$'


def words(text: str) -> list[str]:
    """Words with their quotes and escapes."""
    return _WORD.findall(text)


def unquoted(word: str) -> str:
    """What a word stands for."""
    return "".join(_plain_characters(word))


def _plain_characters(word: str) -> Iterator[str]:
    quote, characters = "", iter(word)
    for character in characters:
        if quote == "'" or (quote and character != "\\"):
            if character == quote:
                quote = ""
            else:
                yield character
        elif character in "'\"":
            quote = character
        elif character == "\\":
            following = next(characters, "")
            if quote and following not in _ESCAPED_IN_QUOTES:
                yield character
            yield following or ("" if quote else character)
        else:
            yield character


def expanded(word: str, environment: Mapping[str, str]) -> str:
    """A word with its variables replaced, outside single quotes, and its quotes removed."""
    pieces = [word] if '"' in word else re.split(r"('[^']*')", word)
    return unquoted("".join(_piece(piece, environment) for piece in pieces))


def _piece(piece: str, environment: Mapping[str, str]) -> str:
    if len(piece) > 1 and piece[0] == piece[-1] == "'":
        return piece

    def value(match: re.Match[str]) -> str:
        if match[0] == r"\$":
            return match[0]
        name, test, other = match["braced"] or match["plain"], match["test"], match["other"]
        found = environment.get(name)
        if test and "-" in test:
            found = found or other
        elif test and "+" in test:
            found = other if found else ""
        return (found or "").replace("\\", "\\\\").replace('"', '\\"')

    return _VARIABLE.sub(value, piece)


def one_blank(text: str) -> str:
    """Text with every run of blanks as one."""
    return " ".join(text.split())
