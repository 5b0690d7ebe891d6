"""What an image's configuration says beyond the instructions that are known."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence

from imgforensics.dockerfile.history.commands import command_of
from imgforensics.dockerfile.history.pairs import Pair, pairs_text
from imgforensics.dockerfile.history.printed import (
    healthcheck_instruction,
    ports_instruction,
    volumes_instruction,
)
from imgforensics.dockerfile.history.state import (
    DEFAULT_PATH,
    LINUX_SHELL,
    WINDOWS_SHELL,
    environment_of,
)
from imgforensics.dockerfile.instruction import Instruction
from imgforensics.dockerfile.parsing import parse_dockerfile
from imgforensics.dockerfile.rendering import json_list
from imgforensics.dockerfile.words import exec_form, literal, split_words, unquote
from imgforensics.oci.config import ImageConfig

_LINE_BREAK = re.compile(r"\r?\n")
_MOST_RANGES = 20
_MOST_VARIABLES = 100
_PLAIN = re.compile(r"[\w./:@%+,=~-]{1,4096}", re.ASCII)
_PORT_RANGE = re.compile(r"([0-9]{1,5})-([0-9]{1,5})/(\w+)")
_VARIABLE = re.compile(r"(?<!\\)\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))")
_DEFAULT_PATHS = frozenset(
    {
        DEFAULT_PATH,
        r"c:\Windows\System32;c:\Windows",
        r"C:\Windows\system32;C:\Windows",
    }
)
_OF_BUILDERS = frozenset({"io.buildah.version"})
"""Labels that a builder sets by itself."""
_LIBRARY_ENTRYPOINT = "docker-entrypoint.sh"
_BARE_SHELLS = frozenset({("sh",), ("bash",), ("/bin/sh",), ("/bin/bash",), ("/bin/ash",)})


def untold_variables(config: ImageConfig, known: Sequence[Instruction]) -> list[Pair]:
    """Variables that no known instruction sets to what the image has, in the image's order."""
    told = _told_variables(known)
    final = environment_of(config.container.env).items()
    return [
        Pair(name, value)
        for name, value in final
        if not _is_told(told.get(name), value) and not (name == "PATH" and value in _DEFAULT_PATHS)
    ]


def untold_at_head(config: ImageConfig, known: Sequence[Instruction]) -> list[Instruction]:
    """What mostly stands at the top of a Dockerfile: labels and the shell."""
    told = named_pairs("LABEL", known)
    found = [
        Instruction("LABEL", pairs_text([Pair(name, value)]))
        for name, value in _in_usual_order(config.container.labels)
        if name not in _OF_BUILDERS and not _is_told(told.get(name), value)
    ]
    shell = config.container.shell
    if shell and " ".join(exec_form(_last(known, "SHELL") or "") or ()) != " ".join(shell):
        found.append(Instruction("SHELL", json_list(shell)))
    return found


def _in_usual_order(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Labels, whose order no configuration keeps: by name, but a release after its version.

    Source of that: the published list of generic labels that Red Hat's images follow,
    https://github.com/projectatomic/ContainerApplicationGenericLabels.
    """
    names = list(labels)
    for release in [name for name in names if name.lower() == "release"]:
        versions = [name for name in names if name.lower() == "version"]
        if versions:
            names.remove(release)
            names.insert(names.index(versions[-1]) + 1, release)
    return [(name, labels[name]) for name in names]


def untold_at_tail(
    config: ImageConfig,
    base: Sequence[Instruction],
    own: Sequence[Instruction],
    volumes: Sequence[str],
    *,
    has_root: bool,
) -> list[Instruction]:
    """What mostly stands at the end of a Dockerfile, in the order most have.

    Images in the manner of Docker's library, whose entry point has a name of its own, have
    another order than the rest. `volumes` are those that stand there, too; `has_root` whether
    the base has the working directory `/`.
    """
    known = [*base, *own]
    entrypoint = _command_of("ENTRYPOINT", config.container.entrypoint, config, known)
    # An ENTRYPOINT takes the base's CMD away, so that the same one has to be set again.
    known_to_command = own if entrypoint else known
    stop_signal = _value("STOPSIGNAL", config.container.stop_signal, config, known)
    user = _value("USER", config.container.user, config, known)
    ports = _ports(config, known)
    volumes_here = [volumes_instruction(volumes)] if volumes else []
    directory = _working_directory(config, known, has_root=has_root)
    healthcheck = _healthcheck(config, known)
    triggers = untold_triggers(config, known)
    command = _command(config, known_to_command, is_reset=bool(entrypoint))
    if _is_of_the_library(config):
        end = [*entrypoint, *stop_signal, *user, *ports, *healthcheck, *triggers, *command]
        return [*volumes_here, *directory, *end]
    start = [*directory, *user, *ports, *volumes_here, *stop_signal, *healthcheck, *triggers]
    return [*start, *entrypoint, *command]


def _is_of_the_library(config: ImageConfig) -> bool:
    first = (config.container.entrypoint or ("",))[0]
    return first.rpartition("/")[2] == _LIBRARY_ENTRYPOINT


def untold_triggers(config: ImageConfig, known: Sequence[Instruction]) -> list[Instruction]:
    """ONBUILD triggers; those of a base have been carried out and are gone."""
    told = {each.arguments for each in known if each.keyword == "ONBUILD"}
    triggers = map(_trigger, config.container.on_build)
    return [each for each in triggers if each.arguments not in told]


def _trigger(text: str) -> Instruction:
    """A trigger, which BuildKit keeps with the heredocs that stood below it."""
    written = parse_dockerfile(f"ONBUILD {text}").instructions if "\n" in text else ()
    return written[0] if len(written) == 1 else Instruction("ONBUILD", text)


def untold_volumes(config: ImageConfig, known: Sequence[Instruction]) -> list[str]:
    """Volumes that no known instruction names."""
    values = _values(config, known)
    told = {
        _expanded(unquote(word), values)
        for each in known
        if each.keyword == "VOLUME"
        for word in exec_form(each.arguments) or split_words(each.arguments)
    }
    if any("$" in path for path in told):
        return []
    return [path for path in config.container.volumes if path not in told]


def _values(config: ImageConfig, known: Iterable[Instruction]) -> dict[str, str]:
    """What variables stand for in rows that hold an instruction's own text."""
    arguments = named_pairs("ARG", (each for each in known if "=" in each.arguments))
    told = {name: unquote(value) for name, value in arguments.items()}
    return {**told, **environment_of(config.container.env)}


def _expanded(text: str, values: Mapping[str, str]) -> str:
    """Variables replaced; one that is not known is left as it is."""
    if text.count("$") > _MOST_VARIABLES:
        return text
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), text)


def named_pairs(keyword: str, known: Iterable[Instruction]) -> dict[str, str]:
    """The last value of each name as it was written: quotes kept, nothing expanded."""
    told = {}
    for instruction in known:
        if instruction.keyword == keyword:
            words = split_words(instruction.arguments)
            if words and "=" not in words[0]:  # The old form: one name, one value up to the end.
                words = ["=".join(instruction.arguments.split(maxsplit=1))]
            for word in words:
                name, _, value = word.partition("=")
                told[unquote(name)] = value
    return told


def _told_variables(known: Iterable[Instruction]) -> dict[str, str]:
    """The last value of each variable as it was written, plain values of others put in."""
    told: dict[str, str] = {}
    plain: dict[str, str] = {}
    for each in known:
        if each.keyword == "ENV":
            found = named_pairs("ENV", [each])
            pairs = {name: _expanded_plainly(value, plain) for name, value in found.items()}
            told |= pairs
            plain |= {name: value for name, value in pairs.items() if _PLAIN.fullmatch(value)}
    return told


def _expanded_plainly(written: str, values: Mapping[str, str]) -> str:
    """A written value with its variables replaced; as it is where quotes may keep it so."""
    return written if "'" in written else _expanded(written, values)


def _is_told(written: str | None, value: str) -> bool:
    if written is None:
        return False
    # No word holds a line break: `quote` writes a blank.
    is_same = unquote(written) in (value, _LINE_BREAK.sub(" ", value))
    return is_same or bool(re.search(r"(?<!\\)\$", written))


def _has(known: Iterable[Instruction], keyword: str) -> bool:
    return any(instruction.keyword == keyword for instruction in known)


def _last(known: Sequence[Instruction], keyword: str) -> str | None:
    return next((each.arguments for each in reversed(known) if each.keyword == keyword), None)


def _value(
    keyword: str, value: str | None, config: ImageConfig, known: Sequence[Instruction]
) -> list[Instruction]:
    last = _last(known, keyword)
    if not value or (last is not None and _is_told(_expanded(last, _values(config, known)), value)):
        return []
    return [Instruction(keyword, literal(value))]


def _working_directory(
    config: ImageConfig, known: Sequence[Instruction], *, has_root: bool
) -> list[Instruction]:
    value = config.container.working_dir
    values = _values(config, known)
    written = [unquote(each.arguments) for each in known if each.keyword == "WORKDIR"]
    told = [_plain_path(_expanded(path, values)) for path in written]
    if not value or (value == "/" and has_root and not told):
        return []
    return [] if told and _leads_to(told, value) else [Instruction("WORKDIR", literal(value))]


def _leads_to(directories: Sequence[str], value: str) -> bool:
    """Whether WORKDIRs lead there, one after the other, or may do so from where the base was."""
    path = posixpath.normpath(posixpath.join(*directories))
    found = posixpath.normpath(_plain_path(value))
    is_relative = not path.startswith("/")
    return "$" in path or found == path or (is_relative and found.endswith(path.lstrip("./")))


def _plain_path(path: str) -> str:
    """A path of either system, without a drive."""
    return re.sub(r"^[A-Za-z]:", "", path.replace("\\", "/"))


def _ports(config: ImageConfig, known: Sequence[Instruction]) -> list[Instruction]:
    values = _values(config, known)
    words = {
        _expanded(word, values).lower()
        for each in known
        if each.keyword == "EXPOSE"
        for word in split_words(each.arguments)
    }
    if any("$" in word for word in words):
        return []
    told = {word if "/" in word else f"{word}/tcp" for word in map(unquote, words)}
    ranges = [found for word in told if (found := _PORT_RANGE.fullmatch(word))][:_MOST_RANGES]
    untold = [
        port
        for port in config.container.exposed_ports
        if port not in told and not any(_is_within(port, found) for found in ranges)
    ]
    return [ports_instruction(sorted(untold, key=_port_number))] if untold else []


def _is_within(port: str, found: re.Match[str]) -> bool:
    is_protocol = port.partition("/")[2] in ("", found[3])
    return is_protocol and int(found[1]) <= _port_number(port)[0] <= int(found[2])


def _port_number(port: str) -> tuple[int, str]:
    number = re.match(r"[0-9]{1,5}", port)
    return (int(number[0]) if number else 0, port)


def _healthcheck(config: ImageConfig, known: Sequence[Instruction]) -> list[Instruction]:
    check = config.container.healthcheck
    if check is None or not check.test:
        return []
    instruction = healthcheck_instruction(check)
    last = _last(known, "HEALTHCHECK")
    return [instruction] if last is None or _words(last) != _words(instruction.arguments) else []


def _words(command: str) -> list[str]:
    """What a health check does, however it is written."""
    words = exec_form(command.removeprefix("CMD").lstrip())
    return command.split() if words is None else ["CMD", *" ".join(words).split()]


def _command(
    config: ImageConfig, known: Sequence[Instruction], *, is_reset: bool
) -> list[Instruction]:
    words = config.container.cmd
    if words in _BARE_SHELLS and not (is_reset or _has(known, "CMD")):
        return []
    return _command_of("CMD", words, config, known)


def _command_of(
    keyword: str, words: tuple[str, ...] | None, config: ImageConfig, known: Sequence[Instruction]
) -> list[Instruction]:
    if not words:
        return []
    shell = config.container.shell or (WINDOWS_SHELL if config.os == "windows" else LINUX_SHELL)
    instruction = command_of(keyword, words, shell)
    told = _last(known, keyword)
    # A shell that was changed later leads no earlier command.
    is_told = told in (instruction.arguments, words[-1]) or exec_form(told or "") == list(words)
    return [] if is_told else [instruction]
