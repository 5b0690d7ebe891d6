"""What holds something open, and gives it back at the end of `with`."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import NoReturn, Self


class Closing(ABC):
    """Closed at the end of `with`, however that ends."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held open; a second time does no harm."""

    def __reduce__(self) -> NoReturn:
        """No copy, no pickle: two owners would close the same descriptor."""
        what = type(self).__name__
        raise TypeError(f"{what} holds open files and cannot be copied; open it again instead")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
