"""Descriptors and platforms."""

import json

import pytest

from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError
from imgforensics.oci.descriptor import Descriptor, Platform
from imgforensics.oci.json_document import parse_json

DIGEST = f"sha256:{'a' * 64}"


def read(**members: object) -> Descriptor:
    return Descriptor.from_json(parse_json(json.dumps(members).encode(), "doc"))


def test_every_member_has_its_field_and_the_rest_is_kept() -> None:
    descriptor = read(
        mediaType="m",
        digest=DIGEST,
        size=3,
        platform={
            "os": "windows",
            "architecture": "amd64",
            "os.version": "10.0",
            "os.features": ["f"],
        },
        annotations={"k": "v"},
        urls=["https://example.test/x"],
        artifactType="t",
        data="AAAA",
    )
    assert descriptor.digest == Digest.parse(DIGEST)
    assert (descriptor.media_type, descriptor.size, descriptor.artifact_type) == ("m", 3, "t")
    assert descriptor.platform == Platform("windows", "amd64", None, "10.0", ("f",))
    assert (dict(descriptor.annotations), descriptor.urls) == (
        {"k": "v"},
        ("https://example.test/x",),
    )
    assert dict(descriptor.others) == {"data": "AAAA"}
    assert len({descriptor, descriptor}) == 1


def test_optional_members_may_be_absent_or_null() -> None:
    assert read(digest=DIGEST, size=0) == read(
        digest=DIGEST, size=0, mediaType=None, platform=None, annotations=None, urls=None
    )


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"size": 1}, "$.digest"),
        ({"size": 1, "digest": "sha256:ABC"}, "$.digest"),
        ({"size": 1, "digest": "../../etc/passwd"}, "$.digest"),
        ({"digest": DIGEST}, "$.size"),
    ],
)
def test_without_digest_and_size_there_is_no_descriptor(
    members: dict[str, object], path: str
) -> None:
    with pytest.raises(DamagedDocumentError) as raised:
        read(**members)
    assert str(raised.value).startswith(f"doc: {path}: ")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/aarch64", "linux/arm64"),
        ("linux/x86_64", "Linux/AMD64"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/armhf", "linux/arm/7"),
        ("linux/armel", "linux/arm/v6"),
        ("macos/arm64", "darwin/arm64"),
    ],
)
def test_different_words_for_one_platform(one: str, other: str) -> None:
    assert Platform.parse(one).equals(Platform.parse(other))


def test_a_variant_matters_only_when_it_is_wanted() -> None:
    held = Platform.parse("linux/arm/v6")
    assert held.is_kind_of(Platform.parse("linux/arm"))
    assert held.is_kind_of(Platform.parse("linux/arm/v6"))
    assert not held.is_kind_of(Platform.parse("linux/arm/v7"))
    assert not held.is_kind_of(Platform.parse("linux/arm64"))


@pytest.mark.parametrize("text", ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux//v7"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match="os/arch"):
        Platform.parse(text)


def test_a_platform_reads_as_it_is_given() -> None:
    assert [str(Platform.parse(text)) for text in ("linux/arm/v7", "linux/amd64")] == [
        "linux/arm/v7",
        "linux/amd64",
    ]
