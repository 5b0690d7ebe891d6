"""Searches against find, grep, sha256sum and file, over the tree that extraction writes."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from imgforensics import HashList, extract, search
from imgforensics.image import Image
from tests.conformance.cases import CORPUS_VARIABLE, Case, cases_in
from tests.conformance.extraction import open_case

FIXTURES = Path(__file__).parents[2] / "fixtures" / "images"
FEW = (
    "traces.buildah.oci.tar",
    "webapp.docker-save.tar",
    "names.skopeo-dir",
    "special.buildah.oci",
    "hardlinks.docker-20.tar",
)
PROGRAMS = ("find", "grep", "sha256sum", "file", "skopeo")

pytestmark = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(
        os.geteuid() != 0 or not all(map(shutil.which, PROGRAMS)),
        reason=f"needs root, and {', '.join(PROGRAMS)}",
    ),
]


def _cases() -> list[Case]:
    if not all(map(shutil.which, PROGRAMS)):
        return []
    corpus = os.environ.get(CORPUS_VARIABLE)
    few = [case for case in cases_in(FIXTURES) if case.name.partition("@")[0] in FEW]
    return [*few, *(cases_in(Path(corpus)) if corpus else [])]


@pytest.fixture(scope="module", params=_cases(), ids=lambda case: case.name)
def tree(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Image, Path]]:
    """An image, and its filesystem as files."""
    place = tmp_path_factory.mktemp("tree") / "rootfs"
    with open_case(request.param) as image:
        record = extract(image, place, special=True)
        if not record.is_complete or any(d.reason.withholds for d in record.deviations):
            pytest.skip("its tree is not whole")
        yield image, place
    shutil.rmtree(place)


def listed(command: Sequence[str], place: Path) -> set[bytes]:
    done = subprocess.run(
        command, cwd=place, capture_output=True, check=True, env={**os.environ, "LC_ALL": "C"}
    )
    return {path.removeprefix(b".") for path in done.stdout.split(b"\0") if path}


def found(image: Image, **criteria: Any) -> set[bytes]:
    return {b"/" + match.path for match in search(image, **criteria) if match.path}


FIND: dict[str, tuple[dict[str, Any], list[str]]] = {
    "name": ({"name": "*[cs]"}, ["-name", "*[cs]"]),
    "name-bytes": ({"name": b"*\xe9*"}, ["-name", os.fsdecode(b"*\xe9*")]),
    "iname": ({"name": "*READ*", "ignore_case": True}, ["-iname", "*READ*"]),
    "path": ({"path": "/etc/**"}, ["-path", "./etc/*"]),
    "regex": (
        {"regex": ".*/[a-m]+\\.?[a-z]*"},
        ["-regextype", "posix-extended", "-regex", ".*/[a-m]+\\.?[a-z]*"],
    ),
    **{f"type-{kind}": ({"kinds": kind}, ["-type", kind]) for kind in "fdlcbp"},
    "type-fl": ({"kinds": "f,l"}, ["-type", "f,l"]),
    "size-more": ({"size": "+1k", "kinds": "f"}, ["-type", "f", "-size", "+1k"]),
    "size-less": ({"size": "-2k", "kinds": "f"}, ["-type", "f", "-size", "-2k"]),
    "size-exact": ({"size": "1k", "kinds": "f"}, ["-type", "f", "-size", "1k"]),
    "size-bytes": ({"size": "+20c", "kinds": "fl"}, ["-type", "f,l", "-size", "+20c"]),
    "mode-exact": ({"mode": "0644"}, ["-perm", "0644"]),
    "mode-all": ({"mode": "-0511"}, ["-perm", "-0511"]),
    "mode-any": ({"mode": "/7000"}, ["-perm", "/7000"]),
    "owner": ({"owner": "0"}, ["-uid", "0"]),
    "owner-other": ({"owner": "1000:1000"}, ["-uid", "1000", "-gid", "1000"]),
    "executable": ({"executable": True}, ["-type", "f", "-executable"]),
    "newer-date": ({"newer": "2026-01-01T12:34:56Z"}, ["-newermt", "2026-01-01 12:34:56 UTC"]),
    "older-date": ({"older": "2026-01-01T12:34:56Z"}, ["!", "-newermt", "2026-01-01 12:34:56 UTC"]),
    "several": (
        {"name": ("*a*", "*e*"), "kinds": "f", "mode": "-0400"},
        ["-type", "f", "-perm", "-0400", "(", "-name", "*a*", "-o", "-name", "*e*", ")"],
    ),
}


@pytest.mark.parametrize("option", FIND)
def test_find(tree: tuple[Image, Path], option: str) -> None:
    image, place = tree
    criteria, arguments = FIND[option]
    assert found(image, **criteria) == listed(
        ["find", ".", "-mindepth", "1", *arguments, "-print0"], place
    )


def test_newer_than_a_path(tree: tuple[Image, Path]) -> None:
    image, place = tree
    nodes = [(path, node.mtime_ns) for path, node in image.filesystem.walk() if path]
    if not nodes:
        pytest.skip("it has no files")
    middle = sorted(nodes, key=lambda each: each[1])[len(nodes) // 2][0]
    reference = os.fsdecode(b"./" + middle)
    arguments = ["find", ".", "-mindepth", "1", "-newer", reference, "-print0"]
    assert found(image, newer=os.fsdecode(b"/" + middle)) == listed(arguments, place)


GREP: dict[str, tuple[dict[str, Any], list[str]]] = {
    "regex": ({"content": "[a-f]o+t"}, ["-E", "-e", "[a-f]o+t"]),
    "anchored": ({"content": "^root|sh$"}, ["-E", "-e", "^root|sh$"]),
    "negated": ({"content": "a[^b]c"}, ["-E", "-e", "a[^b]c"]),
    "ignore-case": ({"content": "PASS", "ignore_case": True}, ["-i", "-E", "-e", "PASS"]),
    "fixed": ({"content": "a.b", "fixed": True}, ["-F", "-e", "a.b"]),
    "several": (
        {"content": ("AKIA[0-9A-Z]{16}", "pass(wd|word)", "ELF")},
        ["-E", "-e", "AKIA[0-9A-Z]{16}", "-e", "pass(wd|word)", "-e", "ELF"],
    ),
    "everything": ({"content": "x*"}, ["-E", "-e", "x*"]),
}


@pytest.mark.parametrize("option", GREP)
def test_grep(tree: tuple[Image, Path], option: str) -> None:
    image, place = tree
    criteria, arguments = GREP[option]
    done = subprocess.run(
        ["grep", "-r", "-a", "-n", "-Z", "-D", "skip", *arguments, "."],
        cwd=place,
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    theirs = set(_numbered(done.stdout))
    narrow, every = set(), set()
    for match in search(image, text=True, **criteria):
        assert match.hit is not None
        line = (b"/" + match.path, match.hit.line_number)
        every.add(line)
        if not match.hit.is_wide:
            narrow.add(line)
    assert narrow <= theirs <= every


def _numbered(output: bytes) -> Iterator[tuple[bytes, int]]:
    """Path and number of each line; what a line holds may look like anything."""
    position = 0
    while position < len(output):
        end = output.index(b"\0", position)
        colon = output.index(b":", end)
        number = int(output[end + 1 : colon])
        yield output[position:end].removeprefix(b"."), number
        position = output.index(b"\n", colon) + 1


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256"])
def test_sums(tree: tuple[Image, Path], algorithm: str, tmp_path: Path) -> None:
    image, place = tree
    files = sorted(found(image, kinds="f"))
    if not files:
        pytest.skip("it has no files")
    wanted = files[::2]
    done = subprocess.run(
        [f"{algorithm}sum", "--", *(b"." + path for path in wanted)],
        cwd=place,
        capture_output=True,
        check=True,
    )
    sums = tmp_path / "sums"
    sums.write_bytes(done.stdout)
    known = {
        line.lstrip("\\")[: hashlib.new(algorithm).digest_size * 2]
        for line in done.stdout.decode(errors="replace").splitlines()
    }
    matches = list(search(image, hashes=HashList.of(str(sums), algorithm)))
    assert {match.findings.hashes[algorithm] for match in matches} == known
    assert set(wanted) <= {b"/" + match.path for match in matches}


def test_mime_types(tree: tuple[Image, Path]) -> None:
    image, place = tree
    ours = {b"/" + m.path: m.findings.mime for m in search(image, mime="*")}
    if not ours:
        pytest.skip("it has no files")
    paths = sorted(ours)
    done = subprocess.run(
        ["file", "-b", "--mime-type", "-r", "--", *(b"." + path for path in paths)],
        cwd=place,
        capture_output=True,
        check=True,
        text=True,
    )
    theirs = dict(zip(paths, done.stdout.splitlines(), strict=True))
    assert ours == theirs
