"""Files written whole or not at all."""

import os
from pathlib import Path

from ingest.disk import synchronise
from ingest.errors import NotWritten
from ingest.plain_words import system_reason

__all__ = ["move_file", "not_written", "write_file"]


def write_file(path: Path, data: bytes, shown: str) -> None:
    """Put bytes in place of a file, or make it and its folders: until they are on the disk, the former file stays.

    `shown` names the file in messages. What an interruption leaves is a hidden file, which no reader looks at.

    Raises:
        NotWritten: the disk is full, the folder may not be written to, ….
    """
    draft = path.with_name(f".{path.name[:80]}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(path)
        synchronise(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise not_written(shown, error) from error
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def move_file(path: Path, target: Path, shown: str) -> None:
    """Move a file to where there is none, in one step.

    Raises:
        NotWritten: as `write_file`.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
        synchronise(target.parent)
        synchronise(path.parent)
    except OSError as error:
        raise not_written(shown, error) from error


def not_written(shown: str, error: OSError) -> NotWritten:
    """The refusal of a change that the system refused."""
    return NotWritten(
        f"{shown} : le fichier ne s’écrit pas ({system_reason(error)}). Vérifiez la place sur le disque et les droits "
        "du dossier ; ce qui y était n’a pas changé."
    )
