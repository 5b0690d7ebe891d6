"""Instructions as BuildKit and the classic builder print them: expanded, without quotes.

Sources: BuildKit frontend/dockerfile/dockerfile2llb (convert.go, convert_copy.go,
convert_expose.go), moby daemon/builder/dockerfile (dispatchers.go), by version.
"""

import re
from collections.abc import Callable, Iterable

from imgforensics.dockerfile.history.commands import (
    printed_command,
    run_command,
    stands_in_one_line,
)
from imgforensics.dockerfile.history.go_text import bracketed, go_duration, printed_healthcheck
from imgforensics.dockerfile.history.pairs import Pair, pairs_text, split_pairs
from imgforensics.dockerfile.history.reading import Reading
from imgforensics.dockerfile.history.state import PLATFORM_ARGUMENTS, BuildState
from imgforensics.dockerfile.instruction import Confidence, Instruction
from imgforensics.dockerfile.parsing import split_flags
from imgforensics.dockerfile.rendering import json_list, words_or_list
from imgforensics.dockerfile.words import heredoc_marks, literal, quote
from imgforensics.oci.config import Healthcheck

_ARGUMENT_NAME = re.compile(r"[A-Za-z_]\w*")
_PORT = re.compile(r"(\d{1,5})(?:/(\w+))?")
_DRIVE = re.compile(r"(?:^|(?<=\s))[A-Za-z]:[\\/]")
_MOST_BLANKS = 32
"""In a path that is told from its neighbours by being known."""
_SHELL_OPTION = re.compile(r"(?:-c|-[Cc]ommand|/[Cc])")


def printed_instruction(text: str, state: BuildState) -> Reading | None:
    """Read one printed instruction; None for what is none."""
    keyword, _, rest = text.partition(" ")
    reader = _READERS.get(keyword)
    return reader(rest, state) if reader else None


def _environment(text: str, state: BuildState) -> Reading:
    pairs = split_pairs(text, state.known_environment)
    state.environment.update(pairs)
    return _pairs_read("ENV", pairs)


def _labels(text: str, state: BuildState) -> Reading:
    return _pairs_read("LABEL", split_pairs(text, state.known_labels))


def _pairs_read(keyword: str, pairs: list[Pair]) -> Reading:
    instruction = Instruction(keyword, pairs_text(pairs))
    if any("\n" in pair.value for pair in pairs):
        note = "a line break in a value, which no Dockerfile can write, is a blank here"
        return Reading(instruction, Confidence.PARTIAL, note)
    return Reading(instruction)


def _arguments(text: str, state: BuildState) -> Reading:
    words = []
    for name, value in split_declarations(text):
        state.arguments[name] = value
        is_told = value is not None and name not in PLATFORM_ARGUMENTS
        words.append(pairs_text([Pair(name, value or "")]) if is_told else name)
    return Reading(Instruction("ARG", " ".join(words)))


def split_declarations(text: str) -> list[tuple[str, str | None]]:
    """The arguments of `A=1 2 B C=3`: names, and values where there are any."""
    found: list[tuple[str, str | None]] = []
    for word in text.split(" "):
        name, equals, value = word.partition("=")
        is_name = _ARGUMENT_NAME.fullmatch(name)
        if is_name and (equals or not found or name.isupper()):
            found.append((name, value if equals else None))
        elif found:
            last, before = found[-1]
            found[-1] = (last, word if before is None else f"{before} {word}")
    return found


def _copy(keyword: str, text: str) -> Reading:
    flags, rest = split_flags(text)
    if heredoc_marks(rest):
        note = "the content stood in the Dockerfile itself; the history keeps only its name"
        return Reading(Instruction(keyword, rest, flags), Confidence.PARTIAL, note)
    return Reading(Instruction(keyword, words_or_list(_paths(rest)), flags))


def _paths(text: str) -> list[str]:
    """Sources and destination; on Windows a path may have blanks, and begins with its drive."""
    starts = [match.start() for match in _DRIVE.finditer(text)]
    if not starts:
        return _unix_paths(text.split())
    ends = [*starts[1:], len(text)]
    drives = [text[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [*text[: starts[0]].split(), *drives]


def _unix_paths(words: list[str]) -> list[str]:
    """The paths that words make up: a relative source goes with no absolute one.

    What looks so is one source, and a destination whose name has a blank.
    """
    if len(words) > 2 and not words[0].startswith("/") and not _is_destination(words[-1]):
        for place, word in enumerate(words[1:-1], 1):
            if word.startswith("/"):
                return [*words[:place], " ".join(words[place:])]
    return words


def _is_destination(word: str) -> bool:
    """Whether a word can be all of a destination of several sources."""
    return word.startswith("/") or word.endswith(("/", ".")) or "$" in word


def _ports(text: str, _: BuildState) -> Reading:
    inner = bracketed(text)
    return Reading(ports_instruction((text if inner is None else inner).split()))


def ports_instruction(ports: Iterable[str]) -> Instruction:
    """EXPOSE of `80/tcp` and the like; neighbours become a range, as they were most likely."""
    words: list[str] = []
    run: list[int] = []
    protocol = ""

    def flush() -> None:
        suffix = f"/{protocol}" if protocol not in ("", "tcp") else ""
        if len(run) > 2:
            words.append(f"{run[0]}-{run[-1]}{suffix}")
        else:
            words.extend(f"{port}{suffix}" for port in run)
        run.clear()

    for port in ports:
        match = _PORT.fullmatch(port)
        if match and run and int(match[1]) == run[-1] + 1 and (match[2] or "tcp") == protocol:
            run.append(int(match[1]))
            continue
        flush()
        if match:
            protocol = match[2] or "tcp"
            run.append(int(match[1]))
        else:
            words.append(port)
    flush()
    return Instruction("EXPOSE", " ".join(words))


def _volumes(text: str, state: BuildState) -> Reading:
    inner = bracketed(text)
    if inner is None:
        return Reading(Instruction("VOLUME", text))
    return Reading(volumes_instruction(_known_paths(inner, set(state.config.container.volumes))))


def _known_paths(text: str, known: set[str]) -> list[str]:
    """Paths joined by blanks, told apart by those that the image is known to have."""
    paths: list[str] = []
    pending: list[str] = []
    for word in text.split(" "):
        pending.append(word)
        joined = " ".join(pending)
        if joined in known:
            paths.append(joined)
            pending = []
        elif len(pending) == _MOST_BLANKS:
            paths.append(pending.pop(0))
    return paths + pending


def volumes_instruction(paths: Iterable[str]) -> Instruction:
    """VOLUME of these paths."""
    listed = list(paths)
    return Instruction("VOLUME", words_or_list(listed))


def _healthcheck(text: str, _: BuildState) -> Reading:
    printed = printed_healthcheck(text)
    if printed is None:
        return Reading(Instruction("HEALTHCHECK", text))
    instruction = healthcheck_instruction(printed.healthcheck)
    if printed.is_exact:
        return Reading(instruction)
    note = "the builder prints the words without quotes; words with blanks are not told"
    return Reading(instruction, Confidence.PARTIAL, note)


def healthcheck_instruction(check: Healthcheck) -> Instruction:
    """HEALTHCHECK as the image has it; what is 0 is the engine's default."""
    kind, words = (check.test[0], check.test[1:]) if check.test else ("NONE", ())
    if kind == "NONE":
        return Instruction("HEALTHCHECK", "NONE")
    times = {
        "interval": check.interval,
        "timeout": check.timeout,
        "start-period": check.start_period,
        "start-interval": check.start_interval,
    }
    flags = [f"--{name}={go_duration(time)}" for name, time in times.items() if time]
    flags += [f"--retries={check.retries}"] if check.retries else []
    is_script = kind == "CMD-SHELL" and len(words) == 1 and stands_in_one_line(words[0])
    command = words[0] if is_script else json_list(words)
    return Instruction("HEALTHCHECK", f"CMD {command}", tuple(flags))


def _shell(text: str, state: BuildState) -> Reading:
    inner = bracketed(text)
    if inner is None:
        return Reading(Instruction("SHELL", text))
    words = shell_words(inner, state)
    state.shell = words
    return Reading(Instruction("SHELL", json_list(words)))


def shell_words(text: str, state: BuildState) -> tuple[str, ...]:
    """The words of a shell: as the image has them, else up to the option that takes a script."""
    configured = state.config.container.shell or ()
    if " ".join(configured) == text:
        return configured
    words = text.split(" ")
    ends = [place for place, word in enumerate(words) if _SHELL_OPTION.fullmatch(word)]
    if not ends or ends[0] + 1 == len(words):
        return tuple(words)
    return (*words[: ends[0] + 1], " ".join(words[ends[0] + 1 :]))


def _literal(keyword: str, text: str) -> Reading:
    """One value to the line's end, variables already expanded."""
    value = bracketed(text) or text.strip()
    # A backslash at the end would continue the line.
    return Reading(Instruction(keyword, quote(value) if value.endswith("\\") else literal(value)))


def _directory(text: str, state: BuildState) -> Reading:
    state.directory = text.strip()
    return _literal("WORKDIR", text)


_READERS: dict[str, Callable[[str, BuildState], Reading]] = {
    "ADD": lambda text, _: _copy("ADD", text),
    "ARG": _arguments,
    "CMD": lambda text, state: printed_command("CMD", text, state),
    "COPY": lambda text, _: _copy("COPY", text),
    "ENTRYPOINT": lambda text, state: printed_command("ENTRYPOINT", text, state),
    "ENV": _environment,
    "EXPOSE": _ports,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _labels,
    "MAINTAINER": lambda text, _: Reading(Instruction("MAINTAINER", text)),
    "ONBUILD": lambda text, _: Reading(Instruction("ONBUILD", text)),
    "RUN": run_command,
    "SHELL": _shell,
    "STOPSIGNAL": lambda text, _: _literal("STOPSIGNAL", text),
    "USER": lambda text, _: _literal("USER", text),
    "VOLUME": _volumes,
    "WORKDIR": _directory,
}
