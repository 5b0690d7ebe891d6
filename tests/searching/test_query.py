"""What a query may be made of: mypy reads this file, too, and takes what its docstring allows."""

from datetime import UTC, date, datetime

import pytest

from imgforensics import HashList, Image, Query, search
from imgforensics.testing import file, symlink
from tests.filesystem.building import image_of

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
SHA256_OF_A = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"


def found(image: Image, query: Query) -> list[bytes]:
    return [match.path for match in search(image, query)]


@pytest.mark.parametrize(
    "query",
    [
        Query(name="a*"),
        Query(name=b"a*"),
        Query(name=["x", b"a"]),
        Query(path=(each for each in ("/a",))),
        Query(regex={"/a"}),
        Query(size=1),
        Query(size="1"),
        Query(size=["+0k", "-10k", 1]),
        Query(mode=0o600),
        Query(mode="0600"),
        Query(owner=7),
        Query(owner="7"),
        Query(newer=date(2024, 2, 29), kinds="f"),
        Query(newer=NOON, older="2024-03-01", kinds=["f"]),
        Query(kinds=["f", "d"], name=("a", "l")),
        Query(hashes=HashList.of(SHA256_OF_A, "sha256")),
        Query(hashes=[HashList.of(SHA256_OF_A, "sha256")]),
        Query(content="a"),
        Query(content=[b"a", "z"]),
        Query(magic=b"very short", max_size=1),
    ],
)
def test_each_form_of_a_criterion_finds_the_one_file(query: Query) -> None:
    after_noon = NOON.timestamp() + 1
    members = [
        file("a", b"a", mode=0o600, uid=7, mtime=after_noon),
        file("b", b"", mode=0o644, mtime=0),
        symlink("l", "no/where", mtime=after_noon),
    ]
    with image_of(members) as image:
        assert found(image, query) == [b"a"]
