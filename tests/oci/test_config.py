"""Configs: every member in its field, and no shape that stops the reading."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgforensics.digests import Digest
from imgforensics.errors import DamagedDocumentError
from imgforensics.oci.config import Healthcheck, HistoryEntry, ImageConfig

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
SECTION = [
    "Env",
    "Cmd",
    "Entrypoint",
    "User",
    "WorkingDir",
    "Labels",
    "ExposedPorts",
    "Volumes",
    "StopSignal",
    "Healthcheck",
    "Shell",
    "OnBuild",
    "ArgsEscaped",
]
MEMBERS = [
    "os",
    "architecture",
    "variant",
    "os.version",
    "os.features",
    "created",
    "author",
    "history",
    "rootfs",
]


def read(document: object) -> ImageConfig:
    return ImageConfig.parse(json.dumps(document).encode(), "config x")


def test_a_full_config() -> None:
    config = read(
        {
            "os": "linux",
            "architecture": "arm64",
            "variant": "v8",
            "created": "2026-01-01T00:00:00Z",
            "author": "me",
            "config": {
                "Env": ["A=1", "B="],
                "Cmd": ["sh"],
                "Entrypoint": ["/e", "x"],
                "User": "0:0",
                "WorkingDir": "/w",
                "Labels": {"l": ""},
                "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
                "Volumes": {"/v": {}},
                "StopSignal": "SIGINT",
                "Healthcheck": {"Test": ["CMD", "t"], "Interval": 5, "Retries": 2},
                "Shell": ["/bin/bash", "-c"],
                "OnBuild": ["RUN x"],
                "ArgsEscaped": True,
                "Hostname": "h",
            },
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{'a' * 64}"]},
            "history": [{"created_by": "RUN x"}, {"empty_layer": True, "comment": "c"}],
            "docker_version": "20",
        }
    )
    container = config.container
    assert str(config.platform) == "linux/arm64/v8"
    assert (config.created, config.author) == ("2026-01-01T00:00:00Z", "me")
    assert (container.env, container.cmd, container.entrypoint) == (
        ("A=1", "B="),
        ("sh",),
        ("/e", "x"),
    )
    assert (container.user, container.working_dir, dict(container.labels)) == (
        "0:0",
        "/w",
        {"l": ""},
    )
    assert (container.exposed_ports, container.volumes) == (("80/tcp", "53/udp"), ("/v",))
    assert container.healthcheck == Healthcheck(("CMD", "t"), interval=5, retries=2)
    assert (container.stop_signal, container.shell) == ("SIGINT", ("/bin/bash", "-c"))
    assert (container.on_build, container.args_escaped) == (("RUN x",), True)
    assert dict(container.others) == {"Hostname": "h"}
    assert config.diff_ids == (Digest("sha256", "a" * 64),)
    assert config.history == (
        HistoryEntry(created_by="RUN x"),
        HistoryEntry(comment="c", empty_layer=True),
    )
    assert dict(config.others) == {"docker_version": "20"}
    assert config.oddities == ()


def test_shapes_of_old_engines() -> None:
    config = read(
        {"config": {"Cmd": "run me", "Entrypoint": None, "Volumes": ["/a"], "ExposedPorts": None}}
    )
    assert config.container.cmd == ("run me",)
    assert config.container.entrypoint is None
    assert config.container.volumes == ("/a",)
    assert (config.platform, config.diff_ids, config.history) == (None, (), ())
    assert config.oddities == ()


def test_nulls_are_not_odd() -> None:
    config = read({"config": dict.fromkeys(SECTION), **dict.fromkeys(MEMBERS)})
    assert config.oddities == ()


def test_a_diff_id_that_is_no_digest_keeps_its_place() -> None:
    good = f"sha256:{'b' * 64}"
    config = read({"rootfs": {"diff_ids": ["", good, 7]}})
    assert config.diff_ids == (None, Digest.parse(good), None)
    assert [oddity.partition(":")[0] for oddity in config.oddities] == [
        "$.rootfs.diff_ids[0]",
        "$.rootfs.diff_ids[2]",
    ]


def test_a_history_row_of_another_type_keeps_its_place() -> None:
    assert read({"history": ["x", {"created_by": "y"}]}).history == (
        HistoryEntry(),
        HistoryEntry(created_by="y"),
    )


@given(
    st.dictionaries(st.sampled_from(MEMBERS), ODD),
    st.dictionaries(st.sampled_from(SECTION), ODD) | ODD,
)
def test_no_member_of_any_type_stops_the_reading(
    members: dict[str, object], section: object
) -> None:
    config = read({**members, "config": section})
    assert isinstance(config.container.env, tuple)
    assert all(oddity.startswith(("$", "the key")) for oddity in config.oddities)


def test_only_an_object_is_a_config() -> None:
    with pytest.raises(
        DamagedDocumentError, match=r"config x: \$: expected an object, found a list"
    ):
        read([])
