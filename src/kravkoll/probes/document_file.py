"""Makes sure that the file of a document is the one that was reviewed."""

import hashlib
from pathlib import Path

from kravkoll.contracts.model import DocumentFile
from kravkoll.record.outcome import Inconclusive


def confirm(file: DocumentFile, folder: Path) -> bool:
    """True where the file stands below the folder with its recorded digest; False where it is kept elsewhere.

    Raises Inconclusive where it stands there with other contents: what was reviewed is not what we have.
    """
    path = (folder / file.location).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        return False
    if hashlib.sha256(path.read_bytes()).hexdigest() != file.sha256:
        raise Inconclusive("document.altered", file.location)
    return True
