"""Options that all commands share, help, and version."""

from dataclasses import fields
from pathlib import Path

import pytest
import typer

from imgforensics import Limits, __version__
from imgforensics_cli.app import COMMANDS
from imgforensics_cli.options import limits_of
from tests.cli.running import run


def test_version() -> None:
    assert run("--version").text == f"imgforensics {__version__}\n"


def test_help_names_every_command() -> None:
    text = run("--help").text
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert all(in_a_line in text for in_a_line in COMMANDS.values())
    assert "Exit status: " in text


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_of_a_command(command: str, flag: str) -> None:
    outcome = run(command, flag)
    assert outcome.status == 0
    shared = ["--image", "--platform", "--as-rootfs", "--json", "--quiet", "--limit", "--tmpdir"]
    assert all(f"{option} " in outcome.text for option in shared)
    assert "\n    imgforensics " + command in outcome.text


@pytest.mark.parametrize(
    ("command", "arguments"), [("ls", "[PATH...]"), ("cat", "PATH..."), ("tree", "[PATH]")]
)
def test_help_says_how_many_paths(command: str, arguments: str) -> None:
    usage = run(command, "-h").lines[0]
    # Some releases of click put braces around what is required.
    assert usage.replace("{", "").replace("}", "").endswith(f" SOURCE {arguments}")


def test_a_wrong_option_is_told_as_documented(shop: str) -> None:
    said = run("ls", shop, "--layer", "x").said.splitlines()
    assert [line.split()[0] for line in said if line] == ["Usage:", "Try", "Error:"]
    assert len(said) == 4


def test_no_command() -> None:
    assert run().status == 2
    assert run("nonsense").status == 2


def test_limits() -> None:
    limits = limits_of(["layer_bytes=2K", "ratio=1.5", "documents=7", "spool_bytes=3g"])
    assert (limits.layer_bytes, limits.ratio) == (2048, 1.5)
    assert (limits.documents, limits.spool_bytes) == (7, 3 << 30)
    assert limits_of([]) == Limits()


NO_LIMITS = ["layers", "layers=", "layers=-1", "layers=x", "layers=1.5", "ratio=inf", "ratio=nan"]


@pytest.mark.parametrize("setting", NO_LIMITS)
def test_limits_that_are_none(setting: str) -> None:
    with pytest.raises(typer.BadParameter):
        limits_of([setting])


def test_an_unknown_limit_is_answered_with_all_names(shop: str) -> None:
    outcome = run("ls", shop, "--limit", "size=1")
    assert outcome.status == 2
    assert all(field.name in "".join(outcome.said.split()) for field in fields(Limits))


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("search -F", "--content"),
        ("search -C2", "--content"),
        ("search --text", "--content"),
        ("search --name a --max-size 1K", "a criterion of contents"),
        ("search --decompress", "--content"),
        ("search --content a --levels 2", "--decompress"),
        ("deleted --special", "--output"),
        ("deleted --force", "--output"),
        ("history --follow", "PATH"),
        ("diff --layer 0 --decompress", "--content or --content-of"),
        ("dockerfile --force", "--output"),
        ("dockerfile --rebuild-with buildah", "--output"),
    ],
)
def test_an_option_that_would_be_without_effect_is_refused(
    shop: str, words: str, needed: str
) -> None:
    command, *options = words.split()
    outcome = run(command, shop, *options)
    assert (outcome.status, outcome.text) == (2, "")
    assert f"needs {needed}" in outcome.said


@pytest.mark.parametrize("option", ["--output", "--include", "--exclude"])
def test_waste_is_of_the_whole_image(shop: str, tmp_path: Path, option: str) -> None:
    outcome = run("deleted", shop, "--waste", option, str(tmp_path / "x"))
    assert outcome.status == 2
    assert "--waste: excludes" in outcome.said


def test_standard_input_that_is_a_terminal() -> None:
    outcome = run("ls", "-", terminal=True)
    assert outcome.status == 2
    assert "terminal" in outcome.said
