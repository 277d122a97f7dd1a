"""Vectors kept in a file: those of a build that is not finished, so that the next one goes on where it stopped, and
those of gold questions.

SQLite, committed every few seconds, so that neither Ctrl-C nor a killed process nor a power cut loses more. Safe to
delete at any time.
"""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.kept import close_kept, open_kept

__all__ = ["KeptVectors"]

_EVERY_S = 3.0
_SUM_BYTES = 32
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, data BLOB NOT NULL)"

log = logging.getLogger(__name__)

Arrays = tuple[NDArray[Any], ...]


class KeptVectors:
    """Arrays by what they were made of. For one thread. `made_by` names all else that decides them: model, prompts.

    What cannot be read or written only costs time: it is logged.
    """

    def __init__(self, path: Path, made_by: str) -> None:
        self._path = path
        self._made_by = made_by.encode("utf-8")
        self._file = open_kept(path, _TABLE)
        self._committed = time.monotonic()

    def find(self, texts: Iterable[str], types: tuple[str, ...]) -> dict[str, Arrays]:
        """What is known of these texts: arrays of these dtypes, in the order in which they were given to `add`."""
        found: dict[str, Arrays] = {}
        if not self._file:
            return found
        try:
            if self._file.execute("SELECT 1 FROM vectors LIMIT 1").fetchone() is None:
                return found
            for text in texts:
                row = self._file.execute("SELECT data FROM vectors WHERE key = ?", (self._key(text),)).fetchone()
                if row and (arrays := _unpacked(row[0], types)):
                    found[text] = arrays
        except (sqlite3.Error, TypeError) as error:
            self._give_up(error)
        return found

    def add(self, texts: Iterable[str], arrays: Iterable[Arrays]) -> None:
        """Keep the arrays of some texts, on the disk within seconds."""
        if not self._file:
            return
        try:
            rows = ((self._key(text), _packed(some)) for text, some in zip(texts, arrays, strict=True))
            self._file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
            if time.monotonic() - self._committed >= _EVERY_S:
                self._file.commit()
                self._committed = time.monotonic()
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Commit what is not yet, and let go of the file."""
        if self._file:
            try:
                self._file.commit()
            except sqlite3.Error as error:
                log.warning("%s: %s", self._path, error)
            self._file.close()
            self._file = None

    def keep_only(self, texts: Iterable[str]) -> None:
        """Forget all but what is known of these texts."""
        if not self._file:
            return
        wanted = {self._key(text) for text in texts}
        try:
            keys = [key for (key,) in self._file.execute("SELECT key FROM vectors").fetchall()]
            self._file.executemany("DELETE FROM vectors WHERE key = ?", [(key,) for key in keys if key not in wanted])
        except sqlite3.Error as error:
            self._give_up(error)

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(self._made_by + b"\0" + text.encode("utf-8")).digest()

    def _give_up(self, error: Exception) -> None:
        close_kept(self._path, self._file, error)
        self._file = None


def _packed(arrays: Arrays) -> bytes:
    """The arrays one behind the other, each after its shape, and a checksum before all."""
    parts = []
    for array in arrays:
        shape = (*array.shape, *([0] * (2 - array.ndim)))
        parts.append(np.array((array.ndim, *shape), dtype="<i4").tobytes() + np.ascontiguousarray(array).tobytes())
    data = b"".join(parts)
    return hashlib.sha256(data).digest() + data


def _unpacked(stored: bytes, types: tuple[str, ...]) -> Arrays | None:
    """The arrays; None where what is stored is damaged or of other types."""
    data = stored[_SUM_BYTES:]
    if hashlib.sha256(data).digest() != stored[:_SUM_BYTES]:
        return None
    arrays, place = [], 0
    for name in types:
        dimensions, *shape = np.frombuffer(data, "<i4", 3, place).tolist()
        shape = shape[:dimensions]
        count = int(np.prod(shape))
        arrays.append(np.frombuffer(data, name, count, place + 12).reshape(shape))
        place += 12 + count * np.dtype(name).itemsize
    return tuple(arrays) if place == len(data) else None
