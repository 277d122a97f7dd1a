"""Files written whole or not at all."""

import fcntl
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ingest.disk import synchronise
from ingest.errors import NotWritten
from ingest.plain_words import system_reason

__all__ = ["is_draft", "move_file", "not_written", "sweep_drafts", "write_file"]


_DRAFT = re.compile(r"\..*\.\d+\.tmp")
_SWEEP_S = 60.0

_swept: dict[Path, float] = {}


def write_file(path: Path, data: bytes, shown: str) -> None:
    """Put bytes in place of a file, or make it and its folders: until they are on the disk, the former file stays.

    `shown` names the file in messages. What a killed process leaves is a hidden file, a draft, which no reader looks at
    and which the next write into its folder deletes.

    Raises:
        NotWritten: the disk is full, the folder may not be written to, ….
    """
    draft = path.with_name(f".{path.name[:80]}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_now_and_then(path.parent)
        with _opened(draft) as opened:
            try:
                opened.write(data)
                opened.flush()
                os.fsync(opened.fileno())
                draft.replace(path)
            except BaseException:
                draft.unlink(missing_ok=True)  # while it is locked, and so nobody else's
                raise
        synchronise(path.parent)
    except OSError as error:
        raise not_written(shown, error) from error


def is_draft(path: Path) -> bool:
    """Whether a file is what `write_file` is writing, or was when it was killed."""
    return _DRAFT.fullmatch(path.name) is not None


def sweep_drafts(folder: Path) -> None:
    """Delete the drafts of a folder and those below it whose writers are gone."""
    for where, _, names in os.walk(folder):
        for draft in (Path(where, name) for name in names if _DRAFT.fullmatch(name)):
            _sweep(draft)


def _sweep_now_and_then(folder: Path) -> None:
    """A crawl writes thousands of files into one folder, and looking through it takes a time."""
    now = time.monotonic()
    if now - _swept.get(folder, -_SWEEP_S) >= _SWEEP_S:
        _swept[folder] = now
        for draft in filter(is_draft, folder.iterdir()):
            _sweep(draft)


def _sweep(draft: Path) -> None:
    """Delete a draft unless its writer lives and so holds its lock: process numbers are used again, and mean nothing
    from one container to another."""
    with suppress(OSError), draft.open("r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if _is_there(draft, opened):
            draft.unlink()


def _opened(draft: Path) -> BinaryIO:
    """An empty draft, locked until it is closed: the one that stands there, where another was swept meanwhile.

    It is emptied once it is locked: until then, another of the same name (a thread's, another container's) writes it.
    """
    while True:
        opened = os.fdopen(os.open(draft, os.O_RDWR | os.O_CREAT, 0o666), "wb")
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            if _is_there(draft, opened):
                opened.truncate()
                return opened
        except BaseException:
            opened.close()
            raise
        opened.close()


def _is_there(draft: Path, opened: BinaryIO) -> bool:
    try:
        return os.path.samestat(draft.stat(), os.fstat(opened.fileno()))
    except FileNotFoundError:
        return False


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
