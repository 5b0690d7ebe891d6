"""A filesystem that folds letter case, as it looks to a program."""

import os
from collections.abc import Callable

import pytest


def fold_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every name that is used below a directory's descriptor be used in lower case."""

    def folding(function: Callable[..., object], position: int) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            values = list(arguments)
            name = values[position]
            if options and isinstance(name, bytes):
                values[position] = name.lower()
            return function(*values, **options)

        return call

    for name, position in (
        ("open", 0),
        ("mkdir", 0),
        ("lstat", 0),
        ("unlink", 0),
        ("rmdir", 0),
        ("symlink", 1),
        ("link", 1),
        ("mknod", 0),
        ("rename", 1),
    ):
        monkeypatch.setattr(os, name, folding(getattr(os, name), position))
