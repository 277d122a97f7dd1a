"""What must have reached the disk before a rename may make it visible."""

import os
import tempfile
from pathlib import Path

__all__ = ["synchronise", "write_whole"]


def synchronise(path: Path) -> None:
    """Return once a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file by one rename: whoever reads it finds what was there before, or all of `data`.

    Nobody but its owner may read it before it has its `mode`. A process that is killed leaves at most a hidden file
    beside it, `.<name>-…`. Raises OSError.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.chmod(mode)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    synchronise(path.parent)
