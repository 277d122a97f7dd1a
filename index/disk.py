"""What must have reached the disk before a rename may make it visible."""

import os
from pathlib import Path

__all__ = ["synchronise"]


def synchronise(path: Path) -> None:
    """Return once a file, or a folder's list of names, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
