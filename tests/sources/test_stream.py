"""An archive that passes by once."""

from collections.abc import Iterable

import pytest

from imgforensics.errors import LimitExceededError, MissingBlobError, SourceUnreadableError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode
from imgforensics.sources.stream import KEPT_BYTES, StreamSource
from imgforensics.testing import sparse_file, tar
from tests.sources.building import Member, hard_link, joined, symlink, tar_of

BIG = bytes(range(256)) * (KEPT_BYTES // 256) + b"end"


def stream(
    *members: Member, limits: Limits | None = None
) -> tuple[StreamSource, list[tuple[str, bytes]]]:
    data = tar_of(*members)
    seen: list[tuple[str, bytes]] = []

    def visit(name: str, content: Iterable[memoryview]) -> None:
        seen.append((name, joined(content)))

    chunks = (data[start : start + 10_000] for start in range(0, len(data), 10_000))
    return StreamSource(chunks, "stdin", visit, limits=limits or Limits()), seen


def test_documents_are_kept_and_the_rest_is_seen_in_order() -> None:
    source, seen = stream(
        Member("./big", BIG), Member("index.json", b"{}"), Member("other", BIG[::-1])
    )
    assert seen == [("big", BIG), ("other", BIG[::-1])]
    with source.open("index.json") as file:
        assert file.read() == b"{}"
    assert (source.size("big"), sorted(source.names())) == (
        len(BIG),
        ["big", "index.json", "other"],
    )


def test_what_flowed_past_says_so() -> None:
    source, _ = stream(Member("big", BIG))
    with pytest.raises(SourceUnreadableError, match="stdin: big has flowed past"):
        source.open("big")
    with pytest.raises(MissingBlobError, match="stdin: absent"):
        source.open("absent")


def test_links_lead_to_what_was_kept() -> None:
    source, _ = stream(
        symlink("l/x", "../d"), Member("d", b"[]"), hard_link("h", "d"), symlink("b", "gone")
    )
    for name in ("l/x", "h"):
        with source.open(name) as file:
            assert file.read() == b"[]"
    assert [problem.code for problem in source.problems] == [ProblemCode.MEMBER_LINK_BROKEN]


def test_what_is_kept_is_bounded_and_small_layers_leave_room_for_documents() -> None:
    limits = Limits(document_bytes=1000)
    layers = [Member(f"layer{n}", b"x" * 400) for n in range(4)]
    source, seen = stream(*layers, Member("manifest.json", b"[" + b" " * 900 + b"]"), limits=limits)
    assert [name for name, _ in seen] == ["layer2", "layer3"]
    with source.open("manifest.json") as file:
        assert len(file.read()) == 902


def test_holes_that_nobody_would_live_to_read_are_refused() -> None:
    data = tar([sparse_file("layer.tar", 7 << 30, [(0, b"abc")])])
    with pytest.raises(LimitExceededError, match="the limit hole_bytes"):
        StreamSource([data], "a stream", lambda *_: None)


def test_a_visitor_that_reads_nothing_stops_nothing() -> None:
    data = tar_of(Member("big", BIG), Member("a.json", b"{}"))
    source = StreamSource([data], "stdin", lambda *_: None)
    assert source.size("a.json") == 2
