"""`verify`."""

from imgforensics_cli.request import Request

EXAMPLES = ("imgforensics verify suspect.tar",)


def run(request: Request) -> int:
    """To be written."""
    return 0
