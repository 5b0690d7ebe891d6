"""`docs/cli.md`: every example is what the command prints, every key is real, none is left out."""

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    LayerSpec,
    archive,
    attestation,
    device,
    directory,
    file,
    hard_link,
    oci_layout,
    symlink,
    tar,
    whiteout,
)
from imgforensics_cli.app import COMMANDS
from imgforensics_cli.failures import Status
from tests.cli.images import FIXTURES, SHOP, save, tangled
from tests.cli.running import run

REPOSITORY = Path(__file__).parents[2]
TEXT = (REPOSITORY / "docs" / "cli.md").read_text()

EXAMPLES = re.findall(
    r"```console\n\$ imgforensics ([^\n]*)\n```\n```json\n(.*?)```", TEXT, re.DOTALL
)


@pytest.mark.parametrize(("command", "document"), EXAMPLES, ids=[c.split()[0] for c, _ in EXAMPLES])
def test_examples(
    command: str, document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "extract" in command and os.geteuid() != 0:
        pytest.skip("the example is what root gets")
    monkeypatch.chdir(REPOSITORY)
    outcome = run(*command.replace("/tmp", str(tmp_path)).split())
    assert outcome.text.replace(str(tmp_path), "/tmp") == document


def test_every_command_has_an_example_and_is_documented() -> None:
    assert {command.split()[0] for command, _ in EXAMPLES} == set(COMMANDS)
    assert all(f"\n## {command}\n" in TEXT for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str) -> None:
    options = re.findall(r"^  (?:-\w, )?(--[a-z-]+)", run(command, "--help").text, re.MULTILINE)
    assert len(options) > 8
    shared = _section("Options of every command")
    undocumented = [name for name in options if f"{name}" not in shared + _section(command)]
    assert undocumented == ["--help"]


def test_every_status_is_documented() -> None:
    documented = re.findall(r"^\| (\d+) \|", _section("Exit status"), re.MULTILINE)
    assert documented == [str(int(status)) for status in Status]


# Keys.

OBJECTS = ("identity", "record", "problem", "node", "entry", "content")


def _section(title: str, level: str = "##") -> str:
    """What stands under a heading."""
    match = re.search(
        rf"^{level} {re.escape(title)}\n(.*?)(?=^##|\Z)", TEXT, re.DOTALL | re.MULTILINE
    )
    assert match, title
    return match[1]


def _rows(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """For each row of the tables of keys: its keys, and the objects that they are."""
    for row in text.splitlines():
        cells = row.removeprefix("| ").split(" | ")
        if row.startswith("| ") and len(cells) > 1:
            keys = re.findall(r"`([^`]+)`", cells[0])
            yield keys or [""], re.findall(r"\*(\w+)\*", cells[1] if keys else cells[0])


def _keys_of_object(name: str) -> set[str]:
    return set(_documented(_section(f"Object: {name}", "###")))


def _documented(text: str) -> dict[str, str]:
    """Keys in full (`problems[].where.path`), each with the object that it comes from, if any."""
    documented: dict[str, str] = {}
    for keys, objects in _rows(text):
        for key in keys:
            documented.update(dict.fromkeys(_with_parents(key), ""))
            for name in objects:
                prefix = f"{key}." if key else ""
                documented.update({f"{prefix}{k}": name for k in _keys_of_object(name)})
    return documented


def _with_parents(key: str) -> Iterator[str]:
    while key:
        yield key.removesuffix("[]")
        key = key.rpartition(".")[0]


BY_NAME = {
    *("labels", "healthcheck", "totals", "xattrs_b64", "options", "counts", "hashes"),
    *("build_arguments", "rebuild"),
}
"""Objects whose keys are data, or told in one line."""


def _keys(value: object, prefix: str = "") -> Iterator[str]:
    """Every key of a document, written as the documentation does."""
    if isinstance(value, list):
        for item in value:
            yield from _keys(item, f"{prefix.removesuffix('.')}[].")
    elif isinstance(value, dict):
        for key, below in value.items():
            yield f"{prefix}{key}"
            if key not in BY_NAME:
                yield from _keys(below, f"{prefix}{key}.")


def _table(schema: str) -> str:
    for part in re.split(r"^(?:## |```json|\| key )", TEXT, flags=re.MULTILINE):
        if f"| `schema` | `{schema}` |" in part:
            return part
    raise AssertionError(f"{schema} is not documented")


STATUS = b"Package: a\nStatus: install ok installed\nVersion: %d\n"

ODD = ImageBuilder(
    [
        LayerSpec(
            [
                directory(b"d\xe9"),
                file(b"d\xe9/f", b"a", xattrs={"user.a": b"1"}),
                file(b"d\xe9/Dockerfile", b"FROM a"),
                file(b"../up\xe9"),
                device(b"n\xe9", 1, 3),
                symlink("link", b"t\xe9"),
                file("packed.gz", gzip.compress(b"a")),
                hard_link(b"d\xe9/name\xe9", "packed.gz"),
                file("var/lib/dpkg/status", STATUS % 1),
                *SHOP.layers[0].members,  # type: ignore[union-attr]
            ]
        ),
        LayerSpec([file(b"d\xe9/f", b"b")]),
    ],
    tags=["odd:1"],
)
"""What makes the keys appear that are left out of most documents."""


def attested_base() -> IndexSpec:
    """An image with provenance that names its base, and a user that no row tells of."""
    layer = LayerSpec([file("a")], created_by="COPY a / # buildkit")
    image = ImageBuilder([layer], config={"User": "app"})
    predicate = {"materials": [{"uri": "pkg:docker/alpine@3", "digest": {"sha256": "5" * 64}}]}
    document = {"predicateType": "https://slsa.dev/provenance/v0.2", "predicate": predicate}
    return IndexSpec([image, attestation(image, json.dumps(document).encode())])


OTHER = ImageBuilder(
    [
        LayerSpec(
            [
                directory(b"d\xe9"),
                file(b"d\xe9/moved\xe9", b"b"),
                hard_link(b"d\xe9/linked\xe9", b"d\xe9/moved\xe9"),
                file(b"text\xe9", b"\xe9"),
                file("packed.gz", gzip.compress(b"b")),
                file("var/lib/dpkg/status", STATUS % 2),
            ]
        )
    ],
    tags=["odd:2"],
    config={"User": "app"},
)
"""What differs from `ODD` in all that a diff tells."""


def _documents(tmp_path: Path) -> Iterator[dict[str, Any]]:
    odd = save(tmp_path, ODD, name="odd\udce9.tar")
    materials = str(tmp_path / "materials.tar")
    Path(materials).write_bytes(archive(oci_layout(attested_base())))
    absent = tmp_path / "absent.tar"
    absent.write_bytes(archive(oci_layout(SHOP, ImageBuilder(absent=True, platform="a/b"))))
    lines = b"\xe9\nb\xe9\n\xe9"
    inner = tar([file(b"i\xe9", lines)])
    zipped = save(tmp_path, ImageBuilder([[file("t.tar", inner)]]), name="zipped.tar")
    renamed = ImageBuilder([[file(b"m\xe9", b"same")], [whiteout(b"m\xe9"), file("n", b"same")]])
    moved = save(tmp_path, renamed, name="moved.tar")
    tangled_path = save(tmp_path, tangled((b"l\xe9".decode("utf-8", "surrogateescape"), "usr")))
    for arguments in (
        ("inspect", "--layers", odd),
        ("inspect", "--layers", str(FIXTURES / "webapp.docker-save.tar")),
        ("inspect", str(absent)),
        ("ls", "-R", odd),
        ("ls", "--all-layers", odd),
        ("tree", odd),
        ("tree", odd, "d\udce9"),
        ("cat", odd, "d\udce9/f"),
        ("history", odd),
        ("history", odd, "d\udce9/f"),
        ("history", odd, "lost"),
        ("history", odd, "null"),
        ("history", moved, "n"),
        ("deleted", odd),
        ("deleted", "--waste", odd),
        ("verify", tangled_path),
        ("verify", odd),
        ("diff", odd, save(tmp_path, OTHER, name="other.tar"), "--content", "--decompress"),
        ("diff", odd, "--layers", ".."),
        ("extract", odd, "-o", str(tmp_path / "out\udce9")),
        ("dockerfile", odd, "-o", str(tmp_path / "recovered\udce9")),
        ("dockerfile", str(FIXTURES / "platforms.docker-26.oci.tar"), "--platform=linux/arm64"),
        ("dockerfile", str(FIXTURES / "webapp.docker-20.tar.xz")),
        ("dockerfile", materials),
    ):
        yield run(*arguments, "--json").document
    for searched in (
        ("search", zipped, "--content", "a|b", "-C1", "-z"),
        ("search", str(absent), "--in", "all"),
    ):
        yield from map(json.loads, run(*searched, "--json").lines)


def test_every_key_is_documented_and_every_documented_key_is_real(tmp_path: Path) -> None:
    found: dict[str, set[str]] = {}
    for document in _documents(tmp_path):
        found.setdefault(document["schema"], set()).update(_keys(document))
    assert len(found) == len(COMMANDS) + 3
    unseen = {name: _keys_of_object(name) for name in OBJECTS}
    for schema, keys in found.items():
        documented = _documented(_table(schema))
        assert keys - set(documented) == set(), f"{schema}: not documented"
        own = {key for key, name in documented.items() if not name}
        assert own - keys == set(), f"{schema}: documented, and not in any document"
        for key, name in documented.items():
            if name and key in keys:
                unseen[name] = {k for k in unseen[name] if not f".{key}".endswith(f".{k}")}
    assert not any(unseen.values()), unseen
