"""What images of Docker's library look like from inside: variables, last row, tags.

Source: https://github.com/docker-library/official-images and the Dockerfiles it names.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from imgforensics.dockerfile.base.distributions import Distribution
from imgforensics.dockerfile.instruction import Instruction


class Official(NamedTuple):
    """One image of the library."""

    name: str
    variable: str
    """Holds its version."""
    last: str
    """Pattern of its last instruction."""
    has_slim: bool = False
    """Whether it comes with Debian's build tools, and without them as `-slim`."""
    value: str = r".*"
    """Pattern of its version."""


VERSION_SUFFIX = "_VERSION"
"""What the names of all variables below end with."""
_DOTNET = "mcr.microsoft.com/dotnet/"
_LIBRARY = (
    Official(f"{_DOTNET}aspnet", "ASPNET_VERSION", r"COPY /shared/Microsoft\.AspNetCore\.App .*"),
    Official(f"{_DOTNET}runtime", "DOTNET_VERSION", r"RUN ln -s /usr/share/dotnet/dotnet .*"),
    Official("tomcat", "TOMCAT_VERSION", r'CMD \["catalina\.sh", "run"\]'),
    Official(
        "jenkins/jenkins", "JENKINS_VERSION", r'ENTRYPOINT \[.*"/usr/local/bin/jenkins\.sh"\]'
    ),
    Official("gradle", "GRADLE_VERSION", r'CMD \["gradle"\]'),
    Official(
        "nextcloud",
        "NEXTCLOUD_VERSION",
        r'CMD \["(?:(?P<fpm>php-fpm)|(?P<apache>apache2)-foreground)"\]',
    ),
    Official("cassandra", "CASSANDRA_VERSION", r'CMD \["cassandra", "-f"\]'),
    Official("elixir", "ELIXIR_VERSION", r'CMD \["iex"\]', has_slim=True),
    Official("erlang", "OTP_VERSION", r'CMD \["erl"\]', has_slim=True),
    Official("golang", "GOLANG_VERSION", r"WORKDIR (?:C:)?[/\\]go"),
    Official("haproxy", "HAPROXY_VERSION", r'CMD \["haproxy", "-f", .*\]'),
    Official("httpd", "HTTPD_VERSION", r'CMD \["httpd-foreground"\]'),
    Official("influxdb", "INFLUXDB_VERSION", r'CMD \["influxd"\]'),
    Official("julia", "JULIA_VERSION", r'CMD \["julia"\]'),
    Official("mariadb", "MARIADB_VERSION", r'CMD \["(?:mariadbd|mysqld)"\]'),
    Official("memcached", "MEMCACHED_VERSION", r'CMD \["memcached"\]'),
    Official("mongo", "MONGO_VERSION", r'CMD \["mongod"\]'),
    Official("mysql", "MYSQL_VERSION", r'CMD \["mysqld"\]'),
    Official("nginx", "NGINX_VERSION", r'CMD \["nginx", "-g", "daemon off;"\]'),
    Official("node", "NODE_VERSION", r'CMD \["node"\]', has_slim=True),
    Official(
        "eclipse-temurin",
        "JAVA_VERSION",
        r'ENTRYPOINT \["/__cacert_entrypoint\.sh"\]|CMD \["jshell"\]',
        value=r"jdk.*",
    ),
    Official(
        "openjdk",
        "JAVA_VERSION",
        r'CMD \["jshell"\]|RUN .*OpenJDK[0-9]+U-(?:jdk|(?P<jre>jre))_.*',
        has_slim=True,
        value=r"[0-9].*",
    ),
    Official(
        "php", "PHP_VERSION", r'CMD \["(?:php", "-a|(?P<fpm>php-fpm)|(?P<apache>apache2)-.*)"\]'
    ),
    Official("postgres", "PG_VERSION", r'CMD \["postgres"\]'),
    Official("pypy", "PYPY_VERSION", r'CMD \["pypy[0-9]?"\]', has_slim=True),
    Official("python", "PYTHON_VERSION", r'CMD \["python[23]?"\]', has_slim=True),
    Official("rabbitmq", "RABBITMQ_VERSION", r'CMD \["rabbitmq-server"\]'),
    Official("redis", "REDIS_VERSION", r'CMD \["redis-server"\]'),
    Official("ruby", "RUBY_VERSION", r'CMD \["irb"\]', has_slim=True),
    Official("rust", "RUST_VERSION", r"RUN .*rustup-init.*", has_slim=True),
)
VERSION_VARIABLES = frozenset(each.variable for each in _LIBRARY)
"""Those that hold the versions of these images."""
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_OLD_JAVA = re.compile(r"([0-9]+)u[0-9]+")
_TEMURIN = re.compile(r"jdk-?([0-9.]+)\+([0-9]+).*|jdk(8u[0-9]+)-?(b[0-9]+).*")
_BUILD_TOOLS = 3
"""RUN rows by which an image with Debian's build tools exceeds a slim one."""
_UNMARKED = {"php": ("-cli", ""), "openjdk": ("-jdk", "")}
"""What tags append where the last instruction names no variant."""
_BY_KEYWORD = {
    keyword: tuple(each for each in _LIBRARY if keyword in each.last)
    for keyword in ("CMD", "COPY", "ENTRYPOINT", "RUN", "WORKDIR")
}
_TOOLS = {
    "": frozenset({"autoconf", "automake", "imagemagick", "libtool", "zlib1g-dev"}),
    "-scm": frozenset({"mercurial", "openssh-client", "subversion", "procps"}),
    "-curl": frozenset({"ca-certificates", "curl", "netbase", "wget"}),
}


def library_image(last: Instruction, variables: Mapping[str, str]) -> Official | None:
    """The image of the library that ends with this instruction and sets such variables."""
    for official in _BY_KEYWORD.get(last.keyword, ()) if variables else ():
        value = variables.get(official.variable)
        if value is not None and _is_of(official, last, value):
            return official
    return None


def _is_of(official: Official, last: Instruction, value: str) -> bool:
    is_of_its_kind = re.fullmatch(official.value, value)
    return bool(is_of_its_kind and re.fullmatch(official.last, str(last), re.DOTALL))


def tools_variant(last: Instruction) -> str | None:
    """Which of the images `buildpack-deps` ends with this instruction: its tag's last part."""
    text = last.arguments
    if last.keyword != "RUN" or "apt-get" not in text or "no-install-recommends" not in text:
        return None
    words = set(text.split())
    return next((variant for variant, tools in _TOOLS.items() if tools <= words), None)


def library_names(
    official: Official,
    last: Instruction,
    variables: Mapping[str, str],
    distribution: Distribution,
    runs_before: int,
) -> tuple[str, ...]:
    """Its names, best first; `runs_before` counts RUN rows before the version was set."""
    suffixes = [
        variant + suffix
        for variant in _variants(official, last)
        for suffix in _suffixes(official, distribution, runs_before)
    ]
    versions = _versions(variables[official.variable])
    tags = [version + end for version in versions for end in suffixes]
    tags += [end.removeprefix("-") for end in suffixes]
    names = (f"{official.name}:{tag}" if tag else official.name for tag in tags)
    return tuple(dict.fromkeys(names))


def _variants(official: Official, last: Instruction) -> Iterable[str]:
    if official.name == "eclipse-temurin":
        return ("-jdk", "") if last.keyword == "CMD" else ("-jre", "-jdk")
    match = re.fullmatch(official.last, str(last), re.DOTALL)
    kind = next((name for name, found in match.groupdict().items() if found), "") if match else ""
    if kind:
        return (f"-{kind}",)
    return _UNMARKED.get(official.name, ("",))


def _suffixes(official: Official, distribution: Distribution, runs_before: int) -> Iterable[str]:
    if official.name.startswith(_DOTNET) and distribution.is_debian:
        return [f"{suffix}-slim" if suffix else "" for suffix in distribution.suffixes]
    if distribution.is_debian and official.has_slim and runs_before < _BUILD_TOOLS:
        return [f"-slim{suffix}" for suffix in distribution.suffixes]
    return distribution.suffixes


def _versions(value: str) -> list[str]:
    """A version and the shorter ones that lead to it: `3.12.1`, `3.12`, `3`."""
    if match := _TEMURIN.fullmatch(value):
        number, build, old, old_build = match.groups()
        whole = f"{number}_{build}" if number else f"{old}-{old_build}"
        return [whole, (number or old).partition(".")[0].partition("u")[0]]
    if match := _OLD_JAVA.fullmatch(value):
        return [value, match[1]]
    found = _NUMBERS.search(value)
    parts = found[0].split(".") if found else []
    return [".".join(parts[:length]) for length in range(min(len(parts), 4), 0, -1)]
