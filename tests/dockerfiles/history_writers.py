"""Models of what each builder writes into history and configuration for a Dockerfile.

After the sources of BuildKit (dockerfile2llb/convert.go), moby (daemon/builder/dockerfile),
buildah (imagebuildah/stage_executor.go) and kaniko (pkg/executor/build.go), apart from the
library that reads it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.dockerfiles.steps import (
    Argument,
    Command,
    Copied,
    Listed,
    Pairs,
    Probe,
    Script,
    Step,
    Value,
    line,
)

SHELL = ("/bin/sh", "-c")
ROOT = {
    "created": "2020-05-05T00:00:00Z",
    "created_by": "# debian.sh --arch 'amd64' out/ 'bookworm' '@1718582400'",
    "comment": "debuerreotype 0.15",
}
_ESCAPES = {"\a": "a", "\b": "b", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}

Json = dict[str, Any]


@dataclass
class Written:
    """History rows above the base's, and the configuration."""

    rows: list[Json] = field(default_factory=list)
    config: Json = field(default_factory=dict)

    @property
    def history(self) -> list[Json]:
        return [ROOT, *self.rows]

    @property
    def layers(self) -> int:
        return sum(not row.get("empty_layer") for row in self.history)


def buildkit(steps: Sequence[Step], *, newer: bool = False) -> Written:
    """BuildKit; `newer` prints ports and health checks as it does since 0.25 and 0.30."""
    written = Written(config=configuration(steps))
    arguments: list[str] = []
    variables: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Value) and step.keyword == "ONBUILD":
            continue
        text = "" if _is_run(step) else _printed(step, newer=newer)
        if isinstance(step, Argument) and step.value is not None:
            arguments.append(step.name)
            variables.setdefault(step.name, step.value)
        if isinstance(step, Pairs) and step.keyword == "ENV":
            variables.update(step.pairs)
        if _is_run(step):
            given = [f"{name}={variables[name]}" for name in arguments]
            prefix = f"|{len(given)} {' '.join(given)} " if given else ""
            text = f"RUN {prefix}{_run(step)}"
        is_layer = _is_run(step) or isinstance(step, Copied) or text.startswith("WORKDIR ")
        suffix = " # buildkit" if _is_run(step) or isinstance(step, Copied) else ""
        _add(written, text + suffix, is_layer=is_layer, comment="buildkit.dockerfile.v0")
    return written


def classic(steps: Sequence[Step]) -> Written:
    """The classic builder of Docker 20.10."""
    written = Written(config=configuration(steps))
    arguments: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Argument) and step.value is not None:
            arguments[step.name] = step.value
        if _is_run(step):
            given = sorted(f"{name}={value}" for name, value in arguments.items())
            prefix = f"|{len(given)} {' '.join(given)} " if given else ""
            _add(written, prefix + _run(step), is_layer=True)
        elif isinstance(step, Copied):
            owner = f"--chown={step.owner}" if step.owner else ""
            kind = "file" if len(step.sources) == 1 else "multi"
            text = f"{step.keyword} {owner}{kind}:{'0' * 64} in {step.destination} "
            _add(written, f"/bin/sh -c #(nop) {text}", is_layer=True)
        else:
            text = _printed(step, newer=False)
            blank = "" if text.startswith("WORKDIR ") else " "
            _add(written, f"/bin/sh -c #(nop) {blank}{text}", is_layer=not blank)
    return written


def buildah(steps: Sequence[Step], base: str = "docker.io/library/debian:bookworm") -> Written:
    """buildah 1.39 with layers."""
    written = Written(config=configuration(steps))
    arguments: dict[str, str] = {}
    for step in steps:
        if isinstance(step, Argument) and step.value is not None:
            arguments[step.name] = step.value
        if _is_run(step):
            given = " ".join(sorted(f"{name}={value}" for name, value in arguments.items()))
            prefix = f"|{len(given.split(' '))} {given} " if given else ""
            text = f"{prefix}/bin/sh -c {line(step).split(chr(10))[0].removeprefix('RUN ')}"
            _add(written, text, is_layer=True)
        elif isinstance(step, Copied):
            kind = "file" if len(step.sources) == 1 else "multi"
            text = f"{step.keyword} {kind}:{'0' * 64} in {step.destination} "
            _add(written, f"/bin/sh -c #(nop) {text}", is_layer=True)
        elif isinstance(step, Argument):
            _add(written, f"/bin/sh -c #(nop) ARG {' '.join(sorted(arguments))}", is_layer=False)
        else:
            _add(written, f"/bin/sh -c #(nop) {line(step)}", is_layer=False)
    if written.rows:
        written.rows[0]["comment"] = f"FROM {base}"
    return written


def kaniko(steps: Sequence[Step]) -> Written:
    """kaniko: rows for what made a layer, everything else in the configuration alone."""
    written = Written(config=configuration(steps))
    for step in steps:
        is_directory = isinstance(step, Value) and step.keyword == "WORKDIR"
        if _is_run(step) or isinstance(step, Copied) or is_directory:
            _add(written, line(step).split("\n")[0], is_layer=True, author="kaniko")
            written.rows[-1]["created"] = "0001-01-01T00:00:00Z"
    return written


def configuration(steps: Sequence[Step]) -> Json:  # noqa: C901, a case for each instruction
    """What the image's config holds after all steps."""
    config: Json = {"Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]}
    for step in steps:
        match step:
            case Pairs("ENV", found):
                config["Env"] += [f"{name}={value}" for name, value in found]
            case Pairs(_, found):
                config.setdefault("Labels", {}).update(found)
            case Command("RUN", _):
                pass
            case Command(keyword, words):
                config[keyword.capitalize()] = list(_exec(words))
            case Listed("EXPOSE", words):
                config.setdefault("ExposedPorts", {}).update({port: {} for port in words})
            case Listed(_, words):
                config.setdefault("Volumes", {}).update({path: {} for path in words})
            case Value("ONBUILD", text):
                config.setdefault("OnBuild", []).append(text)
            case Value(keyword, text):
                names = {"USER": "User", "WORKDIR": "WorkingDir", "STOPSIGNAL": "StopSignal"}
                config[names[keyword]] = text
            case Probe():
                config["Healthcheck"] = _healthcheck(step)
    return config


def _add(written: Written, created_by: str, *, is_layer: bool, **others: str) -> None:
    row: Json = {"created": "2024-05-05T00:00:00Z", "created_by": created_by, **others}
    written.rows.append(row if is_layer else row | {"empty_layer": True})


def _is_run(step: Step) -> bool:
    return isinstance(step, Script) or (isinstance(step, Command) and step.keyword == "RUN")


def _run(step: Step) -> str:
    """What a RUN executes, words joined by blanks."""
    if isinstance(step, Script):
        return " ".join((*SHELL, step.body))
    assert isinstance(step, Command)
    return " ".join(_exec(step.words))


def _exec(words: str | tuple[str, ...]) -> tuple[str, ...]:
    return (*SHELL, words) if isinstance(words, str) else words


def _printed(step: Step, *, newer: bool) -> str:  # noqa: C901, PLR0911
    match step:
        case Pairs(keyword, found):
            return f"{keyword} {' '.join(f'{name}={value}' for name, value in found)}"
        case Argument(name, value):
            return f"ARG {name}" if value is None else f"ARG {name}={value}"
        case Command(keyword, words):
            return f"{keyword} {go_list(_exec(words))}"
        case Listed("EXPOSE", words):
            inner = " ".join(words if newer else (f"{port}:{{}}" for port in words))
            return f"EXPOSE [{inner}]" if newer else f"EXPOSE map[{inner}]"
        case Listed(keyword, words):
            return f"{keyword} [{' '.join(words)}]"
        case Value(keyword, text):
            return f"{keyword} {text}"
        case Copied():
            return line(step)
        case Probe():
            return f"HEALTHCHECK {_newer_probe(step) if newer else _older_probe(step)}"
        case Script():
            raise AssertionError(step)


def _test(probe: Probe) -> tuple[str, ...]:
    if probe.test is None:
        return ("NONE",)
    return ("CMD-SHELL", probe.test) if isinstance(probe.test, str) else ("CMD", *probe.test)


def _durations(probe: Probe) -> tuple[int, int, int]:
    is_none = probe.test is None
    return (0, 0, 0) if is_none else (probe.interval, probe.timeout, probe.start_period)


def _older_probe(probe: Probe) -> str:
    durations = " ".join(f'"{go_duration(seconds)}"' for seconds in _durations(probe))
    retries = 0 if probe.test is None else probe.retries
    return f"&{{{go_list(_test(probe))} {durations} {go_rune(retries)}}}"


def _newer_probe(probe: Probe) -> str:
    interval, timeout, start = map(go_duration, _durations(probe))
    retries = 0 if probe.test is None else probe.retries
    return (
        f"{{Test:[{' '.join(_test(probe))}] Interval:{interval} Timeout:{timeout} "
        f"StartPeriod:{start} StartInterval:0s Retries:{retries}}}"
    )


def _healthcheck(probe: Probe) -> Json:
    interval, timeout, start = (seconds * 10**9 for seconds in _durations(probe))
    found: Json = {"Test": list(_test(probe))}
    values = {"Interval": interval, "Timeout": timeout, "StartPeriod": start}
    found |= {name: value for name, value in values.items() if value}
    return found | ({"Retries": probe.retries} if probe.retries and probe.test is not None else {})


def go_list(words: Sequence[str]) -> str:
    """`%q` of a list."""
    return f"[{' '.join(go_quote(word) for word in words)}]"


def go_quote(text: str) -> str:
    """`strconv.Quote`."""
    return '"' + "".join(_go_character(each, '"') for each in text) + '"'


def go_rune(number: int) -> str:
    """`%q` of a number."""
    return f"'{_go_character(chr(number), chr(39))}'"


def go_duration(seconds: int) -> str:
    """`time.Duration.String` of whole seconds."""
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{hours}h" if hours else ""
    text += f"{minutes}m" if hours or minutes else ""
    return text + f"{rest}s"


def _go_character(character: str, quote: str) -> str:
    number = ord(character)
    if character in (quote, "\\"):
        return "\\" + character
    if character in _ESCAPES:
        return "\\" + _ESCAPES[character]
    if character.isprintable():
        return character
    if number < 0x80:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


WRITERS: dict[str, Callable[[Sequence[Step]], Written]] = {
    "buildkit": buildkit,
    "buildkit-newer": lambda steps: buildkit(steps, newer=True),
    "classic": classic,
    "buildah": buildah,
    "kaniko": kaniko,
}
