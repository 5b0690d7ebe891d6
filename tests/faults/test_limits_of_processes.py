"""What a process is denied: files, descriptors, memory, somebody who reads its output."""

import resource
import subprocess
from pathlib import Path

import pytest

from imgforensics.testing import ImageBuilder, directory, file, hard_link
from tests.cli.images import save
from tests.cli.running import COMMAND
from tests.faults.everything import write_image

FORMS = {"extract": ["-o"], "layers": ["--layers", "-o"], "tar": ["--tar"]}
QUESTIONS = {
    "inspect": ["inspect"],
    "ls": ["ls", "-R"],
    "tree": ["tree"],
    "history": ["history"],
    "verify": ["verify"],
    "extract": ["extract", "--tar", "-"],
    "json": ["ls", "-R", "--json"],
}


def command(*arguments: str, limit: tuple[int, int] | None = None) -> tuple[int, str]:
    """The status of a command under a limit, and what it said."""

    def restrict() -> None:
        if limit is not None:
            resource.setrlimit(limit[0], (limit[1], limit[1]))

    done = subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        check=False,
        preexec_fn=restrict,
        text=True,
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("form", FORMS)
def test_a_bound_on_the_size_of_files(form: str, tmp_path: Path) -> None:
    source = write_image(tmp_path / "image.tar")
    output = tmp_path / "out"
    status, said = command(
        "extract", str(source), *FORMS[form], str(output), limit=(resource.RLIMIT_FSIZE, 500_000)
    )
    assert (status, "File too large" in said) == (6, True), said
    assert not output.exists()


def test_content_over_a_limit_of_ours_is_refused_before_it_takes_space(tmp_path: Path) -> None:
    """Two files share the content, so it would be copied aside before either is written."""
    layers = [
        [file("base", bytes(3_000_000)), hard_link("name", "base")],
        [hard_link("also", "name", mode=0o600)],
    ]
    source = save(tmp_path, ImageBuilder(layers))
    status, said = command(
        *("extract", source, "--tar", str(tmp_path / "out"), "--limit", "output_bytes=2M"),
        limit=(resource.RLIMIT_FSIZE, 2_000_000),
    )
    assert (status, "over the limit output_bytes=" in said) == (5, True), said


@pytest.mark.parametrize("form", FORMS)
def test_few_descriptors(form: str, tmp_path: Path) -> None:
    """Few are enough, whatever the number of directories."""
    members = [directory("d"), *(file(f"d/{number}/f", b"f") for number in range(60))]
    source = save(tmp_path, ImageBuilder([members]))
    output = tmp_path / "out"
    arguments = ["extract", source, *FORMS[form], str(output)]
    status, said = command(*arguments, limit=(resource.RLIMIT_NOFILE, 40))
    assert (status, said) == (0, "")
    assert output.exists()


@pytest.mark.parametrize("question", QUESTIONS)
def test_output_that_cannot_be_written(question: str, tmp_path: Path) -> None:
    source = write_image(tmp_path / "image.tar")
    name, *options = QUESTIONS[question]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, name, str(source), *options],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert (done.returncode, done.stderr) == (
        6,
        "imgforensics: error: No space left on device\n",
    )


@pytest.mark.parametrize(
    ("redirection", "arguments", "status"),
    [
        (">&-", ["ls"], 6),
        (">&-", ["extract", "-q", "-o", "out"], 0),
        ("2>&-", ["ls"], 0),
        ("2>&-", ["ls", "nothing"], 6),
        ("<&-", ["ls", "-"], 6),
        ("<&- >&- 2>&-", ["extract", "-q", "-o", "out"], 0),
    ],
)
def test_streams_that_are_closed(
    redirection: str, arguments: list[str], status: int, tmp_path: Path
) -> None:
    """An answer that nobody can read is a failure, what is said to nobody is none."""
    write_image(tmp_path / "image.tar")
    source = [] if arguments[-1] in ("nothing", "-") else ["image.tar"]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *COMMAND, *arguments, *source],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        text=True,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "out").exists() == ("out" in arguments)
