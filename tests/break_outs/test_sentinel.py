"""The watch over a place sees every kind of change to it."""

import os

from tests.break_outs.sentinel import Place


def test_the_watch_sees_everything(place: Place) -> None:
    secret = place.folder / "outside" / "secret"
    changes = [
        lambda: secret.write_bytes(b"SECRET"),
        lambda: secret.chmod(0o641),
        lambda: os.utime(secret, ns=(0, 2_000_000_000)),
        lambda: os.setxattr(secret, "user.other", b""),
        (place.folder / "outside" / "directory" / "new").touch,
        (place.folder / "outside" / "fifo").unlink,
        (place.folder / "work" / "new").touch,
        lambda: (place.folder / "outside" / "link2").hardlink_to(secret),
    ]
    for change in changes:
        before = place.watched()
        change()  # type: ignore[no-untyped-call]
        assert place.watched() != before
