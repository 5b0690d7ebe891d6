"""Histories by kaniko, which keeps rows of layers alone: the configuration tells the rest."""

from tests.dockerfiles.recovering import ALPINE, DEBIAN, Json, own_lines, recovered, row

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def kaniko(texts: list[str], config: Json) -> list[str]:
    rows = [DEBIAN, *(row(text, author="kaniko") for text in texts)]
    return own_lines(recovered(rows, {"Env": [PATH], **config}))


def test_kaniko_keeps_what_made_a_layer_and_the_configuration_tells_the_rest() -> None:
    rows = [
        DEBIAN,
        row("WORKDIR /app", author="kaniko"),
        row("COPY --from=build ${JAR} /app/x.jar", author="kaniko"),
        row("RUN --mount=type=cache,target=/c make $TOOL_VERSION", author="kaniko"),
    ]
    config = {
        "Env": [PATH, "APP=/app", "TOOL_VERSION=1.2"],
        "Cmd": ["x"],
        "User": "app",
        "ExposedPorts": {"443/tcp": {}, "80/tcp": {}},
        "Labels": {"a": "b"},
        "WorkingDir": "/app",
    }
    assert own_lines(recovered(rows, config)) == [
        "LABEL a=b",
        "ENV APP=/app",
        "ENV TOOL_VERSION=1.2",
        "WORKDIR /app",
        "ARG JAR",
        "COPY --from=build ${JAR} /app/x.jar",
        "RUN --mount=type=cache,target=/c make $TOOL_VERSION",
        "USER app",
        "EXPOSE 80 443",
        'CMD ["x"]',
    ]


def test_what_kaniko_leaves_out_stands_where_most_dockerfiles_have_it() -> None:
    config = {
        "Cmd": ["x"],
        "Entrypoint": ["/start"],
        "User": "app",
        "ExposedPorts": {"80/tcp": {}},
        "Volumes": {"/state": {}},
        "StopSignal": "SIGINT",
        "WorkingDir": "/srv",
    }
    tail = ["WORKDIR /srv", "USER app", "EXPOSE 80", "VOLUME /state", "STOPSIGNAL SIGINT"]
    assert kaniko(["RUN a"], config) == ["RUN a", *tail, 'ENTRYPOINT ["/start"]', 'CMD ["x"]']


def test_images_in_the_manner_of_dockers_library_have_another_order() -> None:
    config = {
        "Cmd": ["x"],
        "Entrypoint": ["docker-entrypoint.sh"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGINT",
    }
    entrypoint = 'ENTRYPOINT ["docker-entrypoint.sh"]'
    assert kaniko(["RUN a"], config) == [
        "RUN a",
        entrypoint,
        "STOPSIGNAL SIGINT",
        "EXPOSE 80",
        'CMD ["x"]',
    ]


def test_a_volume_is_declared_after_the_last_command_that_names_it() -> None:
    config = {
        "Env": [PATH, "DATA=/var/lib/data"],
        "Volumes": {"/var/lib/data": {}, "/logs": {}, "/log": {}},
    }
    texts = ["RUN mkdir /logs", 'RUN install -d "$DATA"', "COPY x /y/"]
    assert kaniko(texts, config) == [
        "RUN mkdir /logs",
        "VOLUME /logs",
        "ENV DATA=/var/lib/data",
        'RUN install -d "$DATA"',
        "VOLUME /var/lib/data",
        "COPY x /y/",
        "VOLUME /log",
    ]


def test_a_locale_is_set_when_it_was_made_and_a_home_at_the_top() -> None:
    config = {"Env": [PATH, "APP_HOME=/app", "LANG=de_DE.utf8"]}
    texts = ["RUN a", "RUN locale-gen de_DE.utf8", "RUN b $APP_HOME"]
    assert kaniko(texts, config) == [
        "ENV APP_HOME=/app",
        "RUN a",
        "RUN locale-gen de_DE.utf8",
        "ENV LANG=de_DE.utf8",
        "RUN b $APP_HOME",
    ]


def test_labels_stand_below_what_they_name_and_a_release_below_its_version() -> None:
    labels = {"component": "tool-docker", "release": "3", "version": "1"}
    found = kaniko(["RUN a"], {"Env": [PATH, "name=tool", "x=y"], "Labels": labels})
    assert found == [
        "ENV name=tool",
        "LABEL component=tool-docker",
        "LABEL version=1",
        "LABEL release=3",
        "ENV x=y",
        "RUN a",
    ]


def test_the_root_directory_is_set_where_no_base_has_it() -> None:
    assert kaniko(["RUN a"], {"WorkingDir": "/"}) == ["RUN a", "WORKDIR /"]
    on_alpine = [*ALPINE, row("RUN a", author="kaniko")]
    assert own_lines(recovered(on_alpine, {"WorkingDir": "/"})) == ["RUN a"]
