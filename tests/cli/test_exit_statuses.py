"""One status for each way a command can end, and one line instead of a traceback."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from imgforensics.testing import ImageBuilder, archive, file, oci_layout, tar
from imgforensics_cli import app
from imgforensics_cli.app import COMMANDS
from imgforensics_cli.failures import Status, Terminated
from tests.cli.images import FIXTURES, SHOP, damaged, incomplete, save, save_layout
from tests.cli.running import COMMAND, Outcome, process, run

MORE: dict[str, tuple[str, ...]] = {
    "cat": ("/etc/passwd",),
    "diff": ("--layers", "0..0"),
    "extract": ("-o", "OUT"),
}
"""Arguments without which a command does not run."""


def run_command(command: str, source: str, tmp_path: Path, *options: str) -> Outcome:
    more = [argument.replace("OUT", str(tmp_path / "out")) for argument in MORE.get(command, ())]
    return run(command, source, *more, *options)


@pytest.mark.parametrize("command", COMMANDS)
def test_done(command: str, shop: str, tmp_path: Path) -> None:
    outcome = run_command(command, shop, tmp_path)
    assert (outcome.status, outcome.said) == (0, "")
    assert outcome.raw


@pytest.mark.parametrize(
    "arguments",
    [("cat", "/nothing"), ("ls", "/nothing"), ("tree", "/nothing"), ("history", "/nothing")],
)
def test_no(arguments: tuple[str, ...], shop: str) -> None:
    command, *paths = arguments
    outcome = run(command, shop, *paths)
    assert outcome.status == 1
    assert outcome.said.startswith("imgforensics: error: /nothing: ")
    assert outcome.said.count("\n") == 1


def test_no_when_not_verified(tmp_path: Path) -> None:
    assert run("verify", save(tmp_path, damaged())).status == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_usage(command: str, shop: str, tmp_path: Path) -> None:
    assert run_command(command, shop, tmp_path, "--nonsense").status == 2
    assert run_command(command, shop, tmp_path, "--limit", "nonsense=1").status == 2
    assert run_command(command, shop, tmp_path, "--platform", "nonsense").status == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_usage_when_the_image_is_not_there(command: str, shop: str, tmp_path: Path) -> None:
    outcome = run_command(command, shop, tmp_path, "--image", "absent:1")
    assert outcome.status == 2
    assert "shop:1" in outcome.said


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "inspect"])
def test_usage_when_several_images_are_possible(command: str, both: str, tmp_path: Path) -> None:
    outcome = run_command(command, both, tmp_path)
    assert outcome.status == 2
    assert outcome.raw == b""
    assert "shop:1" in outcome.said
    assert "other:2" in outcome.said


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("content", [b"", b"no image\n", b"{}", tar([file("etc/passwd")])])
def test_not_an_image(command: str, content: bytes, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(content)
    outcome = run_command(command, str(source), tmp_path)
    assert outcome.status == 3
    assert outcome.raw == b""
    assert outcome.said.startswith("imgforensics: error: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_not_an_image_when_its_documents_do_not_parse(command: str, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(archive(oci_layout(SHOP) | {"index.json": b"{"}))
    assert run_command(command, str(source), tmp_path).status == 3


@pytest.mark.parametrize("command", ["ls", "tree", "cat", "extract"])
@pytest.mark.parametrize("image", [damaged(), incomplete()], ids=["damaged", "incomplete"])
def test_damaged(command: str, image: ImageBuilder, tmp_path: Path) -> None:
    outcome = run_command(command, save_layout(tmp_path, image), tmp_path)
    assert outcome.status == 4
    assert "imgforensics: error: " in outcome.said


@pytest.mark.parametrize("command", ["ls", "tree", "cat", "extract"])
@pytest.mark.parametrize("save_as", [save, save_layout])
def test_what_lies_above_the_layer_asked_for_does_no_harm(
    command: str, save_as: Callable[..., str], tmp_path: Path
) -> None:
    source = save_as(tmp_path, incomplete())
    outcome = run_command(command, source, tmp_path, "--layer", "0")
    assert (outcome.status, outcome.said) == (0, "")
    assert (tmp_path / "out").exists() == (command == "extract")


def test_what_lies_below_the_layer_asked_for_does(tmp_path: Path) -> None:
    builder = damaged()
    source = save(tmp_path, ImageBuilder([builder.layers[1], builder.layers[0]]))
    assert run("ls", "--layer", "1", source).status == 4


def test_damage_wins_over_no(tmp_path: Path) -> None:
    outcome = run("cat", save(tmp_path, damaged()), "/nothing", "/new")
    assert (outcome.status, outcome.raw) == (4, b"new")


def test_inspect_tells_that_a_layer_is_missing(tmp_path: Path) -> None:
    outcome = run("inspect", save_layout(tmp_path, incomplete()))
    assert outcome.status == 4
    assert "blob-missing" in outcome.said


@pytest.mark.parametrize("command", ["ls", "tree", "cat", "verify", "extract"])
def test_refused_by_a_limit(command: str, shop: str, tmp_path: Path) -> None:
    outcome = run_command(command, shop, tmp_path, "--limit", "layer_entries=2")
    assert outcome.status == 5
    assert "--limit layer_entries=" in outcome.said


def test_refused_output(shop: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    assert run("extract", shop, "-o", str(tmp_path / "out")).status == 5
    assert (tmp_path / "out" / "mine").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_environment(command: str, tmp_path: Path) -> None:
    outcome = run_command(command, str(tmp_path / "absent"), tmp_path)
    assert outcome.status == 6
    assert outcome.said.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [("ls", "-R", "SHOP"), ("--help",), ("--version",), ("ls", "--help")]
)
def test_environment_when_the_output_is_full(arguments: tuple[str, ...], shop: str) -> None:
    given = [shop if argument == "SHOP" else argument for argument in arguments]
    with Path("/dev/full").open("wb") as full:
        outcome = _with_output(full.fileno(), *given)
    assert outcome == (6, "imgforensics: error: No space left on device\n")


def _with_output(descriptor: int, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [*COMMAND, *arguments], stdout=descriptor, stderr=subprocess.PIPE, check=False
    )
    return done.returncode, done.stderr.decode()


def test_a_defect_is_one_line(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imgforensics_cli.commands.ls._nodes", None)
    outcome = run("ls", shop)
    assert outcome.status == 70
    assert outcome.said.startswith(
        "imgforensics: error: an error of imgforensics itself: TypeError"
    )
    assert outcome.said.count("\n") == 1


def test_debug_shows_the_traceback() -> None:
    outcome = process("ls", "/nothing", environment={"IMGFORENSICS_DEBUG": "1"})
    assert outcome.status == 6
    assert "Traceback" in outcome.said


@pytest.mark.parametrize("source", sorted(FIXTURES.iterdir()), ids=lambda path: str(path.name))
@pytest.mark.parametrize("command", ["inspect", "ls", "verify"])
def test_fixtures(source: Path, command: str, tmp_path: Path) -> None:
    options = {
        "bundle": ("--image", "bundle-api:1"),
        "platforms": ("--platform", "linux/arm64"),
    }.get(source.name.partition(".")[0], ())
    expected = {"whiteouts.docker-20.export.tar": 3, "artifact.oras.oci": 3}.get(source.name, 0)
    if command == "inspect" and source.name == "artifact.oras.oci":
        expected = 0
    assert run_command(command, str(source), tmp_path, *options).status == expected


def test_a_root_filesystem_can_be_opened_as_an_image(tmp_path: Path) -> None:
    source = str(FIXTURES / "whiteouts.docker-20.export.tar")
    assert run("ls", "--as-rootfs", source).status == 0


def test_a_termination_that_meets_the_framework_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    framework = typer.Typer()

    @framework.command()
    def terminated() -> None:
        raise Terminated

    monkeypatch.setattr(app, "application", lambda _: framework)
    assert run().status == Status.TERMINATED
