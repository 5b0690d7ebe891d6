"""A descriptor that has an owner: closed with it, at the latest when nobody holds it any more."""

import os

from imgforensics.closing import Closing


class FileDescriptor(Closing):
    """An open file or directory. Closing it twice does no harm, and using it then says so."""

    def __init__(self, number: int, what: str) -> None:
        self._number = number
        self._what = what

    @property
    def number(self) -> int:
        """For the system's calls; raises `ValueError` once it is closed, as Python's files do."""
        if self._number < 0:
            raise ValueError(f"{self._what} is closed")
        return self._number

    def close(self) -> None:
        """Give it back."""
        number, self._number = self._number, -1
        if number >= 0:
            os.close(number)

    __del__ = close
