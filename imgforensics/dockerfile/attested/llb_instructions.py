"""Instructions out of build steps: RUN with its mounts, COPY with its stages.

What BuildKit makes of instructions is read backwards; source:
https://github.com/moby/buildkit/blob/master/frontend/dockerfile/dockerfile2llb/convert.go and
`convert_runmount.go` beside it.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from imgforensics.dockerfile.attested.llb import NO_INPUT, BuildGraph, Stage, Step, number
from imgforensics.dockerfile.instruction import Heredoc, Instruction
from imgforensics.dockerfile.rendering import json_list, words_or_list
from imgforensics.dockerfile.words import quote
from imgforensics.oci.json_document import JsonValue

DEFAULT_SHELL = ("/bin/sh", "-c")
_DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_BIND, _SECRET, _SSH, _CACHE, _TMPFS = range(5)
_SHARING = {1: "private", 2: "locked"}
_NETWORKS = {1: "host", 2: "none"}
_SECRET_MODE, _SSH_MODE = 0o400, 0o600
_PIPES = "/dev/pipes/"


@dataclass(frozen=True, slots=True)
class StageText:
    """A stage as instructions, without its FROM."""

    name: str
    """As other stages refer to it; the original name is in no build step."""
    base: str
    """What FROM names: an image, a stage, or `scratch`."""
    instructions: tuple[Instruction, ...]


@dataclass(slots=True)
class _State:
    """What the instructions so far have set."""

    environment: list[str] = field(default_factory=lambda: [_DEFAULT_PATH])
    directory: str = "/"
    user: str = ""
    shell: tuple[str, ...] = DEFAULT_SHELL


class DefinitionReader:
    """Reads the stages of a build graph; `arguments` are the build's own, by name."""

    def __init__(self, graph: BuildGraph, arguments: Sequence[str] = ()) -> None:
        self._graph = graph
        self._arguments = frozenset(arguments)
        self._stages = graph.stages()
        self._names = {stage.top: f"stage{place}" for place, stage in enumerate(self._stages)}

    def stages(self) -> tuple[StageText, ...]:
        """Every stage, the one of the result last."""
        return tuple(map(self._stage, self._stages))

    def _stage(self, stage: Stage) -> StageText:
        state = _State()
        found = (one for step in stage.steps for one in self._instructions(step, state))
        base = "scratch"
        if stage.base is not None:
            base = self._names.get(stage.base.name) or stage.base.image or "scratch"
        return StageText(self._names[stage.top], base, tuple(found))

    def _instructions(self, step: Step, state: _State) -> Iterator[Instruction]:
        if step.op.member("exec").value is not None:
            yield from self._exec(step, state)
        elif step.op.member("merge").value is not None:
            for name in step.inputs[1:]:
                yield from self._file(self._graph.steps[name], state, linked=True)
        elif step.actions:
            yield from self._file(step, state)

    # RUN.

    def _exec(self, step: Step, state: _State) -> Iterator[Instruction]:
        execution = step.op.member("exec")
        meta = execution.member("meta")
        yield from self._settings(meta, state)
        words = meta.member("args").texts()
        if len(words) > 2 and words[-2] == "-c" and words[:-1] != state.shell:
            state.shell = words[:-1]
            yield Instruction("SHELL", json_list(state.shell))
        flags = [*self._mounts(step), *_isolation(execution)]
        yield self._run(step, words, state.shell, tuple(flags))

    def _run(
        self, step: Step, words: Sequence[str], shell: Sequence[str], flags: tuple[str, ...]
    ) -> Instruction:
        if tuple(words[:-1]) != tuple(shell) or not words:
            return Instruction("RUN", json_list(words), flags)
        script = words[-1]
        if script.startswith(_PIPES):
            heredocs = self._piped(step)
            name = script.removeprefix(_PIPES)
            if name in heredocs:
                return Instruction("RUN", f"<<{name}", flags, (Heredoc(name, heredocs[name]),))
        if "\n" in script:
            return _script(script, flags)
        return Instruction("RUN", script, flags)

    def _piped(self, step: Step) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in step.inputs:
            for path, data in self._graph.heredocs(name).items():
                found[path] = _text(data)
        return found

    def _settings(self, meta: JsonValue, state: _State) -> Iterator[Instruction]:
        """What must have been set for a command to run as it did."""
        environment = meta.member("env").texts()
        for pair in environment:
            if pair in state.environment:
                continue
            name, _, value = pair.partition("=")
            if name in self._arguments:
                yield Instruction("ARG", f"{name}={quote(value)}")
            elif name != "PATH" or pair != _DEFAULT_PATH:
                yield Instruction("ENV", f"{name}={quote(value)}")
        state.environment = list(environment)
        directory = meta.member("cwd").text() or "/"
        if directory != state.directory:
            state.directory = directory
            yield Instruction("WORKDIR", directory)
        user = meta.member("user").text() or ""
        if user != state.user:
            state.user = user
            yield Instruction("USER", user or "root")

    def _mounts(self, step: Step) -> Iterator[str]:
        execution = step.op.member("exec")
        for mount in execution.member("mounts").elements():
            destination = mount.member("dest").text() or ""
            if destination not in ("/", _PIPES):
                options = self._mount(step, mount, destination)
                yield "--mount=" + ",".join(map(_field, options))
        for secret in execution.member("secretenv").elements():
            name = secret.member("ID").text() or ""
            yield f"--mount=type=secret,id={name},env={secret.member('name').text() or name}"

    def _mount(self, step: Step, mount: JsonValue, destination: str) -> Iterator[str]:
        kind = number(mount.member("mountType"))
        if kind == _SECRET:
            yield from _secret(mount.member("secretOpt"), destination)
        elif kind == _SSH:
            yield from _ssh(mount.member("SSHOpt"), destination)
        elif kind == _CACHE:
            yield "type=cache"
            yield f"target={destination}"
            yield from _cache(mount.member("cacheOpt"), destination)
            yield from self._origin(step, mount)
        elif kind == _TMPFS:
            yield "type=tmpfs"
            yield f"target={destination}"
            size = number(mount.member("tmpfsOpt").member("size"))
            if size:
                yield f"size={size}"
        else:
            yield "type=bind"
            yield f"target={destination}"
            yield from self._origin(step, mount)
            if not mount.member("readonly").flag():
                yield "rw"

    def _origin(self, step: Step, mount: JsonValue) -> Iterator[str]:
        source = step.input_of(number(mount.member("input")))
        if source is None:
            return
        origin = self._from(source)
        if origin:
            yield f"from={origin}"
        selector = (mount.member("selector").text() or "").lstrip("/")
        if selector:
            yield f"source={'/' if origin else ''}{selector}"

    def _from(self, name: str) -> str | None:
        """What `--from` calls a step; None for the build context."""
        step = self._graph.steps[name]
        if step.is_context:
            return None
        identifier = (step.source or "").partition("://")[2]
        return self._names.get(name) or step.image or identifier or None

    # COPY, ADD, WORKDIR.

    def _file(self, step: Step, state: _State, *, linked: bool = False) -> Iterator[Instruction]:
        copies: list[tuple[JsonValue, str | None]] = []
        for action in step.actions:
            kinds = action.member("Action")
            directory = kinds.member("mkdir").member("path").text()
            if directory and directory != state.directory:
                state.directory = directory
                yield Instruction("WORKDIR", directory)
            if kinds.member("copy").value is not None:
                source = step.input_of(number(action.member("secondaryInput"), NO_INPUT))
                copies.append((kinds.member("copy"), source))
        if copies:
            yield self._copy(copies, linked=linked)

    def _copy(self, copies: Sequence[tuple[JsonValue, str | None]], *, linked: bool) -> Instruction:
        first, origin = copies[0]
        destination = first.member("dest").text() or "/"
        heredocs = self._heredocs(copies)
        flags = list(_copy_flags(first))
        if linked:
            flags.insert(0, "--link")
        if heredocs:
            # What the file held is known with its variables replaced: nothing is to be again.
            words = [*(f'<<"{heredoc.name}"' for heredoc in heredocs), quote(destination)]
            return Instruction("COPY", " ".join(words), tuple(flags), heredocs)
        sources = [
            _url(self._graph.steps[source]) if source is not None else "" for _, source in copies
        ]
        if all(sources):
            return Instruction("ADD", words_or_list([*sources, destination]), tuple(flags))
        came_from = None if origin is None else self._from(origin)
        if came_from:
            flags.insert(0, f"--from={came_from}")
        names = [_source(copy, came_from) for copy, _ in copies]
        unpacks = first.member("attemptUnpackDockerCompatibility").flag()
        return Instruction(
            "ADD" if unpacks else "COPY", words_or_list([*names, destination]), tuple(flags)
        )

    def _heredocs(self, copies: Sequence[tuple[JsonValue, str | None]]) -> tuple[Heredoc, ...]:
        found = []
        for copy, source in copies:
            texts = self._graph.heredocs(source) if source is not None else {}
            name = (copy.member("src").text() or "").lstrip("/")
            if name in texts:
                found.append(Heredoc(name, _text(texts[name])))
        return tuple(found) if len(found) == len(copies) else ()


def _isolation(execution: JsonValue) -> Iterator[str]:
    network = _NETWORKS.get(number(execution.member("network")))
    if network:
        yield f"--network={network}"
    if number(execution.member("security")) == 1:
        yield "--security=insecure"


def _secret(options: JsonValue, destination: str) -> Iterator[str]:
    name = options.member("ID").text() or ""
    yield "type=secret"
    yield f"id={name}"
    if destination != f"/run/secrets/{name}":
        yield f"target={destination}"
    yield from _ownership(options, _SECRET_MODE)


def _ssh(options: JsonValue, destination: str) -> Iterator[str]:
    name = options.member("ID").text() or "default"
    yield "type=ssh"
    if name != "default":
        yield f"id={name}"
    if not destination.startswith("/run/buildkit/ssh_agent."):
        yield f"target={destination}"
    yield from _ownership(options, _SSH_MODE)


def _ownership(options: JsonValue, usual_mode: int) -> Iterator[str]:
    mode = number(options.member("mode"))
    if mode not in (0, usual_mode):
        yield f"mode={mode:04o}"
    for name in ("uid", "gid"):
        if number(options.member(name)):
            yield f"{name}={number(options.member(name))}"
    if not options.member("optional").flag():
        yield "required"


def _cache(options: JsonValue, destination: str) -> Iterator[str]:
    name = (options.member("ID").text() or "").removeprefix("/")
    if name not in ("", destination):
        yield f"id={name}"
    sharing = _SHARING.get(number(options.member("sharing")))
    if sharing:
        yield f"sharing={sharing}"


def _copy_flags(copy: JsonValue) -> Iterator[str]:
    owner = copy.member("owner")
    user, group = _owner(owner.member("user")), _owner(owner.member("group"))
    if user or group:
        yield f"--chown={user or '0'}" + (f":{group}" if group else "")
    mode = number(copy.member("mode"), -1)
    if mode >= 0 and copy.member("mode").value is not None:
        yield f"--chmod={mode:04o}"
    elif copy.member("modeStr").text():
        yield f"--chmod={copy.member('modeStr').text()}"
    if _parents(copy):
        yield "--parents"
    for pattern in copy.member("exclude_patterns").texts():
        yield f"--exclude={pattern}"


def _parents(copy: JsonValue) -> tuple[str, ...]:
    return copy.member("include_patterns").texts()


def _owner(value: JsonValue) -> str:
    user = value.member("User")
    name = user.member("byName").member("name").text()
    if name:
        return name
    found = user.member("byId").value
    return str(found) if isinstance(found, int) else ""


def _source(copy: JsonValue, origin: str | None) -> str:
    """A source as the instruction names it: from the context's root, or in another image."""
    path = copy.member("src").text() or "/"
    included = _parents(copy)
    if included:
        return f"{path.strip('/') or '.'}/./{included[0]}".removeprefix("././")
    return path if origin else path.lstrip("/") or "."


def _url(step: Step) -> str:
    identifier = step.source or ""
    return identifier if identifier.startswith(("https://", "http://", "git://")) else ""


def _script(script: str, flags: tuple[str, ...]) -> Instruction:
    """A script of several lines; one that is a heredoc of its own stands as it is."""
    first, _, rest = script.partition("\n")
    if first.startswith("<<"):
        name = first[2:].split()[0].strip("\"'-") if first[2:].split() else ""
        body, found, _ = rest.rpartition(name) if name else ("", "", "")
        if found:
            return Instruction("RUN", first, flags, (Heredoc(name, body),))
    name = "EOF"
    while name in script.split("\n"):
        name += "_"
    body = script if script.endswith("\n") else script + "\n"
    return Instruction("RUN", f"<<{name}", flags, (Heredoc(name, body),))


def _field(option: str) -> str:
    """One option of a mount, which is a field of comma-separated values."""
    return f'"{option}"' if "," in option else option


def _text(data: str) -> str:
    """A heredoc's body."""
    try:
        body = base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        body = ""
    return body if not body or body.endswith("\n") else body + "\n"
