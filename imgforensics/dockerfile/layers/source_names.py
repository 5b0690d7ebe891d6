"""Names that a copied file may have had in the build context, likeliest first."""

import re
from collections.abc import Iterable, Iterator

_WORD = re.compile(rb"[A-Za-z0-9_.@+~-][A-Za-z0-9_.@+~/-]{0,198}")
_MOST_WORDS = 3_000
_MOST_TEXT = 1 << 20
"""Bytes that are looked through for them."""

# Where projects keep what their images are made of; what stands first is tried first.
FOLDERS = tuple(
    b"" if folder == b"." else folder + b"/"
    for folder in b"""
    . docker build conf config configs etc files scripts script bin src app rootfs root assets
    resources deploy deployment container containers image images dist target out output common
    shared docker/files docker/config docker/conf docker/scripts docker/etc docker/bin docker/rootfs
    docker/root docker/build docker/app .docker build/docker build/libs build/output scripts/docker
    deploy/docker contrib contrib/docker hack tools tool ci .ci infra ops setup install installer
    package packages pkg base server client backend frontend web www html public static data
    templates template lib libs include overlay fs context runtime service services
    secrets secret certs cert ssl tls keys data env .ssh
    usr/local/bin usr/bin etc/nginx nginx apache supervisor systemd php mysql cmd
    """.split()
)

# What files are called that are given another name on the way, or none in particular.
_COMMON_NAMES = tuple(
    b"""
    entrypoint.sh docker-entrypoint.sh entrypoint run.sh start.sh startup.sh init.sh boot.sh
    bootstrap.sh launch.sh cmd.sh setup.sh install.sh build.sh configure.sh healthcheck.sh
    wait-for-it.sh main.py app.py server.py run.py index.js server.js app.js main.js package.json
    requirements.txt nginx.conf default.conf vhost.conf site.conf supervisord.conf my.cnf php.ini
    config.json config.yml config.yaml settings.py application.properties application.yml app.jar
    index.html LICENSE README.md Makefile Dockerfile .env env profile bashrc .bashrc crontab sudoers
    """.split()
)
# What files are called that somebody made up to try something.
_SAMPLE_NAMES = tuple(
    stem + suffix
    for stem in b"""
    a b c d e f g h i j k l m n o p q r s t u v w x y z
    file file1 file2 test foo bar hello data example sample input message index script app
    """.split()
    for suffix in (b".txt", b".sh", b".py", b".conf", b".json", b"")
)
_SUFFIXES = tuple(
    b"""
    .sh .bash .py .pl .rb .js .php .conf .cfg .cnf .ini .json .yml .yaml .xml .txt .repo .list
    .service .tmpl .template .tpl .in .j2 .dist .example .default .sample .docker .prod .key
    """.split()
)


def words_of(texts: Iterable[bytes]) -> tuple[bytes, ...]:
    """What looks like a file's name in the image's own words, each once."""
    found: dict[bytes, None] = {}
    left = _MOST_TEXT
    for text in texts:
        left -= len(text)
        if left < 0:
            break
        for match in _WORD.finditer(text):
            word = match[0].strip(b"/").removeprefix(b"./").rstrip(b".-/")
            if b"." in word or b"/" in word or b"-" in word or b"_" in word:
                found[word] = None
                found[word.rpartition(b"/")[2]] = None
            if len(found) >= _MOST_WORDS:
                return tuple(found)
    return tuple(found)


def folders_for(destination: bytes) -> Iterator[bytes]:
    """Folders that a whole tree may have come from; the context's root first.

    A stage's files mostly have the path they are copied to.
    """
    seen: set[bytes] = set()
    path = destination.strip(b"/")
    likely = [b"", *(part + b"/" for part in _endings(path)), *FOLDERS]
    for folder in likely:
        if folder not in seen:
            seen.add(folder)
            yield folder


def names_for(path: bytes, words: Iterable[bytes]) -> Iterator[bytes]:
    """Names that a file which now stands at `path` may have had."""
    seen: set[bytes] = set()
    for name in _names(path, tuple(words)):
        if name and name not in seen:
            seen.add(name)
            yield name


def _names(path: bytes, words: tuple[bytes, ...]) -> Iterator[bytes]:
    name = path.rpartition(b"/")[2]
    yield name
    yield from _endings(path)
    for folder in FOLDERS:
        yield folder + name
    for folder in FOLDERS:
        for ending in _endings(path):
            yield folder + ending
    stem, dot, suffix = name.rpartition(b".")
    alike = sorted(words, key=lambda word: not (word.endswith(dot + suffix) and bool(stem)))
    yield from alike
    renamed = [*_respelled(name), *_COMMON_NAMES]
    yield from renamed
    yield from _SAMPLE_NAMES
    for word in (*renamed, *alike):
        if b"/" not in word:
            yield from (folder + word for folder in FOLDERS[1:12])


def _respelled(name: bytes) -> Iterator[bytes]:
    """The same name with another suffix, with one more, or with none."""
    stem = name.rpartition(b".")[0]
    yield from (name + suffix for suffix in _SUFFIXES)
    if stem:
        yield stem
        yield from (stem + suffix for suffix in _SUFFIXES)


def _endings(path: bytes) -> Iterator[bytes]:
    """`a/b/c`, `b/c`, `c`; the whole path first."""
    parts = path.split(b"/")
    for start in range(len(parts)):
        yield b"/".join(parts[start:])
