"""What the README shows is run: an example that does not work is worse than none."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
COMMANDS = [
    shlex.split(line, comments=True)[1:]
    for line in README.splitlines()
    if line.startswith("imgforensics ")
]


def test_the_python_example_says_what_its_comments_say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, object] = {}
    exec(example, names)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("added by layer 4 (COPY secrets/credentials")
    assert second.startswith("removed by layer 6 (RUN ")


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_each_command_runs_on_the_image_in_the_repository(arguments: list[str]) -> None:
    image = str(ROOT / "fixtures" / "images" / "webapp.docker-save.tar")
    given = [image if argument == "suspect.tar" else argument for argument in arguments]
    done = subprocess.run(
        [sys.executable, "-m", "imgforensics", *given], capture_output=True, check=False, cwd=ROOT
    )
    finds_differences = arguments[0] == "diff"
    assert (done.returncode, done.stderr) == (int(finds_differences), b"")
    assert done.stdout
