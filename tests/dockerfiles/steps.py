"""Dockerfiles as values, drawn by Hypothesis, and their text."""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st


class Pairs(NamedTuple):
    """ENV or LABEL."""

    keyword: str
    pairs: tuple[tuple[str, str], ...]


class Argument(NamedTuple):
    name: str
    value: str | None


class Command(NamedTuple):
    """RUN, CMD or ENTRYPOINT; a text is the shell form."""

    keyword: str
    words: str | tuple[str, ...]


class Script(NamedTuple):
    """A RUN that is one heredoc."""

    body: str


class Listed(NamedTuple):
    """EXPOSE, VOLUME or SHELL."""

    keyword: str
    words: tuple[str, ...]


class Value(NamedTuple):
    """USER, WORKDIR, STOPSIGNAL, MAINTAINER, ONBUILD."""

    keyword: str
    text: str


class Probe(NamedTuple):
    """HEALTHCHECK; no test is NONE. Durations in seconds."""

    test: str | tuple[str, ...] | None
    interval: int
    timeout: int
    start_period: int
    retries: int


class Copied(NamedTuple):
    keyword: str
    sources: tuple[str, ...]
    destination: str
    owner: str


Step = Pairs | Argument | Command | Script | Listed | Value | Probe | Copied

PRINTABLE = st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" ")
VALUES = st.text(PRINTABLE, max_size=12)
WORDS = st.text(st.characters(codec="utf-8"), max_size=8)
SCRIPTS = (
    st.text(PRINTABLE, min_size=1, max_size=40)
    .map(str.strip)
    .filter(lambda s: s and not s.startswith(("--", "[", "|")) and not s.endswith("\\"))
    .filter(lambda s: "<<" not in s and "/dev/pipes/" not in s)
)
PLAIN = st.from_regex(r"[a-z][a-z0-9_.]{0,8}", fullmatch=True)
LOWER_VALUES = st.from_regex(r"[a-z0-9=/. -]{1,10}", fullmatch=True).map(str.strip).filter(bool)
PATHS = PLAIN.map(lambda name: f"/{name}")
PORTS = st.integers(1, 65535).flatmap(lambda port: st.sampled_from((f"{port}/tcp", f"{port}/udp")))


@st.composite
def pairs(draw: st.DrawFn, keyword: str, used: set[str]) -> Pairs:
    """One to three names that no other instruction sets."""
    name = r"[A-Z][A-Z_]{2,8}" if keyword == "ENV" else r"[a-z]{2,5}(\.[a-z]{2,5}){0,2}"
    names = draw(st.lists(st.from_regex(name, fullmatch=True), min_size=1, max_size=3, unique=True))
    fresh = [each for each in names if each not in used] or [f"NAME{len(used)}"]
    used.update(fresh)
    return Pairs(keyword, tuple((each, draw(VALUES)) for each in fresh))


@st.composite
def dockerfiles(draw: st.DrawFn) -> list[Step]:
    """The instructions of one stage; names are set once, as what is overwritten is lost."""
    used: set[str] = {"PATH"}
    arguments = st.builds(
        Argument, st.from_regex(r"[A-Z]{3,6}_ARG", fullmatch=True), st.none() | LOWER_VALUES
    )
    commands = st.sampled_from(("CMD", "ENTRYPOINT"))
    words = st.lists(WORDS, min_size=1, max_size=3).map(tuple)
    tests = st.none() | SCRIPTS | st.lists(WORDS, min_size=1, max_size=3).map(tuple)
    steps = (
        pairs("ENV", used),
        pairs("LABEL", used),
        arguments,
        st.builds(Command, st.just("RUN"), SCRIPTS),
        st.builds(Command, st.just("RUN"), st.lists(PLAIN, min_size=1, max_size=3).map(tuple)),
        st.builds(Command, commands, SCRIPTS | words),
        st.builds(Script, st.lists(SCRIPTS, min_size=1, max_size=3).map(_lines)),
        st.builds(Listed, st.just("EXPOSE"), st.lists(PORTS, min_size=1, max_size=3).map(tuple)),
        st.builds(Listed, st.just("VOLUME"), st.lists(PATHS, min_size=1, max_size=3).map(tuple)),
        st.builds(Value, st.sampled_from(("USER", "STOPSIGNAL")), PLAIN),
        st.builds(Value, st.just("WORKDIR"), PATHS),
        st.builds(Value, st.just("ONBUILD"), SCRIPTS.map(lambda script: f"RUN {script}")),
        st.builds(Probe, tests, *(st.integers(0, 4000) for _ in range(3)), st.integers(0, 200)),
        st.builds(
            Copied,
            st.sampled_from(("COPY", "ADD")),
            st.lists(PLAIN, min_size=1, max_size=2).map(tuple),
            PATHS.map(lambda path: f"{path}/"),
            st.sampled_from(("", "app:app", "1000")),
        ),
    )
    found = draw(st.lists(st.one_of(*steps), min_size=1, max_size=8))
    declared: set[str] = set()
    return [each for each in found if not _is_repeated(each, declared)]


def _is_repeated(step: Step, declared: set[str]) -> bool:
    """Whether an argument is declared again: only the last declaration is told."""
    if not isinstance(step, Argument):
        return False
    is_repeated = step.name in declared
    declared.add(step.name)
    return is_repeated


def _lines(scripts: Sequence[str]) -> str:
    return "".join(f"{script}\n" for script in scripts if not script.startswith("#!")) or "true\n"


def dockerfile(steps: Sequence[Step], base: str = "base") -> str:
    """The text of a Dockerfile."""
    return "\n".join((f"FROM {base}", *map(line, steps))) + "\n"


def line(step: Step) -> str:  # noqa: C901, PLR0911
    """The text of one instruction."""
    match step:
        case Pairs(keyword, found):
            return f"{keyword} {' '.join(f'{name}={quoted(value)}' for name, value in found)}"
        case Argument(name, value):
            return f"ARG {name}" if value is None else f"ARG {name}={quoted(value)}"
        case Command(keyword, words):
            return f"{keyword} {words if isinstance(words, str) else listed(words)}"
        case Script(body):
            return f"RUN <<GENERATED\n{body}GENERATED"
        case Listed(keyword, words):
            return f"{keyword} {listed(words) if keyword == 'SHELL' else ' '.join(words)}"
        case Value(keyword, text):
            return f"{keyword} {text}"
        case Copied(keyword, sources, destination, owner):
            flags = f"--chown={owner} " if owner else ""
            return f"{keyword} {flags}{' '.join(sources)} {destination}"
        case Probe():
            return _probe(step)


def _probe(probe: Probe) -> str:
    if probe.test is None:
        return "HEALTHCHECK NONE"
    durations = {
        "interval": probe.interval,
        "timeout": probe.timeout,
        "start-period": probe.start_period,
    }
    flags = [f"--{name}={seconds}s" for name, seconds in durations.items() if seconds]
    flags += [f"--retries={probe.retries}"] if probe.retries else []
    command = probe.test if isinstance(probe.test, str) else listed(probe.test)
    return " ".join(("HEALTHCHECK", *flags, "CMD", command))


def quoted(value: str) -> str:
    """A value in double quotes, nothing in it expanded."""
    return '"' + re.sub(r'(["\\$])', r"\\\1", value) + '"'


def listed(words: Sequence[str]) -> str:
    """The exec form."""
    return json.dumps(list(words))
