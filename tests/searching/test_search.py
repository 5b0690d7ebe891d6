"""`search`: who matches, where it stands, and what happens where something cannot be read."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from imgforensics import HashList, Image, Limits, Match, Query, open_image, search
from imgforensics.errors import MissingBlobError, QuestionError
from imgforensics.layer import Layer, LayerPass
from imgforensics.problems import ProblemCode
from imgforensics.testing import (
    END,
    ImageBuilder,
    LayerSpec,
    Packing,
    archive,
    directory,
    file,
    hard_link,
    oci_layout,
    raw,
    sparse_file,
    symlink,
    tar,
    whiteout,
)
from tests.filesystem.building import image_of

KEY = b"-----BEGIN RSA PRIVATE KEY-----\nabc\n"
LAYERS = (
    LayerSpec(
        [
            directory("root"),
            file("root/key", KEY),
            file("etc/app", b"secret = one\n", mode=0o600, uid=7, user_name="app"),
            file("bin/tool", b"\x7fELF\0secret\0", mode=0o4755),
        ],
        created_by="COPY . /",
    ),
    LayerSpec(
        [file("etc/app", b"secret = two\n"), hard_link("etc/also", "bin/tool")],
        created_by="RUN sed",
    ),
    LayerSpec([whiteout("root/key"), symlink("l", "etc/app")], created_by="RUN rm /root/key"),
)
Told = tuple[int | None, str, str]


def told(match: Match) -> Told:
    layer = None if match.layer is None else match.layer.index
    return layer, match.path.decode(), str(match.in_final_image)


def found(image: Image, **question: Any) -> list[Told]:
    return sorted(map(told, search(image, **question)))


@pytest.mark.parametrize(
    ("among", "expected"),
    [
        ("top", [(1, "etc/app", "yes")]),
        (0, [(0, "etc/app", "no")]),
        (1, [(1, "etc/app", "yes")]),
        ("all", [(0, "etc/app", "no"), (1, "etc/app", "yes")]),
        ("deleted", [(0, "etc/app", "no")]),
    ],
)
@pytest.mark.parametrize("criteria", [{"path": "/etc/app"}, {"content": "secret =", "text": True}])
@pytest.mark.parametrize("is_read", [False, True])
def test_each_scope(among: Any, expected: list[Told], criteria: Any, is_read: bool) -> None:
    with image_of(*LAYERS) as image:
        if is_read:
            image.scan_layers()
        assert found(image, among=among, **criteria) == expected


def test_a_match_says_where_it_comes_from() -> None:
    with image_of(*LAYERS, packing=Packing.GZIP) as image:
        [match] = search(image, content=rb"BEGIN .* PRIVATE KEY", among="deleted")
        assert match.created_by == "COPY . /"
        assert match.digest == image.layers[0].digest
        assert match.hit is not None
        assert (match.hit.offset, match.hit.line_number) == (5, 1)
        assert match.hit.line == KEY.partition(b"\n")[0]
        assert str(match) == (
            "layer 0, in the final image: no: /root/key:1: -----BEGIN RSA PRIVATE KEY-----"
        )


def test_every_name_of_a_file_matches_and_its_content_is_read_once() -> None:
    with image_of(*LAYERS) as image:
        assert found(image, content="ELF") == [(0, "bin/tool", "yes"), (0, "etc/also", "yes")]
        assert found(image, kinds="h") == [(0, "etc/also", "yes")]
        assert found(image, content="ELF", name="also", among="all") == [(1, "etc/also", "yes")]


@pytest.mark.parametrize(
    ("criteria", "paths"),
    [
        ({"owner": "app"}, ["etc/app"]),
        ({"owner": "7"}, ["etc/app"]),
        ({"mode": "/4000"}, ["bin/tool"]),
        ({"name": "APP", "ignore_case": True, "kinds": "f"}, ["etc/app"]),
        ({"size": "+30", "kinds": "f"}, ["root/key"]),
        ({"entropy": ">3.5", "kinds": "f"}, ["root/key"]),
        ({"mime": "text/*"}, ["etc/app", "root/key"]),
        ({"magic": "private key"}, ["root/key"]),
        ({"magic": "PEM", "content": "abc"}, ["root/key"]),
        ({"max_size": 20, "content": "e|E", "text": True}, ["bin/tool", "etc/app"]),
    ],
)
def test_criteria(criteria: Any, paths: list[str]) -> None:
    with image_of(LAYERS[0]) as image:
        assert [path for _, path, _ in found(image, **criteria)] == paths


def test_content_is_read_once_where_only_content_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[int] = []
    begin_pass = Layer.begin_pass

    def counted(self: Layer, **options: Any) -> LayerPass:
        begun.append(self.index)
        return begin_pass(self, **options)

    monkeypatch.setattr(Layer, "begin_pass", counted)
    with image_of(*LAYERS) as image:
        assert found(image, content="secret", among="all")
        assert begun == [2, 1, 0]


def test_the_first_matches_come_before_the_last_layer_is_read() -> None:
    with image_of([file("below", b"x")], [file("above", b"x")]) as image:
        matches = search(image, content="x")
        assert told(next(matches)) == (1, "above", "yes")
        assert not image.layers[0].is_scanned
        assert [told(match) for match in matches] == [(0, "below", "yes")]


def test_a_hard_link_to_a_directory_of_a_lower_layer_hides_nothing() -> None:
    layers = ([directory("d")], [file("p", b"word")], [hard_link("p", "d")])
    with image_of(*layers) as image:
        assert found(image, content="word") == [(1, "p", "yes")]
    with image_of(*layers) as image:
        assert found(image, content="word", among="deleted") == []


def test_what_no_container_sees_is_found_as_that() -> None:
    with image_of(
        LayerSpec([file("a", b"word"), file("a", b"other")]),
        [file("one", b"word"), raw(END), file("hidden", b"word")],
        [file(".wh.gone", b"word")],
    ) as image:
        assert found(image, content="word", among="deleted") == [
            (0, "a", "no"),
            (1, "hidden", "no"),
            (2, ".wh.gone", "no"),
        ]
        assert found(image, content="word") == [(1, "one", "yes")]


def test_an_absent_layer_leaves_in_doubt_what_it_may_hide() -> None:
    layers = [[file("low", b"x"), file("gone", b"x")], [whiteout("gone")]]
    builder = ImageBuilder([*layers, LayerSpec([file("mid")], absent=True), [file("top", b"x")]])
    with open_image(io.BytesIO(archive(oci_layout(builder)))) as image:
        matches = search(image, content="x", among="all")
        assert sorted(map(told, matches)) == [
            (0, "gone", "no"),
            (0, "low", "unknown"),
            (3, "top", "yes"),
        ]
        assert {p.code for p in matches.problems} == {ProblemCode.BLOB_MISSING}
        assert found(image, name="*", kinds="f", among="deleted") == [(0, "gone", "no")]
        assert found(image, name="low", among=1) == [(0, "low", "unknown")]
        with pytest.raises(MissingBlobError):
            search(image, content="x")


def test_a_layer_over_a_limit_is_told_and_the_search_goes_on() -> None:
    bomb = [file("early", b"word"), file("zeros", bytes(30 << 20))]
    limits = Limits(ratio=5, ratio_floor_bytes=2 << 20)
    with image_of([file("a", b"word")], bomb, packing=Packing.GZIP, limits=limits) as image:
        matches = search(image, content="word", among="all")
        assert sorted(map(told, matches)) == [(0, "a", "unknown"), (1, "early", "unknown")]
        assert ProblemCode.LIMIT_REACHED in [p.code for p in matches.problems]


def test_a_file_of_a_hundred_gigabytes_of_zeros_is_told_and_the_search_goes_on() -> None:
    with image_of([sparse_file("huge", 100 << 30, [(0, b"word")]), file("b", b"word")]) as image:
        matches = search(image, content="word")
        assert list(map(told, matches)) == [(0, "b", "yes")]
        [problem] = matches.problems
        assert (problem.code, problem.where.path) == (ProblemCode.LIMIT_REACHED, b"huge")


def test_an_expression_that_backtracks_elsewhere_takes_no_longer_here() -> None:
    with image_of([file("a", b"a" * 2_000_000 + b"\n")]) as image:
        assert found(image, content="(a*)*b") == []


@pytest.mark.parametrize(
    "criteria",
    [
        {"content": "(a"},
        {"content": r"(a)\1"},
        {"content": "a(?=b)"},
        {"regex": "["},
        {"size": "much"},
        {"size": "1" * 5000},
        {"mode": "u+x"},
        {"newer": "yesterday"},
        {"owner": ":"},
        {"owner": "1" * 5000},
        {"owner": "root:" + "1" * 5000},
        {"kinds": "x"},
        {"entropy": "high"},
        {"name": "a/b"},
        {"among": "somewhere"},
        {"among": 7},
        {"among": None},
        {"entropy": 7.5},
        {"hashes": "abc"},
        {"mode": ["0644"]},
        {"mode": 0o7777777},
        {"mode": b"0644"},
        {"newer": 1709208000},
        {"owner": None, "name": None},
        {"kinds": 7},
        {"size": 1.5},
        {"context": None},
        {"name": "\ud800"},
        {"max_size": "1k"},
        {"colour": "red"},
        {"context": -1},
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_read(criteria: Any) -> None:
    with image_of(*LAYERS) as image:
        with pytest.raises(QuestionError):
            search(image, **criteria)
        assert not any(layer.is_scanned for layer in image.layers)


def test_an_account_of_an_impossible_number_is_nobodys() -> None:
    rows = [b"root:x:%s:0::/:/bin/sh" % (b"1" * 5000), b"app:x:7:7::/:/bin/sh"]
    with image_of([file("etc/passwd", b"\n".join(rows)), file("etc/app", b"", uid=7)]) as image:
        assert found(image, owner="root") == []
        assert found(image, owner="app") == [(0, "etc/app", "yes")]


def test_a_time_to_compare_with_must_be_there() -> None:
    with image_of(*LAYERS) as image, pytest.raises(QuestionError, match="/no/such"):
        list(search(image, newer="/no/such"))


def test_a_query_may_be_given_as_a_whole() -> None:
    query = Query(name=("app", "also"))
    with image_of(*LAYERS) as image:
        assert [path for _, path, _ in found(image, query=query)] == ["etc/also", "etc/app"]
        with pytest.raises(QuestionError):
            search(image, query, name="x")


# Inside other files.


def jar(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive_:
        for name, content in members.items():
            archive_.writestr(name, content)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("content", "levels", "inside"),
    [
        (gzip.compress(b"word\n"), 1, [(b"gzip",)]),
        (jar(a=b"word", b=b"none", c=b"word"), 1, [(b"a",), (b"c",)]),
        (tar([file("x", b"word")]), 1, [(b"x",)]),
        (gzip.compress(tar([file("x", b"word")])), 1, [(b"x",)]),
        (jar(inner=jar(deep=b"word")), 1, []),
        (jar(inner=jar(deep=b"word")), 2, [(b"inner", b"deep")]),
        (jar(inner=gzip.compress(b"word")), 3, [(b"inner", b"gzip")]),
    ],
    ids=["gzip", "zip", "tar", "tar.gz", "zip in zip", "both zips", "gzip in zip"],
)
def test_inside(content: bytes, levels: int, inside: list[tuple[bytes, ...]]) -> None:
    with image_of([file("f", content), file("plain", b"word")]) as image:
        matches = list(search(image, content="word", decompress=levels))
        found_inside = [m.hit.inside for m in matches if m.hit and m.path == b"f" and m.hit.inside]
        assert found_inside == inside
        assert [m.path for m in matches if m.hit and not m.hit.inside][-1] == b"plain"


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"word " * 1_000)[:-20],
        jar(a=b"word" * 100)[:60],
        jar(a=b"x" * 1_000).replace(b"\x08\0", b"\x63\0"),
        b"PK\x03\x04" + b"junk" * 50,
    ],
    ids=["cut gzip", "cut zip", "unknown method", "no zip"],
)
def test_what_cannot_be_unpacked_is_told_and_the_search_goes_on(content: bytes) -> None:
    with image_of([file("bad", content), file("good", gzip.compress(b"word"))]) as image:
        matches = search(image, content="word", decompress=1)
        assert b"good" in [match.path for match in matches]
        assert [(p.severity.value, p.where.path) for p in matches.problems] != []
        assert {p.where.path for p in matches.problems} == {b"bad"}


def test_a_bomb_inside_a_file_is_told_and_the_search_goes_on() -> None:
    limits = Limits(ratio=50, ratio_floor_bytes=1 << 20)
    with image_of(
        [
            file("bomb", jar(a=bytes(9 << 20), b=b"word")),
            file("z.gz", gzip.compress(bytes(9 << 20))),
            file("good.gz", gzip.compress(b"word")),
        ],
        limits=limits,
    ) as image:
        matches = search(image, content="word", decompress=1)
        assert [match.path for match in matches] == [b"good.gz"]
        assert {p.where.path for p in matches.problems} == {b"bomb", b"z.gz"}
        assert {p.code for p in matches.problems} == {ProblemCode.LIMIT_REACHED}


# Lists of hashes.

MD5, SHA1, SHA256 = "1" * 32, "2" * 40, "3" * 64


@pytest.mark.parametrize(
    ("text", "hashes", "bad"),
    [
        (f"{SHA256}  name\n{SHA1} *other\n\n# comment\n", {"sha256", "sha1"}, ()),
        (f"\\{SHA256}  with\\\\escapes\n", {"sha256"}, ()),
        (f"SHA256 (a name) = {SHA256}\nMD5 (b) = {MD5}\n", {"sha256", "md5"}, ()),
        (
            "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## by\n"
            f"12,{MD5},{SHA256},/a,b\n13,short,,x\n",
            {"md5", "sha256"},
            (5,),
        ),
        (
            f'"SHA-1","MD5","CRC32","FileName"\n"{SHA1}","{MD5}","0","a ""b"" c"\n"no","hash"\n',
            {"sha1", "md5"},
            (3,),
        ),
        (f"{SHA256.upper()}\r\nwhat is this\n{'a' * 41}\n", {"sha256"}, (2, 3)),
    ],
)
def test_hash_lists(text: str, hashes: set[str], bad: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "list"
    path.write_text(text, newline="")
    found_list = HashList.read(path)
    assert set(found_list.hashes) == hashes
    assert (found_list.bad_lines, found_list.first_bad_lines) == (len(bad), bad)
    assert all(len(each) == 1 for each in found_list.hashes.values())


@pytest.mark.parametrize("text", ["nothing\n", '"' + "a" * 200_000 + '"\n'])
def test_a_list_without_hashes_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(text)
    with pytest.raises(QuestionError, match="holds no md5"):
        HashList.read(tmp_path / "list", ("md5",))


@pytest.mark.parametrize(
    ("text", "algorithm", "said"),
    [
        ("0123456789", "sha256", "has 64 hex digits, this has 10"),
        ("a" * 5000, "sha256", "has 64 hex digits, this has 5000"),
        ("a\0", "sha256", "neither a hash nor the name of a file"),
        (SHA256, "sha512", "md5, sha1, sha256"),
    ],
)
def test_what_is_no_hash_is_refused(text: str, algorithm: str, said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        HashList.of(text, algorithm)


def test_a_file_too_large_to_copy_is_told_and_searched_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "image.tar"
    content = gzip.compress(b"word " * 100_000)
    path.write_bytes(archive(oci_layout(ImageBuilder([[file("f.gz", content)]]))))
    with open_image(path, limits=Limits(spool_bytes=100)) as image:
        matches = search(image, content=r"word|\x1f\x8b", decompress=1)
        assert [match.hit.inside for match in matches if match.hit] == [()]
        assert ProblemCode.LIMIT_REACHED in [p.code for p in matches.problems]


def test_a_word_that_is_no_query_is_refused_with_what_to_write(image: Image) -> None:
    with pytest.raises(TypeError, match="name='passwd'"):
        search(image, "passwd")  # type: ignore[arg-type]


def test_a_time_of_a_path_that_is_not_there_names_the_path(image: Image) -> None:
    with pytest.raises(QuestionError, match="no time to compare with: /none: No such file"):
        list(search(image, newer="/none"))
