"""What RUN did, from what its layer changed."""

from imgforensics.dockerfile import Presentation, recover_dockerfile
from imgforensics.dockerfile.layers.effects import run_effects
from imgforensics.testing import ImageBuilder, Instruction, LayerSpec, file, opaque, whiteout
from tests.dockerfiles.building import opened

BEFORE = b"Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\n"
AFTER = BEFORE + BEFORE.replace(b"Package: a", b"Package: curl").replace(
    b"Version: 1", b"Version: 8"
)
IMAGE = ImageBuilder(
    [
        LayerSpec(
            [
                file("var/lib/dpkg/status", BEFORE),
                file("etc/passwd", b"root:x:0:0\n"),
                file("tmp/x"),
            ],
            created_by="ADD rootfs.tar / # buildkit",
        ),
        Instruction('CMD ["bash"]'),
        LayerSpec(
            [
                file("var/lib/dpkg/status", AFTER),
                file("etc/passwd", b"root:x:0:0\nweb:x:7:7\n"),
                whiteout("tmp/x"),
                opaque("srv"),
            ],
            created_by="RUN /bin/sh -c apt-get install curl # buildkit",
        ),
        LayerSpec([], created_by="RUN /bin/sh -c true # buildkit"),
    ]
)


def test_packages_users_and_deletions() -> None:
    with opened(IMAGE) as image:
        recovered = recover_dockerfile(image)
        effects = run_effects(image, recovered)
    installed, nothing = effects.values()
    assert [str(change.package) for change in installed.packages] == ["curl:all 8"]
    assert installed.users == ("web",)
    assert installed.deleted == (b"tmp/x", b"srv")
    assert installed.files == 2
    assert (nothing.packages, nothing.users, nothing.deleted, nothing.files) == ((), (), (), 0)


def test_they_stand_above_their_instruction_as_comments() -> None:
    with opened(IMAGE) as image:
        recovered = recover_dockerfile(image)
        shown = Presentation(effects=run_effects(image, recovered)).file_of(recovered).decode()
    lines = shown.splitlines()
    place = lines.index("RUN apt-get install curl")
    assert lines[place - 4 : place] == [
        "# packages added: curl:all 8",
        "# users added: web",
        "# deleted: /tmp/x, /srv",
        f"# wrote 2 files of {len(AFTER) + 21} bytes",
    ]
