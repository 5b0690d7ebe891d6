"""Commands of history rows as instructions: RUN, CMD, ENTRYPOINT and their shells."""

import json
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import islice

from imgforensics.dockerfile.history.go_text import quoted_list
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import BuildState
from imgforensics.dockerfile.instruction import Confidence, Heredoc, Instruction
from imgforensics.dockerfile.parsing import parse_dockerfile
from imgforensics.dockerfile.rendering import instruction_text, json_list

LOST_SCRIPT = "# lost: the builder kept the name of this script, and nothing of it\n"
"""Stands in a heredoc where the script stood."""
_ARGUMENT_COUNT = re.compile(r"\|([0-9]{1,6}) ?")
_FURTHEST_NAME = 100
"""How many names are looked at for the end of one value."""
_ARGUMENT = re.compile(r"([A-Za-z_][\w.-]*)=")
_SHEBANG_PIPE = re.compile(r"/dev/pipes/(\S+)")
_SHELL_WITH_SCRIPT = re.compile(
    r"(?P<shell>(?:\S*/)?(?:sh|bash|ash|dash|zsh|ksh)(?: -o \w+| -[a-zA-Z]+)*? -[a-z]*c"
    r"|(?:powershell|pwsh)(?:\.exe)?(?: -\w+)*? -[Cc]ommand|cmd(?:\.exe)?(?: /[A-Za-z])*? /[Cc]) "
    r"(?P<script>.*)",
    re.DOTALL,
)


def run_command(text: str, state: BuildState) -> Reading:
    """A RUN from what was run: arguments of the build first, then a shell, then the command."""
    _, command = split_arguments(text, state)
    for shell in state.shells:
        prefix = " ".join(shell) + " "
        if command.startswith(prefix):
            state.shell = shell
            return run_script(command[len(prefix) :], shell)
    return _exec_form(command)


def run_script(script: str, shell: Sequence[str]) -> Reading:
    """A RUN in shell form, or as a heredoc where the script has several lines."""
    if pipe := _SHEBANG_PIPE.fullmatch(script):
        body = Heredoc(pipe[1], f"#!/bin/sh\n{LOST_SCRIPT}")
        return Reading(
            Instruction("RUN", f"<<{pipe[1]}", heredocs=(body,)),
            Confidence.GUESSED,
            "the script was a heredoc with its own interpreter; the builder does not record it",
        )
    if "\n" in script:
        return _several_lines(script, shell)
    if stands_in_one_line(script):
        return Reading(Instruction("RUN", script))
    return Reading(Instruction("RUN", json_list((*shell, script))))


def _several_lines(script: str, shell: Sequence[str]) -> Reading:
    verbatim = parse_dockerfile(f"RUN {script}").instructions
    if len(verbatim) == 1 and instruction_text(verbatim[0]) == f"RUN {script}":
        return Reading(verbatim[0])
    if not script.endswith("\n"):
        return Reading(Instruction("RUN", json_list((*shell, script))))
    name = _free_name(script)
    return Reading(Instruction("RUN", f"<<{name}", heredocs=(Heredoc(name, script),)))


def _free_name(script: str) -> str:
    """A delimiter that no line of the script is."""
    lines = set(script.split("\n"))
    name, number = "EOF", 0
    while name in lines:
        number += 1
        name = f"EOF{number}"
    return name


def stands_in_one_line(script: str) -> bool:
    """Whether a Dockerfile's line gives the very same script back."""
    return bool(
        script
        and script == script.strip()
        and not script.startswith("--")
        and not script.endswith("\\")
        and not _is_list(script)
        and not re.search(r"[\r\n]", script)
    )


def _is_list(script: str) -> bool:
    """Whether a Dockerfile would take a script for the exec form."""
    try:
        return script.startswith("[") and isinstance(json.loads(script), list)
    except (ValueError, RecursionError):
        return False


def _exec_form(command: str) -> Reading:
    """A command that no shell was given: its words' boundaries are lost."""
    if match := _SHELL_WITH_SCRIPT.fullmatch(command):
        words = [*match["shell"].split(), match["script"]]
        note = "exec form; where the words ended is inferred from the shell's options"
        return Reading(Instruction("RUN", json_list(words)), Confidence.INFERRED, note)
    note = "exec form; the builder joins the words with blanks, words with blanks are not told"
    words = command.split(" ")
    confidence = Confidence.EXACT if len(words) == 1 else Confidence.PARTIAL
    return Reading(Instruction("RUN", json_list(words)), confidence, note)


def split_arguments(text: str, state: BuildState) -> tuple[dict[str, str], str]:
    """The values in `|2 NAME=value NAME=value `, neither quoted nor counted, and the command.

    A value is known from the row that declared the argument, or reaches up to the next declared
    name or to the shell.
    """
    values: dict[str, str] = {}
    count = _ARGUMENT_COUNT.match(text)
    if not count:
        return values, text
    position = count.end()
    starts = [text.find(f" {' '.join(shell)} ", position - 1) for shell in state.shells]
    shell_at = min((start for start in starts if start >= 0), default=len(text))
    names = [
        match
        for match in _ARGUMENT.finditer(text, position, shell_at)
        if match[1] in state.arguments and text[match.start() - 1] == " "
    ]
    # buildah counts words where others count arguments: there are never more than that.
    while len(values) < int(count[1]) and (match := _ARGUMENT.match(text, position)):
        if position > shell_at:
            break
        following = _next_argument(names, match, values)
        position = _end_of_value(text, match, following, shell_at, state)
        values[match[1]] = text[match.end() : position - 1]
    return values, text[position:]


def _next_argument(
    names: Sequence[re.Match[str]], argument: re.Match[str], values: Mapping[str, str]
) -> int | None:
    """Where the next declared argument that has no value yet begins."""
    place = bisect_left(names, argument.end(), key=re.Match.start)
    for match in islice(names, place, place + _FURTHEST_NAME):
        if match[1] not in values and match[1] != argument[1]:
            return match.start()
    return None


def _end_of_value(
    text: str, argument: re.Match[str], following: int | None, shell_at: int, state: BuildState
) -> int:
    """Where what follows the value begins."""
    start, name = argument.end(), argument[1]
    for value in (state.arguments.get(name), state.environment.get(name)):
        if value is not None and text.startswith(value + " ", start):
            return start + len(value) + 1
    if following is not None:
        return following
    if shell_at == len(text):
        return (text.find(" ", start) + 1) or len(text)
    return shell_at + 1


def printed_command(keyword: str, text: str, state: BuildState) -> Reading:
    """A CMD or ENTRYPOINT from `["/bin/sh" "-c" "x"]`, or from the lists of older engines."""
    printed = text.removeprefix("&{").removesuffix("}").strip()
    words = quoted_list(printed)
    if words is not None:
        return Reading(command_of(keyword, words, state.shell))
    if printed.startswith("[") and printed.endswith("]"):
        note = "an old engine prints the words without quotes; words with blanks are not told"
        guess = json_list(printed[1:-1].split())
        return Reading(Instruction(keyword, guess), Confidence.PARTIAL, note)
    return Reading(Instruction(keyword, text))


def command_of(keyword: str, words: Sequence[str], shell: Sequence[str]) -> Instruction:
    """The shorter form of a command: shell form where the shell leads it."""
    if len(words) == len(shell) + 1 and tuple(words[: len(shell)]) == tuple(shell):
        script = words[-1]
    elif len(words) == 1 and words[0].startswith(" ".join(shell) + " "):
        script = words[0][len(" ".join(shell)) + 1 :]
    else:
        return Instruction(keyword, json_list(words))
    if stands_in_one_line(script):
        return Instruction(keyword, script)
    return Instruction(keyword, json_list(words))
