"""Files given back to the last byte, where nothing else changed them meanwhile."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ingest.write_file import write_file

__all__ = ["UNDO_FILE", "keep_undo", "undone"]

UNDO_FILE = "undo.json"


def keep_undo(folder: Path, changes: Mapping[str, tuple[bytes, bytes]]) -> None:
    """Keep in a folder how to undo changes of files in UTF-8, by their names: each as it was, and as it will be.

    Only what stood between the first and the last byte that differ is kept. A file that does not change keeps what was
    kept of it before.

    Raises:
        NotWritten: the folder cannot be written to.
    """
    changed = {
        name: _undo(before.decode("utf-8"), after.decode("utf-8"))
        for name, (before, after) in changes.items()
        if before != after
    }
    if changed:
        text = json.dumps({**_kept(folder), **changed}, ensure_ascii=False)
        write_file(folder / UNDO_FILE, text.encode("utf-8"), UNDO_FILE)


def undone(folder: Path, name: str, now: bytes) -> bytes | None:
    """A file as it was before its change; None if it is not, to the last byte, what that change left."""
    undo = _kept(folder).get(name)
    if not isinstance(undo, dict) or undo.get("left") != hashlib.sha256(now).hexdigest():
        return None
    text = now.decode("utf-8")
    return f"{text[: undo['start']]}{undo['stood']}{text[undo['end'] :]}".encode()


def _undo(before: str, after: str) -> dict[str, Any]:
    start = _same(before, after)
    same = _same(before[start:][::-1], after[start:][::-1])
    return {
        "left": hashlib.sha256(after.encode("utf-8")).hexdigest(),
        "start": start,
        "end": len(after) - same,
        "stood": before[start : len(before) - same],
    }


def _same(text: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    shorter = min(len(text), len(other))
    return next((place for place in range(shorter) if text[place] != other[place]), shorter)


def _kept(folder: Path) -> dict[str, Any]:
    try:
        kept = json.loads((folder / UNDO_FILE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}  # what was set aside is put back all the same, though not at its place
    return kept if isinstance(kept, dict) else {}
