"""Which names mean the same image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.oci.reference import Reference, match_rank


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("alpine", "docker.io/library/alpine:latest"),
        ("alpine:3.19", "docker.io/library/alpine:3.19"),
        ("org/app:1", "docker.io/org/app:1"),
        ("index.docker.io/alpine:1", "docker.io/library/alpine:1"),
        ("localhost/app", "localhost/app:latest"),
        ("host:5000/a/b", "host:5000/a/b:latest"),
        ("reg.example/a:t@sha256:ab", "reg.example/a:t@sha256:ab"),
        ("alpine@sha256:ab", "docker.io/library/alpine@sha256:ab"),
    ],
)
def test_defaults_of_docker_are_filled_in(short: str, full: str) -> None:
    assert str(Reference.parse(short)) == full


@pytest.mark.parametrize(
    ("wanted", "held", "rank"),
    [
        ("alpine:3.19", "alpine:3.19", 0),
        ("alpine:3.19", "docker.io/library/alpine:3.19", 1),
        ("docker.io/library/alpine:3.19", "alpine:3.19", 1),
        ("app:1", "localhost/app:1", 2),
        ("alpine", "docker.io/library/alpine:3.19", 3),
        ("alpine:3.19", "3.19", 4),
        ("3.19", "docker.io/library/alpine:3.19", 4),
        ("alpine:3.19", "docker.io/library/alpine:3.20", None),
        ("alpine:3.19", "other/alpine:3.19", None),
        ("reg.example/app:1", "localhost/app:1", None),
        ("v1", "v10", None),
    ],
)
def test_how_well_a_name_answers(wanted: str, held: str, rank: int | None) -> None:
    assert match_rank(wanted, held) == rank


@given(st.text(max_size=40))
def test_any_text_is_taken_apart_and_answers_itself(text: str) -> None:
    assert match_rank(text, text) == 0
    assert str(Reference.parse(text))
