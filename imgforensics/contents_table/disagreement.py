"""How a contradiction between a table and the tar is told."""

from imgforensics.contents_table.stored import TableForm
from imgforensics.problems import ProblemCode, ProblemLog

_BELIEVERS = {
    TableForm.ESTARGZ: "stargz-snapshotter goes by the table",
    TableForm.STARGZ: "stargz-snapshotter goes by the table",
    TableForm.ZSTD_CHUNKED: "podman and CRI-O, where they pull partially, go by the table",
}


class Disagreements:
    """Reports them, each with who believes which side."""

    def __init__(self, form: TableForm, log: ProblemLog) -> None:
        self._action = f"the tar counts here, as it does for `docker load`; {_BELIEVERS[form]}"
        self._log = log

    def report(self, path: bytes | None, detail: str) -> None:
        """Tell one; `detail` has both values."""
        self._log.report(
            ProblemCode.CONTENTS_TABLE_DISAGREES, detail, action=self._action, path=path
        )
