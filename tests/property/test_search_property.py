"""Searches: found is what is there, however pieces and layers fall."""

import os
import re
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics import search
from imgforensics.image import Image
from imgforensics.searching import Hit, answering, lines
from imgforensics.searching.gate import gate_for
from imgforensics.searching.lines import LineSearch
from imgforensics.searching.query import Query
from imgforensics.searching.regex import Regex
from imgforensics.searching.syntax import wide
from imgforensics.testing import Entry
from imgforensics.versions import Versions
from tests.filesystem.building import image_of
from tests.property.test_apply_property import detail_of, layers

TEXT = st.text("abc\n\0é", max_size=400).map(str.encode)
EXPRESSIONS = st.lists(
    st.sampled_from(
        [
            b"a",
            b"ab+c",
            b"^b",
            b"c$",
            b"[^a]c",
            b"a.b",
            b"(?i)AB",
            b"b{2,3}",
            b"a|cc",
            b"\\bca",
            b"x*",
        ]
    ),
    min_size=1,
    max_size=3,
    unique=True,
)
SCOPES = st.sampled_from(["top", "all", "deleted", 0])


def lines_that_match(data: bytes, expressions: list[bytes]) -> list[tuple[int, bytes]]:
    """As grep finds them, by Python's own engine: number and text of each line."""
    compiled = [re.compile(one) for one in expressions]
    found = data.split(b"\n")
    if found[-1] == b"":
        found.pop()
    return [
        (number, line)
        for number, line in enumerate(found, 1)
        if any(one.search(line) for one in compiled)
    ]


def hits_in(data: bytes, piece: int, **query: Any) -> list[Hit]:
    view = memoryview(data)
    pieces = [view[start : start + piece] for start in range(0, len(data), piece)]
    return list(LineSearch(Query(**query)).hits(pieces))


@given(st.text("abc\né", max_size=400).map(str.encode), EXPRESSIONS, st.integers(1, 500))
def test_lines_are_those_that_grep_finds_wherever_pieces_end(
    data: bytes, expressions: list[bytes], piece: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "OVERLAP", 450)
        hits = hits_in(data, piece, content=tuple(expressions), text=True)
    found = [(hit.line_number, hit.line) for hit in hits]
    assert found == lines_that_match(data, expressions)


@given(st.text("abc\n", max_size=200), EXPRESSIONS)
def test_lines_of_utf_16_are_those_of_the_same_text(text: str, expressions: list[bytes]) -> None:
    expected = lines_that_match(text.encode(), [one for one in expressions if one != b"x*"])
    for encoding in ("utf-16-le", "utf-16-be"):
        data = f"\ufeff{text}".encode(encoding)
        query = tuple(one for one in expressions if one != b"x*")
        hits = hits_in(data, 1_000, content=query) if query else []
        assert [(hit.line_number, hit.line) for hit in hits] == expected


@given(st.text("abc\n\0", min_size=1, max_size=3_000).map(str.encode), st.integers(200, 700))
def test_offsets_are_where_the_matches_are(data: bytes, piece: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "OVERLAP", 100)
        for hit in hits_in(data, piece, content=b"a[bc]a", text=True):
            assert re.fullmatch(b"a[bc]a", data[hit.offset : hit.offset + hit.length])
            assert data[: hit.offset].count(b"\n") + 1 == hit.line_number


@given(st.text("abc", min_size=1, max_size=30), EXPRESSIONS)
def test_what_is_found_in_text_is_found_in_it_as_utf_16(
    text: str, expressions: list[bytes]
) -> None:
    for expression in expressions:
        regex = Regex(wide(expression))
        if re.search(expression, text.encode()):
            for encoding in ("utf-16-le", "utf-16-be"):
                data = text.encode(encoding) + b"\0"
                assert regex.search(data, 0, len(data)) is not None


@given(TEXT, EXPRESSIONS, st.booleans())
def test_no_gate_is_closed_to_a_match(
    data: bytes, expressions: list[bytes], has_hyperscan: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not has_hyperscan:
            patch.setitem(sys.modules, "hyperscan", None)
        gate = gate_for([[one] for one in expressions], ignore_case=False)
    if any(Regex(one).search(data, 0, len(data)) for one in expressions):
        assert gate(data)


def found_by(image: Image, among: Any, content: bytes) -> list[tuple[object, ...]]:
    matches = search(image, among=among, content=content, text=True)
    return sorted(
        (match.version.layer, match.path, str(match.in_final_image), match.hit and match.hit.offset)
        for match in matches
    )


@given(layers(), SCOPES, st.integers(1, 3), st.sampled_from([2, 6]))
def test_a_search_while_reading_finds_what_one_of_known_versions_finds(
    built: list[list[Entry]], among: Any, held: int, cores: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answering, "_MOST_HELD", held)
        patch.setattr(os, "cpu_count", lambda: cores)
        with image_of(*built) as image:
            while_reading = found_by(image, among, rb"[\x00-\x7f]")
        with image_of(*built) as image:
            at_leisure = found_by(image, among, rb"[\x00-\x7f]")
            assert while_reading == at_leisure
            assert while_reading == found_by(image, among, rb"[\x00-\x7f]")


@given(layers())
def test_a_search_finds_every_version_that_holds_it(built: list[list[Entry]]) -> None:
    with image_of(*built) as image:
        found = {
            (match.version.layer, match.path)
            for match in search(image, among="all", content=rb"[\x01-\x7f]")
        }
        assert found == {
            (version.layer, version.path)
            for version in Versions(image)
            if re.search(rb"[\x01-\x09\x0b-\x7f]", detail_of_file(image, version.node))
        }


def detail_of_file(image: Image, node: Any) -> bytes:
    return detail_of(image, node) if str(node.kind) == "file" else b""
