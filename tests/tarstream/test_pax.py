import subprocess
from time import process_time

import pytest

from imgforensics.errors import LimitExceededError
from imgforensics.limits import Limits
from imgforensics.problems import ProblemCode
from tests.tarstream.building import (
    END,
    GNU,
    base_256,
    file,
    header,
    long_name,
    pax,
    raw_pax,
    record,
)
from tests.tarstream.reading import only, read


def test_records_override_the_header() -> None:
    long_path, long_target = b"d/" * 2_000 + b"f", b"t" * 300
    data = (
        pax(
            (b"path", long_path),
            (b"linkpath", long_target),
            (b"uid", b"4294967294"),
            (b"gid", b"70000"),
            (b"uname", "ünä".encode()),
            (b"gname", b"group"),
            (b"mtime", b"1700000000.123456789"),
        )
        + header(b"short", type_flag=b"2", link_name=b"short")
        + END
    )
    member = only(data)
    assert member.name == long_path
    assert member.link_name == long_target
    assert (member.uid, member.gid) == (4_294_967_294, 70_000)
    assert (member.user_name, member.group_name) == ("ünä".encode(), b"group")
    assert member.mtime_ns == 1_700_000_000_123_456_789
    assert (member.header_offset, member.ordinal) == (0, 0)
    assert member.data_offset == len(data) - len(END)
    assert member.pax[b"uid"] == b"4294967294"


def test_a_size_record_overrides_the_header() -> None:
    reading = read(pax((b"size", b"700")) + header(size=0) + b"x" * 700 + bytes(324) + END)
    assert reading.contents == [b"x" * 700]
    assert (reading.members[0].size, reading.members[0].stored_size) == (700, 700)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"0", 0),
        (b"1.5", 1_500_000_000),
        (b"1.", 1_000_000_000),
        (b"1.000000001", 1_000_000_001),
        (b"1.0000000019999", 1_000_000_001),
        (b"-1", -1_000_000_000),
        (b"-1.5", -1_500_000_000),
        (b"-0.25", -250_000_000),
        (b"-1.0000000000", -1_000_000_000),
        (b"-1.0000000001", -1_000_000_001),
        (b"9" * 18, (10**18 - 1) * 10**9),
    ],
)
def test_times(value: bytes, expected: int) -> None:
    assert only(pax((b"mtime", value)) + header() + END).mtime_ns == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"mtime", b"yesterday"),
        (b"mtime", b"1e9"),
        (b"mtime", b"."),
        (b"mtime", b"9" * 10_000),
        (b"mtime", b"9" * 19),
        (b"size", b"-1"),
        (b"size", b"9223372036854775808"),
        (b"size", b"9" * 10_000),
        (b"uid", b"root"),
        (b"gid", b"1_0"),
        (b"SCHILY.devmajor", b" 1"),
        (b"LIBARCHIVE.xattr.user.a", b"*"),
        (b"LIBARCHIVE.xattr.user.a", b"AAAAA"),
        (b"", b"value"),
    ],
)
def test_an_invalid_record_is_left_out_and_told(key: bytes, value: bytes) -> None:
    data = pax((key, value), (b"uname", b"alice")) + header(mtime=7, uid=8, gid=9) + END
    reading = read(data)
    (member,) = reading.members
    assert reading.codes == [ProblemCode.PAX_RECORD_INVALID]
    assert (member.mtime_ns, member.uid, member.gid, member.size) == (7_000_000_000, 8, 9, 0)
    assert member.user_name == b"alice"
    assert member.pax == {b"uname": b"alice"}
    assert not member.xattrs


@pytest.mark.parametrize(
    "damaged",
    [
        b"not a record at all",
        b"99 path=short\n",
        b"13 path=short",
        b"12 path=short\n",
        b"3 x",
        b"0 path=short\n",
        b"-5 path=short\n",
        b"99999999999999999999999 path=short\n",
        b" path=short\n",
    ],
)
def test_what_precedes_a_record_of_wrong_length_still_counts(damaged: bytes) -> None:
    reading = read(raw_pax(record(b"uname", b"alice") + damaged) + header() + header(b"g") + END)
    assert reading.codes == [ProblemCode.PAX_RECORD_INVALID]
    assert [member.user_name for member in reading.members] == [b"alice", b""]
    assert reading.names == [b"file", b"g"]
    assert reading.problems[0].where.offset == 0


def test_a_record_without_equals_sign_is_told() -> None:
    reading = read(raw_pax(b"9 pathx\n" + record(b"uname", b"alice")) + header() + END)
    assert reading.names == [b"file"]
    assert reading.codes == [ProblemCode.PAX_RECORD_INVALID]


def test_zeros_behind_the_records_do_no_harm() -> None:
    assert only(raw_pax(record(b"path", b"new") + bytes(5)) + header() + END).name == b"new"


def test_xattr_values_are_exact_whatever_bytes_they_hold() -> None:
    value = b"\x01\0\0\x02=\n12 path=evil\n\0\xff"
    member = only(
        pax((b"SCHILY.xattr.security.capability", value), (b"SCHILY.xattr.user.empty", b""))
        + header()
        + END
    )
    assert member.name == b"file"
    assert member.xattrs == {b"security.capability": value, b"user.empty": b""}
    assert not member.pax


def test_xattr_names_escaped_as_gnu_tar_and_as_libarchive_do() -> None:
    member = only(
        pax(
            (b"SCHILY.xattr.user.a%3Db%25c%20", b"1"),
            (b"LIBARCHIVE.xattr.user.sp%20ace%3d", b"Mg"),
            (b"LIBARCHIVE.xattr.user.padded", b"Mw=="),
        )
        + header()
        + END
    )
    assert member.xattrs == {
        b"user.a=b%c%20": b"1",
        b"user.sp ace=": b"2",
        b"user.padded": b"3",
    }


@pytest.mark.parametrize("order", [1, -1])
def test_the_raw_form_of_an_xattr_given_twice_counts(order: int) -> None:
    twice = [(b"SCHILY.xattr.user.a", b"raw"), (b"LIBARCHIVE.xattr.user.a", b"b3RoZXI")]
    assert only(pax(*twice[::order]) + header() + END).xattrs == {b"user.a": b"raw"}


def test_names_that_are_not_utf8_stay_bytes() -> None:
    data = pax((b"hdrcharset", b"BINARY"), (b"path", b"\xff\xfe\n/x")) + header() + END
    member = only(data)
    assert member.name == b"\xff\xfe\n/x"
    assert member.pax[b"hdrcharset"] == b"BINARY"
    assert only(header(b"\xe9t\xe9") + END).name == b"\xe9t\xe9"


def test_solaris_headers_are_pax_headers() -> None:
    assert only(pax((b"path", b"new"), type_flag=b"X") + header() + END).name == b"new"


def test_several_headers_add_up_the_later_record_counts_and_that_is_told() -> None:
    data = pax((b"path", b"one"), (b"uname", b"alice")) + pax((b"path", b"two")) + header() + END
    reading = read(data)
    (member,) = reading.members
    assert (member.name, member.user_name, member.header_offset) == (b"two", b"alice", 0)
    assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]


def test_large_device_numbers() -> None:
    data = pax((b"SCHILY.devmajor", b"5000000"), (b"SCHILY.devminor", b"7"))
    assert only(data + header(type_flag=b"4", device=(1, 2)) + END).device == (5_000_000, 7)


class TestGlobal:
    def test_records_hold_for_all_that_follow_under_their_own(self) -> None:
        data = (
            pax((b"comment", b"c0ffee"), (b"org.key", b"1"), type_flag=b"g")
            + header(b"a")
            + pax((b"org.key", b"2"))
            + header(b"b")
            + header(b"c")
            + END
        )
        reading = read(data)
        assert reading.problems == []
        assert [member.pax for member in reading.members] == [
            {b"comment": b"c0ffee", b"org.key": b"1"},
            {b"comment": b"c0ffee", b"org.key": b"2"},
            {b"comment": b"c0ffee", b"org.key": b"1"},
        ]

    def test_the_members_header_is_its_own(self) -> None:
        first = pax((b"comment", b"c0ffee"), type_flag=b"g")
        member = only(first + pax((b"path", b"new")) + header() + END)
        assert (member.header_offset, member.ordinal) == (len(first), 0)

    def test_an_empty_value_ends_a_record(self) -> None:
        data = (
            pax((b"a", b"1"), (b"b", b"2"), type_flag=b"g")
            + pax((b"a", b""), type_flag=b"g")
            + header(b"one")
            + pax((b"b", b""))
            + header(b"two")
            + header(b"three")
            + pax((b"b", b""), type_flag=b"g")
            + header(b"four")
            + END
        )
        members = read(data).members
        assert [member.pax for member in members] == [{b"b": b"2"}, {}, {b"b": b"2"}, {}]

    def test_what_changes_members_is_applied_and_told(self) -> None:
        data = (
            pax(
                (b"uname", b"alice"),
                (b"mtime", b"5"),
                (b"SCHILY.xattr.user.a", b"1"),
                type_flag=b"g",
            )
            + header(b"a")
            + pax((b"SCHILY.xattr.user.b", b"2"))
            + header(b"b")
            + pax((b"SCHILY.xattr.user.a", b""), (b"uname", b""), type_flag=b"g")
            + header(b"c", user=b"root")
            + END
        )
        reading = read(data)
        assert [m.user_name for m in reading.members] == [b"alice", b"alice", b"root"]
        assert [m.mtime_ns for m in reading.members] == [5_000_000_000] * 3
        assert [m.xattrs for m in reading.members] == [
            {b"user.a": b"1"},
            {b"user.a": b"1", b"user.b": b"2"},
            {},
        ]
        assert reading.codes[0] is ProblemCode.TAR_MEMBER_AMBIGUOUS
        assert "uname" in reading.problems[0].detail

    def test_an_archive_of_nothing_but_a_global_header(self) -> None:
        assert read(pax((b"comment", b"c0ffee"), type_flag=b"g") + END) == ([], [], [])

    def test_too_many_records_are_left_out(self) -> None:
        many = pax(*((b"key%d" % n, b"v") for n in range(200)), type_flag=b"g")
        reading = read(many + header() + END)
        assert reading.codes == [ProblemCode.PAX_RECORD_INVALID]
        assert not reading.members[0].pax

    def test_records_in_force_stay_within_the_limit_together(self) -> None:
        data = b"".join(pax((b"k%d" % n, b"v" * 600), type_flag=b"g") for n in range(3)) + END
        with pytest.raises(LimitExceededError) as caught:
            read(data.replace(END, header() + END), limits=Limits(pax_bytes=1_000))
        assert caught.value.name == "pax_bytes"


class TestGnuLongNames:
    def test_names_and_links(self) -> None:
        name, target = b"n/" * 2_000 + b"f", b"t" * 4_000
        data = (
            long_name(target, b"K")
            + long_name(name)
            + header(b"n/n/n", type_flag=b"2", link_name=b"ttt", magic=GNU)
            + header(b"next")
            + END
        )
        reading = read(data)
        assert reading.problems == []
        assert reading.names == [name, b"next"]
        assert reading.members[0].link_name == target
        assert reading.members[0].header_offset == 0

    def test_beat_a_pax_path_and_that_is_told(self) -> None:
        reading = read(long_name(b"gnu") + pax((b"path", b"pax")) + header() + END)
        assert reading.names == [b"gnu"]
        assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]

    @pytest.mark.parametrize("kind", [b"L", b"K"])
    def test_of_two_the_later_counts_and_that_is_told(self, kind: bytes) -> None:
        data = (
            long_name(b"first", kind)
            + long_name(b"second", kind)
            + header(b"file", type_flag=b"2", link_name=b"target", magic=GNU)
            + END
        )
        (member,) = read(data).members
        assert b"second" in (member.name, member.link_name)
        assert read(data).codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]
        listed = subprocess.run(["tar", "-tvf", "-"], input=data, capture_output=True, check=True)
        assert b"second" in listed.stdout

    def test_an_empty_one_changes_nothing_and_that_is_told(self) -> None:
        reading = read(long_name(b"") + header() + END)
        assert reading.names == [b"file"]
        assert reading.codes == [ProblemCode.TAR_MEMBER_AMBIGUOUS]


class TestLimits:
    @pytest.mark.parametrize("type_flag", [b"x", b"g", b"X", b"L", b"K"])
    def test_a_claim_of_8_gib_is_refused_before_it_is_read(self, type_flag: bytes) -> None:
        with pytest.raises(LimitExceededError) as caught:
            read(header(type_flag=type_flag, size=base_256(8 << 30, 12)) + END)
        assert caught.value.name == "pax_bytes"

    def test_headers_ahead_of_one_member_count_together(self) -> None:
        data = pax((b"a", b"v" * 600)) * 2 + header() + END
        assert read(data, limits=Limits(pax_bytes=1_300)).names == [b"file"]
        with pytest.raises(LimitExceededError):
            read(data, limits=Limits(pax_bytes=1_000))

    def test_headers_ahead_of_different_members_do_not(self) -> None:
        data = (pax((b"a", b"v" * 600)) + header()) * 3 + END
        assert len(read(data, limits=Limits(pax_bytes=1_000)).names) == 3

    @pytest.mark.parametrize(
        "extension",
        [
            long_name(b"n" * 301),
            long_name(b"n" * 301, b"K"),
            pax((b"path", b"n" * 301)),
            pax((b"linkpath", b"n" * 301)),
        ],
    )
    def test_a_long_name_is_refused(self, extension: bytes) -> None:
        data = extension + header(type_flag=b"2") + END
        assert len(read(data, limits=Limits(name_bytes=301)).names) == 1
        with pytest.raises(LimitExceededError) as caught:
            read(data, limits=Limits(name_bytes=300))
        assert caught.value.name == "name_bytes"


def test_what_is_told_stays_short_whatever_the_records_hold() -> None:
    long = b"n" * 60_000
    data = (
        pax((b"SCHILY.xattr." + long, b"1"), type_flag=b"g")
        + long_name(b"gnu")
        + pax((b"path", long), (b"GNU.sparse.major", long), (b"mtime", long), (b"uid", long))
        + header()
        + END
    )
    reading = read(data)
    assert len(reading.problems) == 5
    assert all(len(str(problem)) < 1_000 for problem in reading.problems)


def test_many_records_take_time_in_proportion() -> None:
    def seconds(count: int) -> float:
        payload = b"".join(record(b"k%d" % n, b"v" * 20) for n in range(count))
        data = file(b"PaxHeader", payload, type_flag=b"x") + header() + END
        started = process_time()
        assert len(only(data).pax) == count
        return process_time() - started

    seconds(1_000)
    assert seconds(120_000) < 48 * max(seconds(10_000), 0.005)


def test_a_header_of_very_many_records_passes_a_limit() -> None:
    payload = b"".join(record(b"%d" % n, b"") for n in range(200_000))
    with pytest.raises(LimitExceededError, match="pax_bytes"):
        read(file(b"PaxHeader", payload, type_flag=b"x") + header() + END)


def test_global_records_that_grow_from_member_to_member_pass_a_limit() -> None:
    """Each member's own headers are small enough."""
    data = b"".join(
        pax((b"k%d" % number, b"v" * 298), type_flag=b"g") + header() for number in range(3)
    )
    assert len(read(data + END, limits=Limits(pax_bytes=900)).names) == 3
    with pytest.raises(LimitExceededError, match=r"Limits\(pax_bytes="):
        read(data + END, limits=Limits(pax_bytes=899))


@pytest.mark.parametrize("size", [1 << 50, 1 << 62])
def test_an_impossible_size_is_damage_and_what_follows_is_found(size: int) -> None:
    from_header = read(header(b"big", size=base_256(size + 1, 12)) + file(b"after", b"x") + END)
    assert from_header.names == [b"after"]
    assert from_header.codes == [ProblemCode.TAR_HEADER_DAMAGED]
    from_record = read(pax((b"size", b"%d" % (size + 1))) + header() + file(b"after", b"x") + END)
    assert from_record.names == [b"file", b"after"]
    assert from_record.codes == [ProblemCode.PAX_RECORD_INVALID]
