import pytest

from imgforensics.problems import ProblemCode
from imgforensics.tarstream.header import looks_like_tar, number
from tests.tarstream.building import END, GNU, USTAR, V7, base_256, file, header
from tests.tarstream.reading import only, read


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"644\0\0\0\0\0", 0o644),
        (bytes(4) + b"644\0", 0o644),
        (b"00000644", 0o644),
        (b"644 \0xyz", 0o644),
        (b"-0000017", -0o17),
        (b"\0" * 8, 0),
        (b" " * 8, 0),
        (b"12345678", None),
        (b"0x12\0\0\0\0", None),
        (b"1_0\0\0\0\0\0", None),
        (b"0o17\0\0\0\0", None),
        (b"+17\0\0\0\0\0", None),
        (b"-\0\0\0\0\0\0\0", None),
        (b"12 34 \0\0", None),
        (base_256(5, 8), 5),
        (base_256(-5, 8), -5),
        (base_256(1 << 54, 8), 1 << 54),
        (base_256((1 << 63) - 1, 12), (1 << 63) - 1),
        (base_256(-(1 << 62), 12), -(1 << 62)),
        (base_256(1 << 63, 12), None),
        (b"\x80" + b"\xff" * 11, None),
    ],
)
def test_numbers(field: bytes, value: int | None) -> None:
    assert number(field) == value


def test_looks_like_tar_takes_a_sound_header_and_a_block_of_zeros() -> None:
    assert looks_like_tar(header())
    assert looks_like_tar(header(magic=V7))
    assert looks_like_tar(header() + b"anything")
    assert looks_like_tar(bytes(512))


def test_looks_like_tar_refuses_everything_else() -> None:
    assert not looks_like_tar(b"")
    assert not looks_like_tar(header()[:511])
    assert not looks_like_tar(bytes(511))
    assert not looks_like_tar(b"\x1f\x8b" + bytes(510))
    assert not looks_like_tar(header(checksum=b"0000000\0"))
    assert not looks_like_tar(b" " * 512)


def test_the_signed_checksum_of_historic_writers_holds() -> None:
    block = header("größe".encode("latin-1"), signed=True)
    assert looks_like_tar(block)
    assert only(block + END).name == "größe".encode("latin-1")


def test_a_checksum_field_seen_before_does_not_vouch_for_another_block() -> None:
    sound = header(b"ab")
    swapped = b"b`" + sound[2:]
    assert read(sound + swapped + END).names == [b"ab"]


def test_a_checksum_off_by_the_adler_modulus_does_not_hold() -> None:
    block = header(b"\xff" * 100, link_name=b"\xff" * 100, rest=b"\xff" * 167, user=b"\xff" * 32)
    total = int(block[148:154], 8)
    assert total > 65_521
    for wrong in (total - 65_521, total + 65_521):
        damaged = block[:148] + b"%06o\0 " % wrong + block[156:]
        assert not looks_like_tar(damaged)
        assert read(damaged + END).names == []
    assert len(read(block + END).names) == 1


@pytest.mark.parametrize("checksum", [b"%06o\0 ", b"%07o\0", b"%6o\0 ", b"%06o  "])
def test_checksum_fields_of_every_writer(checksum: bytes) -> None:
    block = header()
    total = sum(block[:148]) + sum(block[156:]) + 8 * 32
    assert only(block[:148] + checksum % total + block[156:] + END).name == b"file"


def test_a_checksum_field_that_is_no_number_is_damage() -> None:
    assert read(header(checksum=b"nonsense") + END).codes == [ProblemCode.TAR_HEADER_DAMAGED]


def test_prefix_and_name_are_joined() -> None:
    assert only(header(b"n" * 100, rest=b"p" * 155) + END).name == b"p" * 155 + b"/" + b"n" * 100


def test_v7_has_neither_prefix_nor_owners() -> None:
    member = only(header(magic=V7, user=b"root", rest=b"noise") + END)
    assert (member.name, member.user_name) == (b"file", b"")


def test_times_in_a_gnu_header_are_no_prefix() -> None:
    member = only(header(magic=GNU, rest=b"14524770000\x0014524770001\0", user=b"root") + END)
    assert (member.name, member.user_name) == (b"file", b"root")


def test_a_prefix_under_gnu_magic_as_go_wrote_it_before_1_8() -> None:
    member = only(header(b"name", magic=GNU, rest=b"usr/share/a/long/directory") + END)
    assert member.name == b"usr/share/a/long/directory/name"


def test_star_has_a_shorter_prefix_and_times_behind_it() -> None:
    rest = b"p" * 131 + b"14524770000 14524770001 " + bytes(8) + b"tar\0"
    assert only(header(b"name", rest=rest) + END).name == b"p" * 131 + b"/name"


def test_numbers_beyond_octal() -> None:
    block = header(uid=base_256(3_000_000_000, 8), gid=base_256(-2, 8), mtime=base_256(-86_400, 12))
    member = only(block + END)
    assert (member.uid, member.gid) == (3_000_000_000, -2)
    assert member.mtime_ns == -86_400_000_000_000


def test_only_permission_bits_of_the_mode_are_kept() -> None:
    assert only(header(mode=0o104755) + END).mode == 0o4755


@pytest.mark.parametrize("field", ["mode", "uid", "gid", "mtime"])
def test_a_field_that_is_no_number_is_taken_as_0_and_told(field: str) -> None:
    block = header(**{field: b"garbage!" if field != "mtime" else b"garbage!!!!!"})  # type: ignore[arg-type]
    reading = read(block * 2 + END)
    assert reading.names == [b"file"] * 2
    assert {getattr(m, "mtime_ns" if field == "mtime" else field) for m in reading.members} == {0}
    assert reading.codes == [ProblemCode.TAR_HEADER_DAMAGED] * 2
    assert reading.problems[1].where.offset == 512
    assert "0" in reading.problems[1].action


def test_device_numbers_belong_to_devices_only() -> None:
    data = header(b"null", type_flag=b"3", device=(1, 3)) + header(b"f", device=(1, 3)) + END
    assert [member.device for member in read(data).members] == [(1, 3), (0, 0)]


def test_device_numbers_that_are_none_do_no_harm_to_a_file() -> None:
    assert only(header(device=(b"garbage!", b"garbage!")) + END).device == (0, 0)


def test_owner_names_are_cut_at_their_first_nul() -> None:
    member = only(file(user=b"alice\0bob", group=b"g" * 32, magic=USTAR) + END)
    assert (member.user_name, member.group_name) == (b"alice", b"g" * 32)


def test_more_distinct_fields_than_are_remembered() -> None:
    data = b"".join(header(mtime=n, uid=n, user=b"%d" % n) for n in range(9_000)) + END
    members = read(data).members
    assert [m.mtime_ns // 10**9 for m in members] == list(range(9_000))
    assert [m.uid for m in members] == list(range(9_000))
    assert [m.user_name for m in members] == [b"%d" % n for n in range(9_000)]
