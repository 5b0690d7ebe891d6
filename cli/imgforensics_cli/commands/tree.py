"""`tree`."""

from imgforensics_cli.request import Request

EXAMPLES = ("imgforensics tree suspect.tar",)


def run(request: Request) -> int:
    """To be written."""
    return 0
