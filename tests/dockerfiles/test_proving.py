"""Sources that the classic builder's hashes prove, against real images and the formula itself."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics import open_image
from imgforensics.dockerfile import Evidence, RecoveredInstruction, recover_dockerfile
from imgforensics.testing import ImageBuilder, directory, file, symlink, whiteout
from imgforensics.testing.tarball import Member
from tests.dockerfiles.building import NOP, classic_hash, classic_image, joined, opened
from tests.dockerfiles.recovering import row

FIXTURES = Path(__file__).parents[2] / "fixtures"
FILE_BITS, DIRECTORY_BITS = 0o100000, 0o040000


def copies(path: Path) -> list[tuple[str, Evidence]]:
    with open_image(path) as image:
        found = recover_dockerfile(image).instructions
    return [(str(one), one.evidence) for one in found if one.instruction.keyword == "COPY"]


def test_sources_of_a_real_image_of_docker_20() -> None:
    """True: `fixtures/sources/webapp/Dockerfile`."""
    assert copies(FIXTURES / "images" / "webapp.docker-20.tar.xz") == [
        ("COPY etc/orderdesk.conf /etc/orderdesk/orderdesk.conf", Evidence.CONTENT_HASH),
        ("COPY app /srv/orderdesk", Evidence.CONTENT_HASH),
        ("COPY secrets/credentials /root/.aws/credentials", Evidence.CONTENT_HASH),
    ]


def step(text: str, members: Sequence[Member], words: str = "") -> RecoveredInstruction:
    """What becomes of one classic step on a base of one layer."""
    with opened(classic_image((NOP + text, members), words=words)) as image:
        return recover_dockerfile(image).instructions[-1]


def copied(hashed: str, members: Sequence[Member], destination: str, words: str = "") -> str:
    found = step(f"COPY {hashed} in {destination} ", members, words)
    assert found.evidence is Evidence.CONTENT_HASH, str(found)
    return str(found)


def test_a_file_under_its_own_name() -> None:
    hashed = "file:" + classic_hash("run.sh", b"#!/bin/sh\n", mode=FILE_BITS | 0o755)
    members = [file("opt/run.sh", b"#!/bin/sh\n", mode=0o755)]
    assert copied(hashed, members, "/opt/") == "COPY run.sh /opt/"


def test_a_file_that_was_renamed_after_a_word_of_the_image() -> None:
    hashed = "file:" + classic_hash("deploy/my-settings.toml", b"a=1\n")
    found = copied(hashed, [file("etc/x", b"a=1\n")], "/etc/x", "see deploy/my-settings.toml")
    assert found == "COPY deploy/my-settings.toml /etc/x"


def test_a_file_that_another_copied_file_names() -> None:
    script = b"#!/bin/sh\nexec python /srv/serve_it.py\n"
    first = f"{NOP}COPY file:{classic_hash('start.sh', script)} in /start.sh "
    second = f"{NOP}COPY file:{classic_hash('serve_it.py', b'pass')} in /app "
    image = classic_image((first, [file("start.sh", script)]), (second, [file("app", b"pass")]))
    with opened(image) as opened_image:
        assert str(recover_dockerfile(opened_image).instructions[-1]) == "COPY serve_it.py /app"


def test_a_tar_as_context_and_the_headers_of_old_engines() -> None:
    for bits, owner in ((0, ""), (0, "root")):
        hashed = "file:" + classic_hash("run.sh", b"x", mode=bits | 0o775, owner=owner)
        assert copied(hashed, [file("run.sh", b"x", mode=0o775)], "/") == "COPY run.sh /"


def test_the_flag_without_a_blank_behind_it() -> None:
    hashed = "--chown=app:app" + "file:" + classic_hash("a", b"x")
    found = copied(hashed, [file("a", b"x", uid=7, gid=7)], "/a")
    assert found == "COPY --chown=app:app a /a"


def test_several_sources_in_the_order_of_the_instruction() -> None:
    contents = {"start.sh": b"1", "a.conf": b"2", "b.conf": b"3"}
    hashes = [f"file:{classic_hash(name, content)}" for name, content in contents.items()]
    members = [file(f"srv/{name}", contents[name]) for name in sorted(contents)]
    found = copied(f"multi:{joined(hashes)}", members, "/srv/")
    assert found == "COPY start.sh a.conf b.conf /srv/"


def test_many_sources_of_one_folder_are_a_pattern() -> None:
    names = [f"{letter}.conf" for letter in "abcdef"]
    hashes = [f"file:{classic_hash(f'conf/{name}', b'x')}" for name in names]
    members = [file(f"srv/{name}", b"x") for name in names]
    found = step(f"COPY multi:{joined(hashes)} in /srv/ ", members)
    assert str(found) == "COPY conf/* /srv/"
    assert "conf/a.conf conf/b.conf" in found.note
    fewer = step(f"COPY multi:{joined(hashes[:5])} in /srv/ ", members[:5])
    assert str(fewer) == "COPY conf/a.conf conf/b.conf conf/c.conf conf/d.conf conf/e.conf /srv/"


def buildah_image(*steps: tuple[str, Sequence[Member]]) -> ImageBuilder:
    """An image of buildah's: its hashes tell nothing of names."""
    root = row("ADD alpine-minirootfs-3.19.8-x86_64.tar.gz / # buildkit")
    rows = [
        row(f"{NOP}{text}", comment="FROM alpine:3.19" if not at else "")
        for at, (text, _) in enumerate(steps)
    ]
    layers = [[], *(list(members) for _, members in steps)]
    return ImageBuilder(layers, config_document={"history": [root, *rows]})


def test_a_renamed_file_is_called_as_its_twin_that_kept_its_name() -> None:
    hashed = "file:" + "a" * 64
    steps = [
        (f"COPY {hashed} in /etc/renamed ", [file("etc/renamed", b"same", mode=0o755)]),
        (f"COPY multi:{'b' * 64} in /srv/ ", [file("srv/run.sh", b"same"), file("srv/x", b"1")]),
        (f"COPY {hashed} in /etc/other ", [file("etc/other", b"another")]),
        (f"COPY {hashed} in /etc/empty ", [file("etc/empty", b"")]),
        (f"COPY {hashed} in /void/ ", [file("void/nothing", b"")]),
    ]
    with opened(buildah_image(*steps)) as image:
        found = recover_dockerfile(image).instructions[1:]
    assert [str(one) for one in found] == [
        "COPY --chmod=0755 run.sh /etc/renamed",
        "COPY run.sh x /srv/",
        "COPY other /etc/other",
        "COPY empty /etc/empty",
        "COPY nothing /void/",
    ]
    assert found[0].confidence == "inferred"
    assert "same content" in found[0].note


def tree_hash(folder: str) -> str:
    """Of a directory with a file, a directory with a file, and a link."""
    hashes = [
        classic_hash(f"{folder}a", b"A"),
        classic_hash(f"{folder}sub/", b"", mode=DIRECTORY_BITS | 0o750, kind="5"),
        classic_hash(f"{folder}sub/b", b"B", mode=FILE_BITS | 0o600),
        classic_hash(f"{folder}to-a", b"", mode=0o120777, kind="2", link="a"),
    ]
    if folder:
        hashes.append(classic_hash(folder, b"", mode=DIRECTORY_BITS | 0o775, kind="5"))
    return "dir:" + joined(sorted(hashes))


TREE = [
    directory("app", mode=0o755),
    file("app/a", b"A"),
    directory("app/sub", mode=0o750),
    file("app/sub/b", b"B", mode=0o600),
    symlink("app/to-a", "a"),
    whiteout("app/old"),
]


@pytest.mark.parametrize(("folder", "shown"), [("", "."), ("src/", "src"), ("app/", "app")])
def test_directories(folder: str, shown: str) -> None:
    assert copied(tree_hash(folder), TREE, "/app") == f"COPY {shown} /app"


def test_what_came_from_another_stage_is_told_by_its_headers() -> None:
    hashed = "file:" + classic_hash("usr/bin/tool", b"x", owner="root", mode=FILE_BITS | 0o755)
    found = step(f"COPY {hashed} in /usr/bin/tool ", [file("usr/bin/tool", b"x", mode=0o755)])
    assert str(found) == "COPY /usr/bin/tool /usr/bin/tool"
    assert "another stage or image" in found.note


@pytest.mark.parametrize(
    "members",
    [
        [file("run.sh", b"altered")],
        [file("run.sh", b"#!/bin/sh\n", mode=0o700)],
        [],
    ],
    ids=["other content", "other mode", "nothing there"],
)
def test_nothing_is_proven_by_what_was_altered(members: Sequence[Member]) -> None:
    found = step(f"COPY file:{classic_hash('run.sh', b'#!/bin/sh')} in /run.sh ", members)
    assert found.evidence is not Evidence.CONTENT_HASH


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=12)


@given(
    name=NAMES,
    folder=st.sampled_from(["", "docker/", "conf/", "scripts/"]),
    content=st.binary(max_size=200),
    mode=st.integers(0, 0o777),
    has_type=st.booleans(),
    owner=st.sampled_from(["", "root"]),
)
def test_any_file_is_proven_from_the_formula(
    *, name: str, folder: str, content: bytes, mode: int, has_type: bool, owner: str
) -> None:
    bits = FILE_BITS if has_type else 0
    value = classic_hash(folder + name, content, mode=bits | mode, owner=owner)
    found = step(f"COPY file:{value} in /srv/ ", [file(f"srv/{name}", content, mode=mode)])
    assert found.evidence is Evidence.CONTENT_HASH
    assert found.instruction.arguments.lstrip("/") == f"{folder}{name} /srv/"


def test_content_of_many_megabytes_takes_a_bounded_time() -> None:
    """Guesses become fewer as content grows: the likeliest are tried all the same."""
    content = bytes(40 << 20)
    hashed = "file:" + classic_hash("big.bin", content)
    assert copied(hashed, [file("big.bin", content)], "/") == "COPY big.bin /"
