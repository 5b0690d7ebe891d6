"""History rows of every builder and version, verbatim, and the instructions they stand for."""

import pytest

from tests.dockerfiles.building import BUILDKIT, NOP
from tests.dockerfiles.recovering import DEBIAN, Json, own_lines, recovered, row


def lines(*texts: str, config: Json | None = None, comment: str | None = None) -> list[str]:
    """What rows with these texts, above a root filesystem's, come out as."""
    others: Json = {"comment": comment} if comment else {}
    return own_lines(recovered([DEBIAN, *(row(text, **others) for text in texts)], config))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("RUN /bin/sh -c echo a && echo b # buildkit", "RUN echo a && echo b"),
        ("RUN /bin/echo a b # buildkit", 'RUN ["/bin/echo", "a", "b"]'),
        ("RUN /bin/bash -euxc echo a b # buildkit", 'RUN ["/bin/bash", "-euxc", "echo a b"]'),
        ("RUN /bin/sh -c [ -e /x ] || true # buildkit", "RUN [ -e /x ] || true"),
        (
            'RUN /bin/sh -c ["a"] # buildkit',
            'RUN ["/bin/sh", "-c", "[\\"a\\"]"]',
        ),
        ("RUN /bin/sh -c echo \\ # buildkit", 'RUN ["/bin/sh", "-c", "echo \\\\"]'),
        ("COPY --chown=a:b x y /z/ # buildkit", "COPY --chown=a:b x y /z/"),
        ("ADD https://example.com/x /x # buildkit", "ADD https://example.com/x /x"),
        ("WORKDIR /with blank", "WORKDIR /with blank"),
        ("EXPOSE map[80/tcp:{} 53/udp:{}]", "EXPOSE 80 53/udp"),
        ("EXPOSE [8000/tcp 8001/tcp 8002/tcp]", "EXPOSE 8000-8002"),
        ("VOLUME [/a /b]", "VOLUME /a /b"),
        ('CMD ["/bin/sh" "-c" "x $Y"]', "CMD x $Y"),
        ('ENTRYPOINT ["a\\tb" "c\\u200b"]', 'ENTRYPOINT ["a\\tb", "c\u200b"]'),
        ("CMD []", "CMD []"),
        ("ENV A=$B", 'ENV A="\\$B"'),
        ("ENV A=", 'ENV A=""'),
        ("ARG A=1", "ARG A=1"),
        ("ARG TARGETARCH=amd64", "ARG TARGETARCH"),
        ("MAINTAINER A <a@b>", "MAINTAINER A <a@b>"),
        ("USER a:b", "USER a:b"),
        ("STOPSIGNAL SIGTERM", "STOPSIGNAL SIGTERM"),
        (
            'HEALTHCHECK &{["CMD" "a"] "1m30s" "5s" "0s" "0s" \'\\n\'}',
            'HEALTHCHECK --interval=1m30s --timeout=5s --retries=10 CMD ["a"]',
        ),
        (
            "HEALTHCHECK {Test:[CMD-SHELL a b] Interval:30s Timeout:0s StartPeriod:0s "
            "StartInterval:2s Retries:3}",
            "HEALTHCHECK --interval=30s --start-interval=2s --retries=3 CMD a b",
        ),
        ('HEALTHCHECK &{["NONE"] "0s" "0s" "0s" \'\\x00\'}', "HEALTHCHECK NONE"),
    ],
)
def test_buildkit(text: str, line: str) -> None:
    assert lines(text, comment=BUILDKIT) == [line]


@pytest.mark.parametrize("keyword", ["USER", "WORKDIR"])
def test_a_variable_that_was_empty_leaves_a_word_that_builds(keyword: str) -> None:
    found = recovered([DEBIAN, row(f"{keyword} ", comment=BUILDKIT)])
    assert str(found).endswith(f'\n{keyword} ""\n')


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("/bin/sh -c echo   a\tb", "RUN echo   a\tb"),
        (f"{NOP} ENV A=1", "ENV A=1"),
        (f"{NOP} EXPOSE 80/tcp", "EXPOSE 80"),
        (f"{NOP} USER [nova]", "USER nova"),
        (f"{NOP}WORKDIR /a/b", "WORKDIR /a/b"),
        (f"{NOP} ONBUILD RUN a && b", "ONBUILD RUN a && b"),
        (f'{NOP} ENTRYPOINT &{{["/x"]}}', 'ENTRYPOINT ["/x"]'),
        (f"{NOP} CMD [/bin/bash]", 'CMD ["/bin/bash"]'),
        (f"{NOP}COPY file:{'a' * 64} in /x/y.conf ", "COPY y.conf /x/y.conf"),
        (f"{NOP}COPY --chown=a:bfile:{'a' * 64} in /y ", "COPY --chown=a:b y /y"),
        (f"{NOP}COPY dir:{'a' * 64} in . ", "COPY . ."),
        (f"{NOP}COPY dir:{'a' * 64} in /opt/x ", "COPY opt/x /opt/x"),
        (f"{NOP}ADD file:{'a' * 64} in /space name ", 'ADD ["space name", "/space name"]'),
    ],
)
def test_the_classic_builder_and_the_engines_before_it(text: str, line: str) -> None:
    assert lines(text) == [line]


def test_the_shell_of_a_classic_build_leads_every_later_row() -> None:
    rows = (
        "/bin/ash -e -c #(nop)  SHELL [/bin/ash -e -c]",
        "/bin/ash -e -c echo a",
        '/bin/ash -e -c #(nop)  CMD ["/bin/ash" "-e" "-c" "b"]',
    )
    assert lines(*rows) == ['SHELL ["/bin/ash", "-e", "-c"]', "RUN echo a", "CMD b"]


def test_values_of_one_row_are_told_apart_by_the_configuration() -> None:
    config: Json = {"Env": ["A=1 B=2", "C=x"], "Labels": {"a b": "c d", "e": ""}}
    found = lines("ENV A=1 B=2 C=x", "LABEL a b=c d e=", config=config, comment=BUILDKIT)
    assert found == ['ENV A="1 B=2" C=x', 'LABEL "a b"="c d" e=""']


def test_paths_of_one_row_are_told_apart_by_the_configuration() -> None:
    config: Json = {"Volumes": {"/a b": {}, "/c": {}}}
    assert lines("VOLUME [/a b /c]", config=config, comment=BUILDKIT) == ['VOLUME ["/a b", "/c"]']


def test_the_configuration_wins_over_words_without_quotes() -> None:
    config = {"Healthcheck": {"Test": ["CMD", "a b", "c"]}}
    printed = (
        "HEALTHCHECK {Test:[CMD a b c] Interval:0s Timeout:0s StartPeriod:0s "
        "StartInterval:0s Retries:0}"
    )
    assert lines(printed, config=config, comment=BUILDKIT) == ['HEALTHCHECK CMD ["a b", "c"]']


@pytest.mark.parametrize("prefix", ["RUN ", ""])
def test_arguments_of_the_build_are_taken_off_a_command(prefix: str) -> None:
    declared = ("ARG A=1 2", "ARG B=/bin/sh -c x")
    comment = BUILDKIT if prefix else None
    nop = "" if prefix else f"{NOP} "
    run = f"{prefix}|2 A=1 2 B=/bin/sh -c x /bin/sh -c make A=3"
    found = lines(*(nop + text for text in declared), run, comment=comment)
    assert found[-1] == "RUN make A=3"


def test_arguments_are_taken_off_the_exec_form_too() -> None:
    declared = (f"{NOP} ARG A", f"{NOP} ARG B=x")
    assert lines(*declared, "|2 A=given at build B=x /bin/echo C=1")[-1] == (
        'RUN ["/bin/echo", "C=1"]'
    )


def test_a_heredoc_comes_out_as_one() -> None:
    found = lines("RUN /bin/sh -c echo EOF\ncat <<X\nCOPY a b\nX\n # buildkit", comment=BUILDKIT)
    assert found == ["RUN <<EOF\necho EOF\ncat <<X\nCOPY a b\nX\nEOF"]


def test_a_delimiter_is_no_line_of_its_script() -> None:
    found = lines("RUN /bin/sh -c EOF\nEOF1\n # buildkit", comment=BUILDKIT)
    assert found == ["RUN <<EOF2\nEOF\nEOF1\nEOF2"]


def test_a_heredoc_that_is_kept_whole_stays_as_it_was() -> None:
    found = lines("RUN /bin/sh -c cat <<EOF >x\na\nEOF # buildkit", comment=BUILDKIT)
    assert found == ["RUN cat <<EOF >x\na\nEOF"]


def test_a_script_with_its_own_interpreter_is_lost_and_said_to_be() -> None:
    found = recovered([DEBIAN, row("RUN /bin/sh -c /dev/pipes/EOF # buildkit", comment=BUILDKIT)])
    lost = found.instructions[-1]
    assert str(lost).startswith("RUN <<EOF\n#!/bin/sh\n# lost: ")
    assert lost.confidence == "guessed"
    assert "does not record" in lost.note


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f'{NOP}LABEL a=b c="d e"', 'LABEL a=b c="d e"'),
        (f"{NOP}ENV A=$B/x", "ENV A=$B/x"),
        (f"{NOP}WORKDIR rel", "WORKDIR rel"),
        (f"{NOP}CMD shell $FORM", "CMD shell $FORM"),
        (f"{NOP}USER a|unsetLabel=true|force-mtime=10", "USER a"),
        ("/bin/sh -c --network=none echo", "RUN --network=none echo"),
        (
            f"/bin/sh -c --mount=type=bind,target=/m make:sha256:{'a' * 64}",
            "RUN --mount=type=bind,target=/m make",
        ),
        ('|1 A=1 /bin/sh -c ["/bin/echo", "a b"]', 'RUN ["/bin/echo", "a b"]'),
        ("/bin/sh -c <<EOF\necho a\necho b", "RUN <<EOF\necho a\necho b\nEOF"),
        (f"{NOP}COPY file:{'a' * 64} in $HOME/x ", "COPY x $HOME/x"),
    ],
)
def test_buildah(text: str, line: str) -> None:
    rows = [DEBIAN, row(f"{NOP}ARG A", comment="FROM debian:bookworm"), row(text)]
    assert own_lines(recovered(rows))[1:] == [line]


def test_buildah_lists_arguments_by_name_and_the_next_command_tells_their_values() -> None:
    rows = [
        DEBIAN,
        row(f"{NOP}ARG B", comment="FROM debian:bookworm"),
        row(f"{NOP}ARG A B"),
        row("|4 A=x y B=2 /bin/sh -c make"),
    ]
    assert own_lines(recovered(rows)) == ["ARG B=2", 'ARG A="x y"', "RUN make"]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("/bin/sh -c <<EOF", {"comment": "FROM debian:bookworm"}),
        ("RUN <<EOF", {"author": "kaniko"}),
    ],
)
def test_a_script_that_a_builder_does_not_keep_is_said_to_be_lost(text: str, others: Json) -> None:
    lost = recovered([DEBIAN, row(text, **others)]).instructions[-1]
    assert str(lost).startswith("RUN <<EOF\n# lost: ")
    assert lost.confidence == "guessed"


def test_windows_shells_and_paths() -> None:
    rows: list[Json] = [
        row("Apply image 10.0.20348.1234"),
        row("SHELL [powershell -Command $x = 'y'; $z;]", comment=BUILDKIT),
        row("RUN powershell -Command $x = 'y'; $z; dir C:\\ # buildkit", comment=BUILDKIT),
        row("COPY C:\\Program Files\\Go C:\\Program Files\\Go # buildkit", comment=BUILDKIT),
        row("VOLUME [C:\\data]", comment=BUILDKIT),
    ]
    found = recovered(rows, {}, os="windows")
    assert own_lines(found) == [
        'SHELL ["powershell", "-Command", "$x = \'y\'; $z;"]',
        'RUN ["powershell", "-Command", "$x = \'y\'; $z;", "dir C:\\\\"]',
        'COPY ["C:\\\\\\\\Program Files\\\\\\\\Go", "C:\\\\\\\\Program Files\\\\\\\\Go"]',
        "VOLUME C:\\\\data",
    ]
    assert found.base.name == "mcr.microsoft.com/windows/nanoserver:ltsc2022"


def test_an_argument_without_a_value_has_the_name_that_commands_use() -> None:
    rows = [
        DEBIAN,
        row(f"{NOP}ARG A", comment="FROM debian:bookworm", empty=True),
        row(f"{NOP}ARG A", empty=True),
        row(f"{NOP}ARG A", empty=True),
        row(f"{NOP}ARG A", empty=True),
        row("|1 A=1 /bin/sh -c for x in $A; do echo $x $HOME '$quoted'; done; make ${FIRST}"),
        row("|1 A=1 /bin/sh -c y=1; echo $y $SECOND"),
    ]
    found = recovered(rows)
    assert own_lines(found)[:3] == ["ARG A=1", "ARG FIRST", "ARG SECOND"]
    assert own_lines(found)[3].startswith("RUN for x")
    assert found.instructions[2].confidence == "inferred"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("COPY a.txt /with blank # buildkit", 'COPY ["a.txt", "/with blank"]'),
        ("COPY /a /b dir # buildkit", "COPY /a /b dir"),
        ("COPY a b /dir # buildkit", "COPY a b /dir"),
        ("COPY a /b ./ # buildkit", "COPY a /b ./"),
    ],
)
def test_a_relative_source_goes_with_no_absolute_one(text: str, line: str) -> None:
    assert lines(text, comment=BUILDKIT) == [line]


def test_a_command_that_was_changed_after_the_build_is_the_images() -> None:
    config = {"Cmd": ["other"], "Entrypoint": ["/bin/sh", "-c", "x"]}
    rows = [
        DEBIAN,
        row('ENTRYPOINT ["/bin/sh" "-c" "x"]', comment=BUILDKIT),
        row('CMD ["x"]', comment=BUILDKIT),
    ]
    found = recovered(rows, config)
    assert own_lines(found) == ["ENTRYPOINT x", 'CMD ["x"]', 'CMD ["other"]']
    assert "changed after the build" in found.instructions[-1].note


def test_triggers_of_buildkit_come_from_the_configuration() -> None:
    config = {"OnBuild": ["RUN a"]}
    found = lines('CMD ["x"]', config=config, comment=BUILDKIT)
    assert found == ["ONBUILD RUN a", 'CMD ["x"]']


def test_a_trigger_keeps_its_heredoc() -> None:
    trigger = "RUN <<EOF\nmake\nmake install\nEOF"
    found = lines('CMD ["x"]', config={"OnBuild": [trigger]}, comment=BUILDKIT)
    assert found == [f"ONBUILD {trigger}", 'CMD ["x"]']
    continued = lines('CMD ["x"]', config={"OnBuild": ["RUN a && \\\n  b"]}, comment=BUILDKIT)
    assert continued == ["ONBUILD RUN a &&   b", 'CMD ["x"]']


def test_a_line_break_that_no_value_can_have_is_told() -> None:
    rows = [DEBIAN, row("ENV KEY=one\ntwo", comment=BUILDKIT, empty=True)]
    found = recovered(rows, {"Env": ["KEY=one\ntwo"]})
    assert own_lines(found) == ['ENV KEY="one two"']
    assert found.instructions[-1].confidence == "partial"
    assert "line break" in found.instructions[-1].note
