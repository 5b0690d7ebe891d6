"""`python -m tests.faults.soak --rounds N`: commands are killed at random moments.

Each round runs one command, from a file or from a stream that is copied first, with or without
an older result in its place, and sends it SIGKILL, SIGTERM or SIGINT somewhere between its
start and its end. What then stands there must be nothing, a partial result, the older one, or
the whole new one; no copy has a name; the same command with `--force` ends well.
"""

import argparse
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.tree_facts import Tree, compare
from tests.faults.everything import shown, write_image
from tests.faults.leftovers import half_looking, make_older_result

_COMMAND = (
    "import signal, sys\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "from imgforensics_cli.app import main\n"
    "main(sys.argv[1:])\n"
)
"""Python leaves SIGINT alone where whoever started it ignores it, as background jobs do."""
FORMS = {"extract": ("-o",), "layers": ("--layers", "-o"), "tar": ("--tar",)}
STATUSES = {
    signal.SIGKILL: (-signal.SIGKILL,),
    signal.SIGTERM: (143, -signal.SIGTERM),
    signal.SIGINT: (130, -signal.SIGINT, 1),
}
"""While the interpreter starts, signals do what they do to any Python program."""


@dataclass(frozen=True, slots=True)
class Round:
    """One command, and what befalls it."""

    form: str
    streamed: bool
    older: bool
    number: signal.Signals
    moment: float
    """As a part of the time that the command takes."""


def a_round(choice: random.Random) -> Round:
    """Any round; of the time in which the interpreter only starts, no more than a part."""
    return Round(
        form=choice.choice(list(FORMS)),
        streamed=choice.random() < 0.3,
        older=choice.random() < 0.5,
        number=choice.choice(list(STATUSES)),
        moment=choice.uniform(0.3, 1),
    )


class Soak:
    """Everything that rounds share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._source = write_image(folder / "image.tar")
        self._count = 0
        self._expected: dict[str, Tree] = {}
        self._seconds = dict.fromkeys(FORMS, 0.0)
        for form in FORMS:
            output = self._new_output()
            self._timed(form, output).check_returncode()
            self._expected[form] = shown(output)

    def run(self, each: Round) -> tuple[str, list[str]]:
        """How the command ended, and everything that is wrong with what it left."""
        output = self._new_output()
        if each.older:
            make_older_result(output)
        status = self._interrupted(each, output)
        found = half_looking(output, self._expected[each.form], older=each.older)
        if status not in (0, *STATUSES[each.number]):
            found.append(f"ended with status {status}")
        again = self._timed(each.form, output, "--force")
        if again.returncode or compare(self._expected[each.form], shown(output)):
            found.append(f"does not end well afterwards: {again.stderr!r}")
        if len(list(output.parent.iterdir())) != 2:
            found.append(f"something stays: {[path.name for path in output.parent.iterdir()]}")
        return f"{each.number.name}: {'ended before' if status == 0 else 'hit'}", found

    def _timed(self, form: str, output: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
        """A command that nothing befalls; the next one is expected to take as long."""
        began = time.monotonic()
        command = self._command(form, output, *options)
        done = subprocess.run(command, capture_output=True, check=False)
        self._seconds[form] = time.monotonic() - began
        return done

    def _new_output(self) -> Path:
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder / "out"

    def _command(self, form: str, output: Path, *options: str, source: str = "") -> list[str]:
        source = source or str(self._source)
        run = [sys.executable, "-c", _COMMAND, "extract", source, "--quiet"]
        return [*run, *options, *FORMS[form], str(output)]

    def _interrupted(self, each: Round, output: Path) -> int:
        options = ["--force"] if each.older else []
        source = "-" if each.streamed else ""
        command = self._command(each.form, output, *options, source=source)
        with (
            self._source.open("rb") as stream,
            subprocess.Popen(
                command, stdin=stream, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process,
        ):
            time.sleep(each.moment * self._seconds[each.form])
            process.send_signal(each.number)
            return process.wait(60)


def main() -> int:
    """Run the rounds; the number of those that left something wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    choice = random.Random(arguments.seed)
    ends: Counter[str] = Counter()
    failures = 0
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        for number in range(arguments.rounds):
            each = a_round(choice)
            end, found = soak.run(each)
            ends[end] += 1
            failures += bool(found)
            for line in found:
                print(f"round {number}: {each}: {line}")
    for end, count in sorted(ends.items()):
        print(f"{count:5} {end}")
    print(f"{failures} of {arguments.rounds} rounds failed, {time.monotonic() - began:.0f} s")
    return failures


if __name__ == "__main__":
    sys.exit(min(main(), 1))
