"""DIR with Dockerfile, context and report: what an engine would build the same image from."""

import os
import stat
import tarfile
from pathlib import Path

import pytest

from imgforensics import open_image
from imgforensics.dockerfile import recover_dockerfile
from imgforensics.dockerfile.output.writing import WrittenRecovery, write_dockerfile
from imgforensics.errors import UnsafeOutputError
from imgforensics.testing import (
    ImageBuilder,
    Instruction,
    LayerSpec,
    device,
    directory,
    file,
    hard_link,
    sparse_file,
    symlink,
    whiteout,
)
from imgforensics.testing.tarball import Member
from tests.dockerfiles.building import NOP, opened
from tests.dockerfiles.recovering import ALPINE, Json, row

FIXTURES = Path(__file__).parents[2] / "fixtures"
BASE: list[LayerSpec | Instruction] = [
    LayerSpec(
        [file("bin/sh")], created_by="ADD alpine-minirootfs-3.20.3-x86_64.tar.gz / # buildkit"
    ),
    Instruction('CMD ["/bin/sh"]'),
]


def written(target: Path, *steps: tuple[str, list[Member]]) -> WrittenRecovery:
    layers = [LayerSpec(members, created_by=f"{text} # buildkit") for text, members in steps]
    with opened(ImageBuilder([*BASE, *layers])) as image:
        return write_dockerfile(image, recover_dockerfile(image), target)


def by_kaniko(texts: dict[str, list[Member]], config: Json) -> ImageBuilder:
    """An image whose rows are these texts, with what each brought."""
    rows = [*ALPINE, *(row(text, author="kaniko") for text in texts)]
    layers = [LayerSpec([file("bin/sh")]), *map(LayerSpec, texts.values())]
    return ImageBuilder(layers, config=config, config_document={"history": rows})


def context(target: Path) -> dict[str, bytes | str]:
    """Paths of the context: files' contents, links' targets."""
    root = target / "context"
    return {
        str(path.relative_to(root)): str(path.readlink())
        if path.is_symlink()
        else path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_symlink() or not path.is_dir()
    }


def copies(target: Path) -> list[str]:
    lines = (target / "Dockerfile").read_text().splitlines()
    return [line for line in lines if line.startswith(("COPY", "ADD"))]


def test_a_real_image(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with open_image(FIXTURES / "images" / "webapp.docker-20.tar.xz") as image:
        done = write_dockerfile(image, recover_dockerfile(image), target)
    assert done.is_complete
    assert sorted(path.name for path in target.iterdir()) == [
        "Dockerfile",
        "RECOVERY.md",
        "context",
    ]
    source = FIXTURES / "sources" / "webapp"
    for path, content in context(target).items():
        assert content == (source / path).read_bytes()
        assert (target / "context" / path).stat().st_mode == (source / path).stat().st_mode
    assert len(context(target)) == 7
    report = (target / "RECOVERY.md").read_text()
    assert "`DEPLOY_TOKEN`: its value is in history row 9" in report
    assert "example-token-7f3a" not in report


def test_the_original_is_written_byte_for_byte(tmp_path: Path) -> None:
    with open_image(FIXTURES / "images" / "webapp.docker-save.tar") as image:
        write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
    original = FIXTURES / "sources" / "webapp" / "Dockerfile"
    assert (tmp_path / "out" / "Dockerfile").read_bytes() == original.read_bytes()
    with tarfile.open(tmp_path / "out" / "context" / "rootfs.tar") as archive:
        assert "./bin/busybox" in archive.getnames()


def test_files_stand_where_their_instructions_look_for_them(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(
        target,
        (
            "COPY docker/run.sh /usr/local/bin/start",
            [file("usr/local/bin/start", b"1", mode=0o755)],
        ),
        ("COPY a.conf b.conf /etc/", [file("etc/a.conf", b"a"), file("etc/b.conf", b"b")]),
        ("COPY *.txt /texts/", [file("texts/x.txt", b"x"), file("texts/y.txt", b"y")]),
        (
            "COPY src /srv/src",
            [directory("srv/src"), file("srv/src/m/n", b"n"), symlink("srv/src/l", "m")],
        ),
        ("COPY one /d/", [file("d/one", b"1")]),
    )
    assert context(target) == {
        "a.conf": b"a",
        "b.conf": b"b",
        "docker/run.sh": b"1",
        "one": b"1",
        "src/l": "m",
        "src/m/n": b"n",
        "x.txt": b"x",
        "y.txt": b"y",
    }
    assert stat.S_IMODE((target / "context/docker/run.sh").stat().st_mode) == 0o755


def test_whiteouts_devices_and_privileges_stay_out(tmp_path: Path) -> None:
    target = tmp_path / "out"
    done = written(
        target,
        (
            "COPY app /app",
            [
                directory("app"),
                file("app/su", b"s", mode=0o4755),
                whiteout("app/gone"),
                device("app/null", 1, 3),
            ],
        ),
    )
    assert context(target) == {"app/su": b"s"}
    assert stat.S_IMODE((target / "context/app/su").stat().st_mode) == 0o755
    assert any("character-device" in one for one in done.missing)
    assert any("setuid-withheld" in one for one in done.missing)


def test_the_same_file_copied_twice_is_one_file(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(
        target,
        ("COPY package.json ./", [file("package.json", b"{}", mtime=5)]),
        (
            "COPY . /app",
            [directory("app"), file("app/package.json", b"{}", mtime=5), file("app/x", b"")],
        ),
    )
    assert context(target) == {"package.json": b"{}", "x": b""}
    assert copies(target) == ["COPY package.json ./", "COPY . /app"]


def test_trees_that_one_context_cannot_give_get_folders(tmp_path: Path) -> None:
    """`COPY .` would take along what the other instruction brought, which its layer lacks."""
    target = tmp_path / "out"
    written(
        target,
        ("COPY nginx.conf /etc/", [file("etc/nginx.conf", b"n")]),
        ("COPY . /app", [directory("app"), file("app/x", b"x")]),
        ("COPY x /x", [file("x", b"another x")]),
    )
    lines = copies(target)
    found = context(target)
    assert lines[0] == "COPY nginx.conf /etc/"
    folder = lines[1].split()[1]
    assert found[f"{folder}x"] == b"x"
    assert found[lines[2].split()[1]] == b"another x"
    assert sum(path.startswith(folder) for path in found) == 1


def test_a_whole_context_that_became_one_file_gets_a_folder(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(target, ("COPY . /app", [file("app", b"1")]))
    assert copies(target) == ["COPY copied-1/app /app"]
    assert context(target) == {"copied-1/app": b"1"}


def test_a_stage_that_is_lost_is_copied_from_the_context(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(target, ("COPY /out/tool /usr/bin/tool", [file("usr/bin/tool", b"ELF")]))
    assert context(target) == {"out/tool": b"ELF"}
    assert "absolute path" in (target / "RECOVERY.md").read_text()


def test_a_copy_from_a_stage_that_is_lost_takes_its_files_from_the_context(tmp_path: Path) -> None:
    target = tmp_path / "out"
    texts: dict[str, list[Member]] = {
        "WORKDIR /srv": [directory("srv")],
        "COPY --from=build /app/build .": [file("srv/a", b"a"), file("srv/b", b"b")],
        "COPY --from=build --chown=7:8 /out/tool /usr/bin/tool": [file("usr/bin/tool", b"ELF")],
        "COPY --from=build /etc/tool.conf /usr/bin/tool": [file("usr/bin/tool", b"other")],
        "COPY --from=0 /etc/x /etc/x": [file("etc/x", b"x")],
        "COPY --from=docker.io/library/busybox:1.35 /bin/sh /bin/sh2": [file("bin/sh2", b"sh")],
    }
    with opened(by_kaniko(texts, {"WorkingDir": "/srv"})) as image:
        recovered = recover_dockerfile(image)
        done = write_dockerfile(image, recovered, target)
    assert "COPY --from=build /app/build .\n" in str(recovered)
    assert copies(target) == [
        "COPY /app/build .",
        "COPY --chown=7:8 /out/tool /usr/bin/tool",
        "COPY /etc/tool.conf /usr/bin/tool",
        "COPY /etc/x /etc/x",
        "COPY --from=docker.io/library/busybox:1.35 /bin/sh /bin/sh2",
    ]
    assert done.missing == ()
    assert context(target) == {
        "app/build/a": b"a",
        "app/build/b": b"b",
        "etc/tool.conf": b"other",
        "etc/x": b"x",
        "out/tool": b"ELF",
    }
    assert "nothing tells of the stage build" in (target / "RECOVERY.md").read_text()


def test_a_source_that_hangs_on_a_variable_gets_a_folder(tmp_path: Path) -> None:
    """Builders put nothing in place of a variable that has no value."""
    target = tmp_path / "out"
    texts: dict[str, list[Member]] = {
        "COPY --from=build ${LOST}/app.jar /app.jar": [file("app.jar", b"jar")],
        "COPY $LOST /opt/": [file("opt/a", b"a"), file("opt/b/c", b"c")],
        "COPY ${KNOWN}/x /x": [file("x", b"x")],
        "COPY price\\$y /y": [file("y", b"y")],
        "ADD ${LOST}.tar /unpacked/": [file("unpacked/z/z", b"z")],
    }
    with opened(by_kaniko(texts, {"Env": ["KNOWN=dir"]})) as image:
        done = write_dockerfile(image, recover_dockerfile(image), target)
    assert done.missing == ()
    lines = copies(target)
    folders = [line.split()[1] for line in lines]
    assert lines[2:4] == ["COPY ${KNOWN}/x /x", "COPY price\\$y /y"]
    assert not any("$" in folders[place] for place in (0, 1, 4))
    found = context(target)
    assert isinstance(found.pop(folders[4]), bytes)
    assert found == {
        folders[0]: b"jar",
        f"{folders[1]}a": b"a",
        f"{folders[1]}b/c": b"c",
        "dir/x": b"x",
        "price$y": b"y",
    }
    report = (target / "RECOVERY.md").read_text()
    assert "a variable that nothing tells; it was: ${LOST}/app.jar" in report
    assert "a variable that nothing tells; it was: ${LOST}.tar" in report


def test_an_original_whose_source_hangs_on_a_variable_lacks_it(tmp_path: Path) -> None:
    original = b"FROM alpine:3.20.3\nARG LOST\nCOPY ${LOST}/app /app\nCOPY Dockerfile /Dockerfile\n"
    done = written(
        tmp_path / "out",
        ("ARG LOST", []),
        ("COPY /app /app", [file("app", b"1")]),
        ("COPY Dockerfile /Dockerfile", [file("Dockerfile", original)]),
    )
    assert (tmp_path / "out/Dockerfile").read_bytes() == original
    (missing,) = done.missing
    assert missing.startswith("COPY ${LOST}/app /app: what it brought is named by a variable")
    assert context(tmp_path / "out") == {"Dockerfile": original}


def test_an_archive_that_was_unpacked_is_one_again(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(
        target,
        (
            "ADD parts.tar.gz /opt/",
            [
                directory("opt", mode=0o755),
                directory("opt/d", mode=0o700, uid=7, gid=8),
                file("opt/d/a", b"A", mode=0o4711, uid=7),
                hard_link("opt/d/b", "opt/d/a"),
                symlink("opt/l", "d"),
                device("opt/null", 1, 3),
                sparse_file("opt/s", 5000, [(4096, b"end")]),
            ],
        ),
    )
    with tarfile.open(target / "context" / "parts.tar.gz") as archive:
        members = {member.name.removeprefix("./"): member for member in archive}
        content = archive.extractfile(members["s"])
        assert content is not None
        assert content.read() == bytes(4096) + b"end" + bytes(901)
    assert sorted(members) == ["d", "d/a", "d/b", "l", "null", "s"]
    assert (members["d"].mode, members["d"].uid, members["d"].gid) == (0o700, 7, 8)
    assert (members["d/a"].mode, members["d/a"].uid) == (0o4711, 7)
    assert (members["d/b"].islnk(), members["d/b"].linkname) == (True, "d/a")
    assert members["null"].ischr()


def test_a_download_is_in_the_context_and_its_address_in_the_report(tmp_path: Path) -> None:
    target = tmp_path / "out"
    address = "https://example.com/v1/tool.tar.gz"
    written(target, (f"ADD {address} /opt/", [file("opt/tool.tar.gz", b"packed", mode=0o600)]))
    (line,) = copies(target)
    assert line.startswith("COPY ")
    assert context(target)[line.split()[1]] == b"packed"
    assert address in (target / "RECOVERY.md").read_text()


def test_a_document_that_stood_in_the_dockerfile(tmp_path: Path) -> None:
    target = tmp_path / "out"
    written(target, ("COPY <<EOT /etc/x.conf", [file("etc/x.conf", b"a=$b\n")]))
    assert 'COPY <<"EOT" /etc/x.conf\na=$b\nEOT\n' in (target / "Dockerfile").read_text()
    assert context(target) == {}


@pytest.mark.parametrize(
    "name", ["../../escape", "/etc/escape", "a/../../escape", "..", "a\nRUN x", "$HOME", "-x", "[x"]
)
def test_hostile_names_stay_below_the_directory(tmp_path: Path, name: str) -> None:
    target = tmp_path / "deep" / "out"
    target.parent.mkdir()
    members: list[Member] = [
        directory("app"),
        file(f"app/{name}", b"hostile"),
        symlink("app/link", "../../.."),
        file("app/link/through", b"hostile"),
    ]
    written(target, ("COPY . /app", members), (f"COPY {name} /x/", [file("x/y", b"z")]))
    outside = [path for path in tmp_path.rglob("*") if not path.is_relative_to(target)]
    assert outside == [target.parent]
    assert not os.path.lexists("/etc/escape")
    text = (target / "Dockerfile").read_text()
    assert not any(line.startswith("RUN") for line in text.splitlines())


def test_an_ignore_file_of_the_image_leaves_nothing_out(tmp_path: Path) -> None:
    target = tmp_path / "out"
    ignore = file("app/.dockerignore", b"dist\n")
    written(
        target,
        ("COPY .dockerignore x /app/", [ignore, file("app/x", b"1")]),
        ("COPY dist /dist", [file("dist/y", b"2")]),
    )
    assert context(target) == {".dockerignore": b"dist\n", "x": b"1", "dist/y": b"2"}
    rules = (target / "Dockerfile.dockerignore").read_text().splitlines()
    assert rules
    assert all(line.startswith("#") for line in rules)
    assert "--ignorefile Dockerfile.dockerignore" in (target / "RECOVERY.md").read_text()
    written(tmp_path / "other", ("COPY x /app/", [file("app/x", b"1")]))
    assert sorted(path.name for path in (tmp_path / "other").iterdir()) == [
        "Dockerfile",
        "RECOVERY.md",
        "context",
    ]


def test_what_stands_there_is_not_replaced_unless_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with opened(ImageBuilder(BASE)) as image:
        recovered = recover_dockerfile(image)
        write_dockerfile(image, recovered, target)
        (target / "Dockerfile").write_text("older")
        with pytest.raises(UnsafeOutputError, match="force"):
            write_dockerfile(image, recovered, target)
        write_dockerfile(image, recovered, target, force=True)
    assert (target / "Dockerfile").read_text() != "older"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_directory_of_others_is_never_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    with opened(ImageBuilder(BASE)) as image:
        recovered = recover_dockerfile(image)
        write_dockerfile(image, recovered, target)
        (target / "mine").write_text("mine")
        for force in (False, True):
            with pytest.raises(UnsafeOutputError, match="move or remove it yourself"):
                write_dockerfile(image, recovered, target, force=force)
    assert (target / "mine").read_text() == "mine"


def test_damaged_content_leaves_the_result_partial(tmp_path: Path) -> None:
    blob = ImageBuilder([[file("app/a", b"x" * 100_000)]]).build().layers[0].blob
    damaged = LayerSpec(blob=blob[: len(blob) // 2], created_by="COPY app /app # buildkit")
    with opened(ImageBuilder([*BASE, damaged])) as image:
        done = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
    assert not done.is_complete
    assert done.path == tmp_path / "out.partial"
    assert not (tmp_path / "out").exists()


def test_a_layer_that_is_not_there(tmp_path: Path) -> None:
    absent = LayerSpec([file("app/a")], created_by="COPY app /app # buildkit", absent=True)
    with opened(ImageBuilder([*BASE, absent])) as image:
        done = write_dockerfile(image, recover_dockerfile(image), tmp_path / "out")
    assert not done.is_complete
    assert done.missing == ("COPY app /app: no layer holds what it copied",)


@pytest.mark.parametrize(
    "text", ["COPY multi:{} in /d/ ", "COPY dir:{} in / ", "COPY file:{} in /d/ "]
)
def test_a_history_that_names_one_layer_over_and_over(tmp_path: Path, text: str) -> None:
    """Rows times entries would be six million: they are not gone through one by one."""
    members = [file(f"d/f{number}", b"x") for number in range(3_000)]
    row = {"created_by": f"{NOP}{text.format('a' * 64)}", "empty_layer": True}
    image = ImageBuilder([members], config_document={"history": [row] * 2_000})
    with opened(image) as found:
        done = write_dockerfile(found, recover_dockerfile(found), tmp_path / "out")
    keywords = [one.instruction.keyword for one in done.recovered.instructions]
    assert keywords.count("COPY") == 2_000
