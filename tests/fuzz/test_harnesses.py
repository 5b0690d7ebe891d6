"""Every harness on its seeds and on some mutants of them, without the fuzzer."""

from pathlib import Path
from random import Random

import pytest

from imgforensics.testing import file, tar
from tests.fuzz.harnesses import HARNESSES
from tests.fuzz.repair import with_checksums
from tests.fuzz.run import fuzz
from tests.mutation.changes import CHANGES

_MUTANTS = 60


@pytest.mark.parametrize("name", HARNESSES)
def test_seeds_keep_every_promise(name: str) -> None:
    for seed in HARNESSES[name].seeds():
        HARNESSES[name].check(seed)


@pytest.mark.parametrize("name", HARNESSES)
def test_damaged_seeds_keep_every_promise(name: str) -> None:
    draw = Random(name)
    seeds = [seed for seed in HARNESSES[name].seeds() if len(seed) <= HARNESSES[name].largest]
    for change in draw.choices(list(CHANGES.values()), k=_MUTANTS):
        HARNESSES[name].check(change(draw, draw.choice(seeds)))


def test_seeds_fit_in_the_size_of_an_input() -> None:
    for name, harness in HARNESSES.items():
        assert max(map(len, harness.seeds())) <= harness.largest, name


def test_repaired_checksums_are_those_that_headers_had() -> None:
    sound = tar([file("a", b"1" * 600), file("b")])
    damaged = sound[:150] + b"zz" + sound[152:]
    assert damaged != sound
    assert with_checksums(damaged) == sound


def test_the_fuzzer_runs(tmp_path: Path) -> None:
    pytest.importorskip("atheris")
    outcome = fuzz("pax", 0.1, tmp_path, timeout=20)
    assert outcome.executions > 0
    assert outcome.findings == ()
