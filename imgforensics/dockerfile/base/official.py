"""What images of Docker's library look like from inside: variables, last row, tags.

Source: https://github.com/docker-library/official-images and the Dockerfiles it names.
"""

import re
from collections.abc import Container, Iterable, Mapping
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


_LIBRARY = (
    Official("tomcat", "TOMCAT_VERSION", r'CMD \["catalina\.sh", "run"\]'),
    Official("elixir", "ELIXIR_VERSION", r'CMD \["iex"\]', has_slim=True),
    Official("erlang", "OTP_VERSION", r'CMD \["erl"\]', has_slim=True),
    Official("golang", "GOLANG_VERSION", r"WORKDIR (?:C:)?[/\\]go"),
    Official("haproxy", "HAPROXY_VERSION", r'CMD \["haproxy", "-f", .*\]'),
    Official("httpd", "HTTPD_VERSION", r'CMD \["httpd-foreground"\]'),
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
    ),
    Official(
        "php", "PHP_VERSION", r'CMD \["(?:php", "-a|(?P<fpm>php-fpm)|(?P<apache>apache2)-.*)"\]'
    ),
    Official("postgres", "PG_VERSION", r'CMD \["postgres"\]'),
    Official("python", "PYTHON_VERSION", r'CMD \["python[23]?"\]', has_slim=True),
    Official("redis", "REDIS_VERSION", r'CMD \["redis-server"\]'),
    Official("ruby", "RUBY_VERSION", r'CMD \["irb"\]', has_slim=True),
)
_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_TEMURIN = re.compile(r"jdk-?([0-9.]+)\+([0-9]+).*|jdk(8u[0-9]+)-?(b[0-9]+).*")
_BUILD_TOOLS = 3
"""RUN rows by which an image with Debian's build tools exceeds a slim one."""


def library_image(last: Instruction, variables: Container[str]) -> Official | None:
    """The image of the library that ends with this instruction and sets such variables."""
    if last.keyword not in ("CMD", "ENTRYPOINT", "WORKDIR"):
        return None
    text = str(last)
    for official in _LIBRARY:
        if official.variable in variables and re.fullmatch(official.last, text, re.DOTALL):
            return official
    return None


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
    tags += [end.removeprefix("-") for end in suffixes if end]
    return tuple(f"{official.name}:{tag}" for tag in dict.fromkeys(tags))


def _variants(official: Official, last: Instruction) -> Iterable[str]:
    if official.name == "eclipse-temurin":
        return ("-jdk", "") if last.keyword == "CMD" else ("-jre", "-jdk")
    if official.name != "php":
        return ("",)
    match = re.fullmatch(official.last, str(last), re.DOTALL)
    kind = next((name for name, found in match.groupdict().items() if found), "") if match else ""
    return (f"-{kind}",) if kind else ("-cli", "")


def _suffixes(official: Official, distribution: Distribution, runs_before: int) -> Iterable[str]:
    if distribution.is_debian and official.has_slim and runs_before < _BUILD_TOOLS:
        return [f"-slim{suffix}" for suffix in distribution.suffixes]
    return distribution.suffixes


def _versions(value: str) -> list[str]:
    """A version and the shorter ones that lead to it: `3.12.1`, `3.12`, `3`."""
    if match := _TEMURIN.fullmatch(value):
        number, build, old, old_build = match.groups()
        whole = f"{number}_{build}" if number else f"{old}-{old_build}"
        return [whole, (number or old).partition(".")[0].partition("u")[0]]
    found = _NUMBERS.search(value)
    parts = found[0].split(".") if found else []
    return [".".join(parts[:length]) for length in range(min(len(parts), 3), 0, -1)]
