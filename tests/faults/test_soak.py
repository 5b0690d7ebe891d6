"""A few rounds of the soak, so that it is known to work and finds what is gross."""

import random
from pathlib import Path

from tests.faults.leftovers import half_looking, make_older_result
from tests.faults.soak import Soak, a_round

ROUNDS = 4


def test_some_rounds(tmp_path: Path) -> None:
    choice = random.Random(1)
    soak = Soak(tmp_path)
    for _ in range(ROUNDS):
        each = a_round(choice)
        assert soak.run(each)[1] == [], each


def test_what_looks_whole_and_is_not_is_found(tmp_path: Path) -> None:
    output = tmp_path / "out"
    make_older_result(output)
    assert half_looking(output, {}, older=True) == []
    assert half_looking(output, {}, older=False)
    (output / "old" / "0").unlink()
    assert half_looking(output, {}, older=True)
    (tmp_path / "out.spool").touch()
    assert "out.spool is left" not in half_looking(output, {}, older=True)
    assert ".spool is left" in half_looking(output, {}, older=True)
