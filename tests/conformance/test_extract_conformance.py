"""``imgforensics extract`` against the kernel's overlayfs, umoci, and the engines' own trees."""

import pytest

from tests.conformance.cases import Case, all_cases, oracles_are_here
from tests.conformance.documents import document_differences
from tests.conformance.extraction import extract, open_case
from tests.conformance.known_differences import OracleName, unknown
from tests.conformance.members import listing_differences
from tests.conformance.oracles import ENGINES, PLAIN, ask_oracles
from tests.conformance.tree_facts import compare

CASES = all_cases()
CASES_AND_ORACLES = [
    pytest.param(case, oracle, id=f"{case.name}-{oracle}")
    for case in CASES
    for oracle in PLAIN
    if oracle != "truth" or case.truth
]
EACH_CASE = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
FOR_ENGINES = ("hardlinks.docker-20.tar", "special.buildah.oci", "typechanges.docker-26.oci")
"""The engines take seconds for each image; the report asks them about every one."""

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
    assert not oracles.refusals
    differences = unknown(
        compare(oracles.trees[oracle], extraction.tree), {oracle}, oracles.implied
    )
    assert not differences, "\n".join(map(str, differences))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", FOR_ENGINES)
def test_extraction_equals_what_an_engine_mounts(name: str, engine: OracleName) -> None:
    case = next(case for case in CASES if case.name == name)
    oracles = ask_oracles(case, ENGINES)
    if engine in oracles.absent:
        pytest.skip(oracles.absent[engine])
    assert engine not in oracles.refusals, oracles.refusals[engine]
    differences = unknown(
        compare(oracles.trees[engine], extract(case).tree), {engine}, oracles.implied
    )
    assert not differences, "\n".join(map(str, differences))


@EACH_CASE
def test_the_oracles_agree(case: Case) -> None:
    oracles = ask_oracles(case)
    overlay = oracles.trees["overlay"]
    for name, tree in oracles.trees.items():
        differences = unknown(compare(overlay, tree), {"overlay", name}, oracles.implied)
        assert not differences, f"{name}:\n" + "\n".join(map(str, differences))


@EACH_CASE
def test_entries_are_the_members_that_gnu_tar_lists(case: Case) -> None:
    with open_case(case) as image:
        for layer, expected in zip(image.layers, ask_oracles(case).listings, strict=True):
            assert not list(listing_differences(expected, layer.entries))


@EACH_CASE
def test_documents_are_what_skopeo_reads(case: Case) -> None:
    with open_case(case) as image:
        assert not list(document_differences(ask_oracles(case).documents, image))
