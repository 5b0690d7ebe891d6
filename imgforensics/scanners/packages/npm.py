"""npm's packages: each one a `package.json` in a directory of `node_modules`.

Source: https://docs.npmjs.com/cli/v10/configuring-npm/package-json
"""

from collections.abc import Iterator

from imgforensics.errors import DamagedDocumentError, LimitExceededError
from imgforensics.oci.json_document import parse_json
from imgforensics.problems import display
from imgforensics.scanners.packages.package import Ecosystem, InvalidDatabaseError, Package


def npm_packages(content: bytes, path: bytes) -> Iterator[Package]:
    """The package whose package.json this is; none for one without name and version."""
    try:
        document = parse_json(content, display(b"/" + path))
    except (DamagedDocumentError, LimitExceededError) as error:
        raise InvalidDatabaseError(str(error)) from error
    name, version = document.member("name").text(), document.member("version").text()
    if name and version:
        yield Package(Ecosystem.NPM, name, version, path=path)
