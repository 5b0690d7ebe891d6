"""Statements brought to comparable items: one for each variable, label, port, volume.

An item is exact where keyword, flags and arguments mean the same, and normalised where blanks,
defaults of arguments and what the builder keeps nowhere are left out of account.
"""

import os.path
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.fidelity.expansion import expanded, one_blank, unquoted, words
from benchmarks.fidelity.statements import Statement, exec_form, is_heredoc_alone

_LOST_FLAGS = frozenset({"--link", "--exclude", "--keep-git-dir", "--checksum", "--unpack"})
_LOST_OF_COPY = _LOST_FLAGS | {"--from", "--parents"}
_UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
_WIDEST_RANGE = 50
_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Item:
    """One comparable part of a Dockerfile."""

    keyword: str
    exact: Hashable
    normalised: Hashable
    text: str | None = None
    """What is compared word by word where the rest differs."""
    sources: frozenset[str] = frozenset()
    destination: str = ""
    name: str = ""
    """Of a variable or label."""


def items_of(
    statements: Iterable[Statement],
    environment: Mapping[str, str],
    shell: Sequence[str],
    directory: str,
) -> list[Item]:
    """The items of a stage, with variables expanded as they are set."""
    return list(_Stage(dict(environment), list(shell), directory or "/").items(statements))


class _Stage:
    def __init__(self, environment: dict[str, str], shell: list[str], directory: str) -> None:
        self._environment = environment
        self._shell = shell
        self._directory = directory
        self._is_windows = any("powershell" in word.lower() or word == "cmd" for word in shell)
        self._readers: dict[str, Callable[[Statement], Iterable[Item]]] = {
            "ADD": self._copy,
            "ARG": self._arguments,
            "CMD": self._command,
            "COPY": self._copy,
            "ENTRYPOINT": self._command,
            "ENV": self._pairs,
            "EXPOSE": self._ports,
            "FROM": lambda _: (),
            "HEALTHCHECK": self._healthcheck,
            "LABEL": self._pairs,
            "MAINTAINER": self._maintainer,
            "ONBUILD": self._trigger,
            "RUN": self._run,
            "SHELL": self._change_shell,
            "STOPSIGNAL": self._value,
            "USER": self._value,
            "VOLUME": self._volumes,
            "WORKDIR": self._change_directory,
        }

    def items(self, statements: Iterable[Statement]) -> Iterator[Item]:
        for statement in statements:
            yield from self._readers.get(statement.keyword, self._other)(statement)

    def _expand(self, word: str) -> str:
        return expanded(word, self._environment)

    def _flags(self, statement: Statement) -> dict[str, str | bool]:
        parts = (flag.partition("=") for flag in statement.flags)
        return {name: self._expand(value) if is_set else True for name, is_set, value in parts}

    def _pairs(self, statement: Statement) -> Iterator[Item]:
        new = {}
        for name, value in pairs_of(statement.arguments):
            key, content = self._expand(name), self._expand(value)
            normalised = (key, one_blank(content))
            yield Item(statement.keyword, (key, content), normalised, name=key)
            new[key] = content
        if statement.keyword == "ENV":
            self._environment.update(new)

    def _arguments(self, statement: Statement) -> Iterator[Item]:
        for word in words(statement.arguments):
            name, is_set, value = word.partition("=")
            content = self._expand(value) if is_set else None
            yield Item("ARG", (name, content), name)
            if content is not None:
                self._environment.setdefault(name, content)

    def _ports(self, statement: Statement) -> Iterator[Item]:
        for word in words(statement.arguments):
            for port in self._expand(word).split():
                number, _, protocol = port.partition("/")
                for one in _range(number.split(":")[-1]):
                    text = f"{one}/{(protocol or 'tcp').lower()}"
                    yield Item("EXPOSE", text, text)

    def _volumes(self, statement: Statement) -> Iterator[Item]:
        listed = exec_form(statement.arguments)
        for word in words(statement.arguments) if listed is None else listed:
            path = self._expand(word)
            yield Item("VOLUME", path, path.rstrip("/") or "/")

    def _change_directory(self, statement: Statement) -> Iterator[Item]:
        path = self._expand(statement.arguments).replace("\\", "/")
        if not path.startswith("/") and not _DRIVE.match(path):
            path = self._directory.rstrip("/") + "/" + path
        self._directory = os.path.normpath(path) if path.startswith("/") else path
        if self._is_windows or _DRIVE.match(self._directory):
            self._directory = _DRIVE.sub("", self._directory, count=1)
        yield Item("WORKDIR", self._directory, self._directory)

    def _value(self, statement: Statement) -> Iterator[Item]:
        value = self._expand(statement.arguments)
        yield Item(statement.keyword, value, value)

    def _maintainer(self, statement: Statement) -> Iterator[Item]:
        yield Item("MAINTAINER", statement.arguments, one_blank(unquoted(statement.arguments)))

    def _change_shell(self, statement: Statement) -> Iterator[Item]:
        self._shell = exec_form(statement.arguments) or [statement.arguments]
        yield Item("SHELL", tuple(self._shell), " ".join(self._shell))

    def _command(self, statement: Statement) -> Iterator[Item]:
        listed = exec_form(statement.arguments)
        exact = tuple([*self._shell, statement.arguments] if listed is None else listed)
        normalised = tuple(map(one_blank, exact))
        yield Item(statement.keyword, exact, normalised, text=" ".join(normalised))

    def _healthcheck(self, statement: Statement) -> Iterator[Item]:
        options = _options(self._flags(statement))
        match = re.match(r"(NONE|CMD)\s*(.*)", statement.arguments, re.DOTALL | re.IGNORECASE)
        command: tuple[str, ...] = ("?", statement.arguments)
        if match and match[1].upper() == "NONE":
            command, options = ("NONE",), ()
        elif match:
            listed = exec_form(match[2])
            command = ("CMD-SHELL", one_blank(match[2])) if listed is None else ("CMD", *listed)
        yield Item("HEALTHCHECK", (command, options), (command, options), text=str(command))

    def _trigger(self, statement: Statement) -> Iterator[Item]:
        text = one_blank(statement.arguments)
        yield Item("ONBUILD", text, text, text=text)

    def _run(self, statement: Statement) -> Iterator[Item]:
        listed = None if statement.heredocs else exec_form(statement.arguments)
        body: tuple[str, Hashable]
        if listed is not None:
            body, normalised = ("exec", tuple(listed)), " ".join(listed)
        else:
            text = _script(statement)
            body, normalised = ("sh", text.strip()), one_blank(text)
        exact = (tuple(sorted(statement.flags)), body)
        yield Item("RUN", exact, normalised, text=normalised)

    def _copy(self, statement: Statement) -> Iterator[Item]:
        listed = exec_form(statement.arguments)
        named = [
            self._expand(word)
            for word in (words(statement.arguments) if listed is None else listed)
        ]
        *sources, destination = named if len(named) > 1 else [*named, "?"]
        flags = sorted(self._flags(statement).items())
        bodies = tuple(body for _, body in statement.heredocs)
        lost = _LOST_OF_COPY if statement.keyword == "COPY" else _LOST_FLAGS
        kept = tuple(flag for flag in flags if flag[0] not in lost)
        paths = tuple(map(_source, sources))
        place = self._destination(destination)
        yield Item(
            statement.keyword,
            (tuple(flags), tuple(sources), destination, bodies),
            (kept, paths, place),
            sources=frozenset(paths),
            destination=place,
        )

    def _destination(self, path: str) -> str:
        if not path.startswith("/") and not _DRIVE.match(path):
            path = self._directory.rstrip("/") + "/" + path
        return os.path.normpath(path)

    def _other(self, statement: Statement) -> Iterator[Item]:
        text = one_blank(statement.arguments)
        yield Item(statement.keyword, statement.arguments, text, text=text)


def pairs_of(arguments: str) -> list[tuple[str, str]]:
    """Names and values of an ENV or LABEL, in either of its forms, quotes kept."""
    found = words(arguments)
    if not found:
        return []
    if "=" not in found[0]:
        match = re.match(r"(\S+)\s+(.*)", arguments, re.DOTALL)
        return [(match[1], match[2].strip())] if match else [(found[0], "")]
    return [(name, value) for name, _, value in (word.partition("=") for word in found)]


def _script(statement: Statement) -> str:
    if not statement.heredocs:
        return statement.arguments
    if is_heredoc_alone(statement.arguments):
        return statement.heredocs[0][1]
    return (
        statement.arguments
        + "\n"
        + "".join(body + name + "\n" for name, body in statement.heredocs)
    )


def _source(path: str) -> str:
    return path if re.match(r"\w+://", path) else os.path.normpath(path.lstrip("/"))


def _range(ports: str) -> Iterable[str | int]:
    ends = ports.split("-")
    try:
        first, last = int(ends[0]), int(ends[-1])
    except ValueError:
        return [ports]
    is_range = len(ends) == 2 and last - first < _WIDEST_RANGE
    return range(first, last + 1) if is_range else [ports]


def _options(flags: Mapping[str, str | bool]) -> tuple[tuple[str, int], ...]:
    given = {
        name: int(value) if name == "--retries" else _nanoseconds(value)
        for name, value in flags.items()
        if isinstance(value, str) and re.match(r"[\d.]", value)
    }
    return tuple(sorted((name, value) for name, value in given.items() if value))


def _nanoseconds(duration: str) -> int:
    parts = re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", duration)
    return int(sum(float(amount) * _UNITS[unit] for amount, unit in parts))
