"""JSON that is damaged, hostile or merely odd: what is said of it, and where."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.errors import DamagedDocumentError, LimitExceededError
from imgforensics.limits import Limits
from imgforensics.oci.json_document import parse_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc[{"\\'), inner),
    max_leaves=20,
)


def parse(text: str) -> object:
    return parse_json(text.encode(), "doc").value


@given(VALUES)
def test_sound_documents_are_what_the_standard_parser_makes_of_them(value: object) -> None:
    assert parse_json(json.dumps(value).encode(), "doc").value == value


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "doc: not JSON: Expecting value"),
        (b"{", "doc: not JSON: "),
        (b'{"a": NaN}', "doc: not JSON: NaN is no JSON number"),
        (b'{"a": -Infinity}', "-Infinity is no JSON number"),
        (b'{"a": "\xff}', "doc: not UTF-8: byte 0xff at offset 7; not JSON: "),
        ('{"a": 1}'.encode("utf-16"), "doc: not UTF-8"),
    ],
)
def test_damage_is_named_with_its_document(data: bytes, message: str) -> None:
    with pytest.raises(DamagedDocumentError) as raised:
        parse_json(data, "doc")
    assert message in str(raised.value)


def test_what_engines_get_past_is_an_oddity() -> None:
    """https://pkg.go.dev/encoding/json#Unmarshal, and `Decoder`, which stops at the end."""
    root = parse_json(b' {"a": "\xff"} {"b": 1}\n', "doc")
    assert root.value == {"a": "\N{REPLACEMENT CHARACTER}"}
    assert root.oddities[0] == "not UTF-8: byte 0xff at offset 8"
    assert "something follows its end, at character 11;" in root.oddities[1]
    assert parse_json(b"\r\n\t 1 \r\n", "doc").oddities == []


def test_a_number_that_nothing_could_hold_is_no_size() -> None:
    root = parse_json(b'{"size": ' + b"9" * 5000 + b', "a": 1}', "doc")
    assert root.member("a").value == 1
    with pytest.raises(DamagedDocumentError, match="expected a number of bytes"):
        root.member("size").required_size()


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'["[",'])
def test_deep_nesting_is_refused_before_it_is_parsed(opening: bytes) -> None:
    with pytest.raises(LimitExceededError, match="json_depth") as raised:
        parse_json(opening * 100_000, "doc")
    assert "doc is nested deeper than 200" in str(raised.value)


def test_brackets_in_strings_are_no_nesting() -> None:
    text = json.dumps({"a": "[" * 1000 + '\\"' + "{" * 1000, "[": ["]"]})
    assert parse(text) == json.loads(text)


def test_nesting_up_to_the_limit_is_read() -> None:
    assert parse("[" * 200 + "]" * 200) is not None
    with pytest.raises(LimitExceededError):
        parse("[" * 201 + "]" * 201)


@pytest.mark.parametrize(
    "data", [b'"' + b'\\"' * 2_000_000, b'[["' * 1_000_000, b'"\\' * 2_000_000]
)
def test_hostile_text_costs_linear_time(data: bytes) -> None:
    begin = time.process_time()
    with pytest.raises((DamagedDocumentError, LimitExceededError)):
        parse_json(b"[" * 201 + data, "doc")
    assert time.process_time() - begin < 60


@pytest.mark.parametrize("element", [b"[],", b"1,", b'{"a":{}},'])
def test_a_document_of_too_many_values_is_refused_before_it_is_parsed(element: bytes) -> None:
    with pytest.raises(LimitExceededError, match=r"doc has [0-9]{7} values.*json_values="):
        parse_json(b"[" + element * 1_000_000 + b"1]", "doc")


def test_commas_in_strings_are_no_values() -> None:
    text = json.dumps(["," * 1_000_001])
    assert parse(text) == json.loads(text)


def test_a_document_over_the_limit_is_refused() -> None:
    with pytest.raises(LimitExceededError, match=r"doc has 12 bytes.*document_bytes=10"):
        parse_json(b'"0123456789"', "doc", Limits(document_bytes=10))


def test_a_repeated_key_is_noted_and_its_last_value_counts() -> None:
    root = parse_json(b'{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}', "doc")
    assert root.value == {"a": 3, "b": {"c": 2}}
    assert ["'c'" in root.oddities[0], "'a'" in root.oddities[1]] == [True, True]


def test_the_case_of_a_members_key_is_passed_over_and_noted() -> None:
    root = parse_json(b'{"Layers": 1, "layers": 2, "LAYERS": 3, "layers": 4, "other": 5}', "doc")
    assert [root.member("layers").value for _ in range(2)] == [4, 4]
    assert root.holds("lAyers")
    assert not root.holds("layer")
    assert root.others("layers") == {"other": 5}
    assert len(root.oddities) == 2
    assert "'Layers' and 'LAYERS' and 'layers'" in root.oddities[1]


def test_the_case_of_a_label_is_its_own() -> None:
    root = parse_json(b'{"a": "1", "A": "2"}', "doc")
    assert root.text_map() == {"a": "1", "A": "2"}
    assert root.oddities == []


def test_a_lone_surrogate_does_not_survive_to_break_output() -> None:
    root = parse_json(b'{"\\ud800k": "\\udfffx \\ud83d\\ude00", "n": 1}', "doc")
    assert root.value == {"?k": "?x \N{GRINNING FACE}", "n": 1}


def test_a_byte_order_mark_is_passed_over() -> None:
    assert parse_json(b"\xef\xbb\xbf[1]", "doc").value == [1]


def test_errors_carry_the_json_path() -> None:
    root = parse_json(b'{"layers": [{}, {"digest": 7, "odd key": []}]}', "manifest sha256:abc")
    second = list(root.member("layers").required_elements())[1]
    with pytest.raises(DamagedDocumentError) as raised:
        second.member("digest").required_digest()
    assert str(raised.value) == (
        "manifest sha256:abc: $.layers[1].digest: expected a string, found a number"
    )
    assert second.member("odd key").path == "$.layers[1]['odd key']"


@pytest.mark.parametrize("size", ["-1", "true", '"7"', "1.5", "null", "9223372036854775808"])
def test_a_size_that_is_none_is_refused(size: str) -> None:
    root = parse_json(f'{{"size": {size}}}'.encode(), "doc")
    with pytest.raises(DamagedDocumentError, match=r"doc: \$\.size: "):
        root.member("size").required_size()


def test_oddities_are_bounded() -> None:
    root = parse_json(json.dumps([1] * 5000 + [{}]).encode(), "doc")
    assert root.texts() == ()
    assert len(root.oddities) == 1000


def test_wrong_types_are_noted_and_taken_for_nothing() -> None:
    root = parse_json(b'{"a": 1, "b": {"x": 1, "y": "z"}, "c": ["k", 2], "d": "no"}', "doc")
    assert root.member("a").text() is None
    assert dict(root.member("b").text_map()) == {"y": "z"}
    assert root.member("c").texts() == ("k",)
    assert root.member("d").flag() is False
    assert root.member("absent").member("below").texts() == ()
    assert [oddity.partition(":")[0] for oddity in root.oddities] == [
        "$.a",
        "$.b.x",
        "$.c[1]",
        "$.d",
    ]
