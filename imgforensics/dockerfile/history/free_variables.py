"""Variables that commands use and nothing is known to set."""

import re
from collections.abc import Iterable, Iterator

_QUOTED = re.compile(r"'[^']*'")
_USED = re.compile(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))")
_SET = re.compile(
    r"\b([A-Za-z_]\w*)\+?=|\bfor\s+([A-Za-z_]\w*)\b|\bread\s+(?:-\w+\s+)*([A-Za-z_]\w*)"
)
_OF_SHELLS = """
    EUID HOME HOSTNAME IFS LINENO LOGNAME OLDPWD OPTARG OPTIND OSTYPE PATH PPID PS1 PS4 PWD RANDOM
    REPLY SECONDS SHELL SHLVL TERM UID USER
"""


def free_variables(commands: Iterable[str], known: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Names in the order of their first use, each with its command's position.

    Left out are `known` names, those that a shell or any of the commands sets, and what stands
    in single quotes, where programs have variables of their own.
    """
    texts = [_QUOTED.sub("", command) for command in commands]
    told = {*known, *_OF_SHELLS.split()}
    for text in texts:
        told.update(filter(None, (name for match in _SET.findall(text) for name in match)))
    for position, text in enumerate(texts):
        for braced, plain in _USED.findall(text):
            name = braced or plain
            if name not in told:
                told.add(name)
                yield position, name
