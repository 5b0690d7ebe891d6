"""What a builder writes of a Dockerfile, and our reader makes of it, are inverse.

Dockerfiles are drawn, models of the builders write their history, the recovered text is laid
beside the drawn one by the benchmark's measure, which shares no code with the reader. What
each builder loses is listed in docs/dockerfile-recovery.md and left out here in the same words.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmarks.fidelity.items import Item, items_of
from benchmarks.fidelity.statements import statements
from imgforensics.dockerfile.wrapping import wrapped
from tests.dockerfiles.history_writers import (
    SHELL,
    Written,
    buildah,
    buildkit,
    classic,
    kaniko,
)
from tests.dockerfiles.recovering import recovered
from tests.dockerfiles.steps import SCRIPTS, Argument, Script, Step, dockerfile, dockerfiles

ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def items(text: str) -> list[Item]:
    return items_of(statements(text), ENVIRONMENT, SHELL, "/")


def reading_of(written: Written) -> list[Item]:
    assume(written.rows)
    found = recovered(written.history, written.config, written.layers)
    assert found.base.rows == 1
    return items(str(found))


def exactly(found: Iterable[Item]) -> list[tuple[str, object]]:
    return [(each.keyword, each.exact) for each in found]


def without(found: Iterable[Item], *keywords: str) -> list[Item]:
    return [each for each in found if each.keyword not in keywords]


@given(dockerfiles(), st.booleans())
def test_buildkit_loses_the_place_of_triggers_alone(steps: list[Step], newer: bool) -> None:
    found, true = reading_of(buildkit(steps, newer=newer)), items(dockerfile(steps))
    checks = [
        [each for each in exactly(each) if each[0] == "HEALTHCHECK"] for each in (found, true)
    ]
    assert checks[0][-1:] == checks[1][-1:]
    if newer:
        # Of a health check that a later one replaces, the words are printed without quotes.
        found, true = without(found, "HEALTHCHECK"), without(true, "HEALTHCHECK")
    assert exactly(without(found, "ONBUILD")) == exactly(without(true, "ONBUILD"))
    assert Counter(exactly(found)) == Counter(exactly(true))


@given(dockerfiles())
def test_classic_loses_the_sources_of_copies_alone(steps: list[Step]) -> None:
    no_heredocs = [step for step in steps if not isinstance(step, Script)]
    found, true = reading_of(classic(no_heredocs)), items(dockerfile(no_heredocs))
    copies = ("COPY", "ADD")
    assert exactly(without(found, *copies)) == exactly(without(true, *copies))
    assert _places(found) == _places(true)


@given(dockerfiles())
def test_buildah_loses_sources_flags_of_copies_and_heredocs(steps: list[Step]) -> None:
    kept = [step for step in steps if not isinstance(step, Script)]
    kept = [step for step in kept if not (isinstance(step, Argument) and step.value is None)]
    found, true = reading_of(buildah(kept)), items(dockerfile(kept))
    copies = ("COPY", "ADD")
    # The value of an argument is told by the next RUN, if there is one.
    lost = (*copies, "ARG")
    assert exactly(without(found, *lost)) == exactly(without(true, *lost))
    assert _places(found) == _places(true)
    names = [each.normalised for each in found if each.keyword == "ARG"]
    assert names == [each.normalised for each in true if each.keyword == "ARG"]


@given(dockerfiles())
def test_kaniko_loses_the_place_of_what_made_no_layer(steps: list[Step]) -> None:
    found, true = reading_of(kaniko(steps)), items(dockerfile(steps))
    kept = ("RUN", "COPY", "ADD", "WORKDIR")
    rows = [each for each in exactly(true) if each[0] in kept]
    heredocs = sum(isinstance(step, Script) for step in steps)
    if not heredocs:
        assert [each for each in exactly(found) if each[0] in kept] == rows
    many = ("ENV", "LABEL", "EXPOSE", "VOLUME", "ONBUILD")
    for keyword in many:
        expected = {each for each in exactly(true) if each[0] == keyword}
        assert {each for each in exactly(found) if each[0] == keyword} == expected
    for keyword in ("USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"):
        last = [each for each in exactly(true) if each[0] == keyword][-1:]
        assert [each for each in exactly(found) if each[0] == keyword] == last


def _places(found: Sequence[Item]) -> list[tuple[str, str]]:
    return [(each.keyword, each.destination) for each in found if each.keyword in ("COPY", "ADD")]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=60)
PIECES = (
    *("/bin/sh -c ", "#(nop) ", "#(nop)  ", "|2 A=1 ", "file:" + "0" * 64, " in ", " # buildkit"),
    *("ADD ", "ARG ", "CMD ", "COPY ", "ENV ", "EXPOSE ", "HEALTHCHECK ", "LABEL ", "ONBUILD "),
    *("FROM ", "RUN ", "SHELL ", "USER ", "VOLUME ", "WORKDIR ", "OTHER ", "EOF", "&{", "--x="),
    *(" <<EOF", " <<-EOF ", ' <<"E F" ', " ${A", " ${A:-b} ", "\\ ", "# escape=`"),
    *("[", "]", "{", "}", '"', "'", "\\", "$", "=", "#", "\n", "\r", "\0", "\x1b[31m"),
)
FRAGMENTS = st.lists(st.sampled_from(PIECES) | TEXTS, max_size=8).map("".join)
ROWS = st.fixed_dictionaries(
    {"created_by": FRAGMENTS | st.none()},
    optional={
        "comment": st.sampled_from(["buildkit.dockerfile.v0", "FROM a:1", "x"]) | TEXTS,
        "author": st.sampled_from(["kaniko", "Jib"]) | TEXTS,
        "empty_layer": st.booleans(),
        "created": TEXTS | st.just("2024-01-01T00:00:00Z"),
    },
)


SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "Cmd": st.lists(FRAGMENTS, max_size=2),
        "Entrypoint": st.lists(FRAGMENTS, max_size=2),
        "ExposedPorts": st.dictionaries(FRAGMENTS, st.just({}), max_size=2),
        "Healthcheck": st.fixed_dictionaries({"Test": st.lists(FRAGMENTS, max_size=2)}),
        "OnBuild": st.lists(FRAGMENTS, max_size=2),
        "Shell": st.lists(FRAGMENTS, max_size=2),
        "StopSignal": FRAGMENTS,
        "User": FRAGMENTS,
        "Volumes": st.dictionaries(FRAGMENTS, st.just({}), max_size=2),
        "WorkingDir": FRAGMENTS,
    },
)


@given(
    st.lists(ROWS, max_size=6),
    st.integers(0, 3),
    st.dictionaries(FRAGMENTS, FRAGMENTS, max_size=3),
    SETTINGS,
)
def test_whatever_an_image_says_the_text_parses(
    rows: list[dict[str, object]], layers: int, labels: dict[str, str], settings: dict[str, object]
) -> None:
    dockerfile_package = pytest.importorskip("dockerfile", reason="needs BuildKit's parser")
    variables = [f"{name}={value}" for name, value in labels.items()]
    found = recovered(rows, {"Labels": labels, "Env": variables, **settings}, layers)
    for text in (str(found), found.text(pretty=True, evidence=True, keep_base=True)):
        commands = [each.cmd.upper() for each in dockerfile_package.parse_string(text)]
        assert commands == [each.instruction.keyword for each in found.instructions]


@given(st.lists(SCRIPTS, min_size=1, max_size=6), st.sampled_from([" && ", "; ", "&&    ", " || "]))
def test_wrapping_changes_no_byte_of_a_command(scripts: list[str], operator: str) -> None:
    script = operator.join(scripts)
    joined = statements(f"RUN {wrapped(script)}\n")
    assert [each.arguments for each in joined] == [script]
