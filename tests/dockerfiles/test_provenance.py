"""The Dockerfile's own bytes, and all else that attestations say, out of honest and bad ones."""

import json
from io import BytesIO
from pathlib import Path

import pytest

from imgforensics import Limits, ProblemCode, open_image
from imgforensics.dockerfile import Evidence, RecoveredDockerfile, recover_dockerfile
from imgforensics.testing import (
    ImageBuilder,
    IndexSpec,
    Instruction,
    LayerSpec,
    archive,
    attestation,
    file,
    oci_layout,
)
from tests.dockerfiles.building import (
    Json,
    attested,
    digest_of,
    encoded,
    material,
    source_infos,
    statement,
    version_0_2,
    version_1,
)

FIXTURES = Path(__file__).parents[2] / "fixtures"
DIGEST = "5" * 64
TEXT = b"# syntax=docker/dockerfile:1\nFROM alpine:3.20\n# why\nRUN  touch /b\n\xff\n"
IMAGE = ImageBuilder(
    [
        LayerSpec([file("a")], created_by="ADD alpine-minirootfs.tar.gz / # buildkit"),
        Instruction('CMD ["/bin/sh"]'),
        LayerSpec([file("b")], created_by="RUN /bin/sh -c touch /b # buildkit"),
    ]
)


def recovered(*statements: bytes, image: ImageBuilder = IMAGE) -> RecoveredDockerfile:
    with attested(image, *statements) as found:
        return recover_dockerfile(found)


def codes(found: RecoveredDockerfile) -> list[ProblemCode]:
    return [problem.code for problem in found.problems]


def test_the_dockerfile_of_a_real_image_comes_out_byte_for_byte() -> None:
    with open_image(FIXTURES / "images" / "webapp.docker-save.tar") as image:
        found = recover_dockerfile(image)
    assert found.source == (FIXTURES / "sources" / "webapp" / "Dockerfile").read_bytes()
    assert {one.evidence for one in found.instructions} == {Evidence.PROVENANCE}
    layers = [one.layer for one in found.instructions if one.layer is not None]
    assert layers == list(range(9))
    assert found.base.reference == "scratch"


@pytest.mark.parametrize(
    ("version", "predicate"), [("v1", version_1), ("v0.2", version_0_2)], ids=["v1", "v0.2"]
)
def test_both_versions_say_the_same(version: str, predicate: type) -> None:
    request = {
        "frontend": "dockerfile.v0",
        "args": {"build-arg:A": "1", "label:b": "2", "target": "final"},
        "secrets": [{"id": "token"}],
        "ssh": [{"id": "default"}],
    }
    document = predicate(
        source=source_infos("Dockerfile", encoded(TEXT)),
        materials=[material("alpine@3.20", DIGEST), {"uri": "https://git.example.com/a"}],
        request=request,
    )
    found = recovered(statement(document, version))
    assert found.source == TEXT
    (provenance,) = found.provenances
    assert provenance.version == version
    assert provenance.is_maximal
    assert dict(provenance.build_arguments) == {"A": "1"}
    assert dict(provenance.labels) == {"b": "2"}
    assert (provenance.target, provenance.secrets, provenance.ssh) == (
        "final",
        ("token",),
        ("default",),
    )
    assert (provenance.vcs_source, provenance.vcs_revision) == ("https://git.example.com/a", "abc")
    assert [one.pinned for one in provenance.materials] == [f"alpine:3.20@sha256:{DIGEST}"]
    assert found.base.reference == f"alpine:3.20@sha256:{DIGEST}"


def test_the_least_provenance_names_the_base_and_its_digest() -> None:
    document = version_1(materials=[material("localhost%3A5000/base@2", DIGEST)])
    found = recovered(statement(document))
    assert str(found).startswith(f"FROM localhost:5000/base:2@sha256:{DIGEST}\n")
    assert found.source is None
    assert not found.provenances[0].is_maximal


def test_among_several_bases_none_is_chosen_by_guess() -> None:
    materials = [material("golang@1.22", DIGEST), material("alpine@3.20", "6" * 64)]
    found = recovered(statement(version_1(materials=materials)))
    assert len(found.provenances[0].materials) == 2
    assert found.base.digest is None


def test_the_source_of_the_stage_that_was_built() -> None:
    text = b"FROM alpine:3.20 AS first\nRUN touch /b\nFROM first AS second\nRUN rm /b\n"
    request = {"args": {"target": "first"}}
    document = version_1(source=source_infos("Dockerfile", encoded(text)), request=request)
    found = recovered(statement(document))
    assert [one.layer for one in found.instructions] == [None, 1, None, None]


BAD_STATEMENTS = {
    "not JSON": b"{",
    "no object": b"[]",
    "no predicate": b'{"predicateType": "https://slsa.dev/provenance/v1"}',
    "about another image": statement(
        version_1(source=source_infos("Dockerfile", encoded(TEXT))),
        subject=[{"name": "x", "digest": {"sha256": "7" * 64}}],
    ),
    "not base64": statement(version_1(source=source_infos("Dockerfile", "#" * 8))),
}


@pytest.mark.parametrize("bad", BAD_STATEMENTS.values(), ids=BAD_STATEMENTS)
def test_what_is_not_to_be_believed_is_a_problem_and_the_rest_is_recovered(bad: bytes) -> None:
    found = recovered(bad)
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert found.source is None
    assert "RUN touch /b" in str(found)


def test_a_statement_that_says_it_is_about_this_image() -> None:
    document = version_1(source=source_infos("Dockerfile", encoded(TEXT)))
    about = [{"name": "x", "digest": {"sha256": digest_of(IMAGE)}}]
    assert recovered(statement(document, subject=about)).source == TEXT


def test_a_bad_statement_does_not_hide_a_good_one() -> None:
    good = statement(version_1(source=source_infos("Dockerfile", encoded(TEXT))))
    found = recovered(BAD_STATEMENTS["not JSON"], good)
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert found.source == TEXT


def test_a_statement_of_a_gigabyte_is_not_read() -> None:
    large = statement(version_1(source=source_infos("Dockerfile", encoded(bytes(300_000)))))
    limits = Limits(document_bytes=200_000)
    with attested(IMAGE, large) as image:
        image.limits = limits
        found = recover_dockerfile(image)
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert "document_bytes" in found.problems[0].detail
    assert "RUN touch /b" in str(found)


def test_an_attestation_of_an_image_that_is_not_there() -> None:
    other = ImageBuilder([[file("elsewhere")]])
    good = statement(version_1(source=source_infos("Dockerfile", encoded(TEXT))))
    layout = oci_layout(IndexSpec([IMAGE, attestation(other, good)]))
    with open_image(BytesIO(archive(layout))) as image:
        found = recover_dockerfile(image)
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert found.source is None


def test_the_attestation_of_another_platform_is_no_problem() -> None:
    other = ImageBuilder([[file("x")]], platform="linux/arm64")
    good = statement(version_1(source=source_infos("Dockerfile", encoded(TEXT))))
    layout = oci_layout(IndexSpec([IMAGE, other, attestation(other, good)]))
    with open_image(BytesIO(archive(layout)), platform="linux/amd64") as image:
        found = recover_dockerfile(image)
    assert codes(found) == []
    assert found.source is None


def test_documents_of_other_kinds_are_passed_over() -> None:
    document = {"predicateType": "https://spdx.dev/Document", "predicate": {}, "subject": []}
    found = recovered(json.dumps(document).encode())
    assert codes(found) == []
    assert found.provenances == ()


# Build steps without the source.


def exec_step(name: str, words: list[str], inputs: list[str], **more: object) -> Json:
    meta = {"args": words, "cwd": "/", "env": []}
    return {
        "id": name,
        "inputs": [f"{one}:0" for one in inputs],
        "op": {"Op": {"exec": {"meta": meta, "mounts": [{"dest": "/"}], **more}}},
    }


def source_step(name: str, identifier: str) -> Json:
    return {"id": name, "op": {"Op": {"source": {"identifier": identifier}}}}


def copy_step(name: str, inputs: list[str], **copy: object) -> Json:
    action = {"Action": {"copy": {"mode": -1, **copy}}, "input": 0, "secondaryInput": 1}
    return {
        "id": name,
        "inputs": [f"{one}:0" for one in inputs],
        "op": {"Op": {"file": {"actions": [action]}}},
    }


STEPS = [
    source_step("step0", f"docker-image://docker.io/library/golang:1.22@sha256:{DIGEST}"),
    exec_step(
        "step1",
        ["/bin/sh", "-c", "go build -o /out/app"],
        ["step0"],
        mounts=[
            {"dest": "/"},
            {
                "dest": "/root/.cache",
                "input": -1,
                "mountType": 3,
                "cacheOpt": {"ID": "//root/.cache"},
            },
            {"dest": "/run/secrets/t", "input": -1, "mountType": 1, "secretOpt": {"ID": "t"}},
        ],
    ),
    source_step("step2", f"docker-image://docker.io/library/alpine:3.20@sha256:{'6' * 64}"),
    exec_step("step3", ["/bin/sh", "-c", "touch /b"], ["step2"], network=2),
    copy_step("step4", ["step3", "step1"], src="/out/app", dest="/usr/bin/app"),
    {"id": "step5", "inputs": ["step4:0"], "op": {"Op": {}}},
]
BUILT = ImageBuilder(
    [
        LayerSpec([file("a")], created_by="ADD alpine-minirootfs.tar.gz / # buildkit"),
        Instruction('CMD ["/bin/sh"]'),
        LayerSpec([file("b")], created_by="RUN /bin/sh -c touch /b # buildkit"),
        LayerSpec([file("usr/bin/app")], created_by="COPY /out/app /usr/bin/app # buildkit"),
        Instruction("ENV A=1"),
    ]
)


def test_build_steps_give_back_mounts_networks_and_stages() -> None:
    found = recovered(statement(version_1(steps=STEPS)), image=BUILT)
    lines = str(found).splitlines()
    assert lines == [
        f"FROM golang:1.22@sha256:{DIGEST} AS stage0",
        "RUN --mount=type=cache,target=/root/.cache --mount=type=secret,id=t,required "
        "go build -o /out/app",
        f"FROM alpine:3.20@sha256:{'6' * 64}",
        "RUN --network=none touch /b",
        "COPY --from=stage0 /out/app /usr/bin/app",
        "ENV A=1",
    ]
    by_evidence = [one.evidence for one in found.instructions]
    assert by_evidence[3:5] == [Evidence.BUILD_DEFINITION] * 2
    assert by_evidence[5] is Evidence.HISTORY


def test_broken_base64_falls_back_to_the_build_steps() -> None:
    document = version_1(source=source_infos("Dockerfile", "###"), steps=STEPS)
    found = recovered(statement(document), image=BUILT)
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert "--from=stage0" in str(found)


ROUND = [
    exec_step("step0", ["/bin/sh", "-c", "a"], ["step1"]),
    exec_step("step1", ["/bin/sh", "-c", "b"], ["step0"]),
    {"id": "step2", "inputs": ["step1:0"], "op": {"Op": {}}},
]
BAD_STEPS = {
    "in a circle": ROUND,
    "needs itself": [exec_step("step0", ["a"], ["step0"]), exec_step("step1", ["b"], ["step0"])],
    "missing": [exec_step("step0", ["a"], ["nowhere"]), exec_step("step1", ["b"], ["step0"])],
    "none": [],
    "no objects": [1, "x", None],
}


@pytest.mark.parametrize("steps", BAD_STEPS.values(), ids=BAD_STEPS)
def test_steps_that_make_no_sense_are_a_problem(steps: list[Json]) -> None:
    found = recovered(statement(version_1(steps=steps)))
    assert codes(found) == [ProblemCode.PROVENANCE_INVALID]
    assert "RUN touch /b" in str(found)
