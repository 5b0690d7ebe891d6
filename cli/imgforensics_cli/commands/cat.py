"""`cat`."""

from imgforensics_cli.request import Request

EXAMPLES = ("imgforensics cat suspect.tar",)


def run(request: Request) -> int:
    """To be written."""
    return 0
