"""``imgforensics extract`` against the kernel's overlayfs, umoci, and the engines' own trees."""

import pytest

from tests.conformance.cases import Case, all_cases, oracles_are_here
from tests.conformance.extraction import extract
from tests.conformance.known_differences import OracleName, unknown
from tests.conformance.oracles import ask_oracles, oracle_names
from tests.conformance.tree_facts import compare

CASES = all_cases()
CASES_AND_ORACLES = [
    pytest.param(case, oracle, id=f"{case.name}-{oracle}")
    for case in CASES
    for oracle in oracle_names(case)
]

pytestmark = [
    pytest.mark.root,
    pytest.mark.oracle,
    pytest.mark.skipif(not oracles_are_here(), reason="needs root, skopeo, umoci and GNU tar"),
]


def test_the_fixtures_hold_images() -> None:
    assert CASES


@pytest.mark.parametrize(("case", "oracle"), CASES_AND_ORACLES)
def test_extraction_equals_the_oracle(case: Case, oracle: OracleName) -> None:
    extraction = extract(case)
    assert extraction.status == 0, extraction.said
    oracles = ask_oracles(case)
    differences = unknown(
        compare(oracles.trees[oracle], extraction.tree), {oracle}, oracles.implied
    )
    assert not differences, "\n".join(map(str, differences))


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_the_oracles_agree(case: Case) -> None:
    oracles = ask_oracles(case)
    overlay = oracles.trees["overlay"]
    for name, tree in oracles.trees.items():
        differences = unknown(compare(overlay, tree), {"overlay", name}, oracles.implied)
        assert not differences, f"{name}:\n" + "\n".join(map(str, differences))
