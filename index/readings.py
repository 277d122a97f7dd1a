"""What the reader read for a build, kept in a file: the next build reads only what changed."""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from index.reader import PassageReader, Reading
from ingest import Passage
from ingest.kept import discard
from ingest.passages import heading_text

__all__ = ["KeptReadings"]

_EVERY_S = 3.0
_TABLE = "CREATE TABLE IF NOT EXISTS readings (key BLOB PRIMARY KEY, judged BLOB, chances BLOB, spans BLOB)"

log = logging.getLogger(__name__)


class KeptReadings:
    """A reader that looks first whether it has read this question and passage before. For one thread.

    What it reads is written every few seconds. A file that is damaged or cannot be written only makes it slower: what
    is in it can be read again. Without a `path` it remembers for as long as it lives.
    """

    def __init__(self, reader: PassageReader, path: Path | None) -> None:
        self.name = reader.name
        self._reader = reader
        self._path = path
        self._before = self._kept()
        self._used: dict[bytes, Reading] = {}
        self._new: dict[bytes, Reading] = {}
        self._written = time.monotonic()

    def read(self, question: str, passages: Sequence[Passage], within_s: float | None = None) -> tuple[Reading, ...]:
        """As `Reader.read`, all passages whatever the time."""
        keys = self._keys(question, passages)
        self._used |= {key: self._before[key] for key in keys if key in self._before}
        if missing := {key: passage for key, passage in zip(keys, passages, strict=True) if key not in self._used}:
            new = dict(zip(missing, self._reader.read(question, list(missing.values())), strict=True))
            self._used |= new
            self._new |= new
            if time.monotonic() - self._written >= _EVERY_S:
                self._write(only_used=False)
        return tuple(self._used[key] for key in keys)

    def save(self) -> None:
        """Write what is new, and forget what was not used since this was made."""
        self._write(only_used=True)

    def _write(self, *, only_used: bool) -> None:
        if self._path is None:
            return
        try:
            with closing(sqlite3.connect(self._path)) as file, file:
                file.execute(_TABLE)
                rows = ((key, *_packed(reading)) for key, reading in self._new.items())
                file.executemany("INSERT OR REPLACE INTO readings VALUES (?, ?, ?, ?)", rows)
                if only_used:
                    unused = [(key,) for key in self._before.keys() - self._used.keys()]
                    file.executemany("DELETE FROM readings WHERE key = ?", unused)
            self._new.clear()
        except (OSError, sqlite3.Error) as error:
            log.warning("%s: %s", self._path, error)
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                discard(self._path)
                self._new |= self._used  # begun anew
        self._written = time.monotonic()

    def _keys(self, question: str, passages: Sequence[Passage]) -> list[bytes]:
        read = ((self.name, question, heading_text(passage.heading_path), passage.text) for passage in passages)
        return [hashlib.sha256("\0".join(parts).encode()).digest() for parts in read]

    def _kept(self) -> dict[bytes, Reading]:
        if self._path is None or not self._path.is_file():
            return {}
        try:
            with closing(sqlite3.connect(self._path)) as file:
                rows = file.execute("SELECT key, judged, chances, spans FROM readings")
                return {key: _unpacked(*row) for key, *row in rows}
        except (OSError, ValueError, TypeError, sqlite3.Error) as error:
            log.warning("%s: %s", self._path, error)
            discard(self._path)  # begun anew
            return {}


def _packed(reading: Reading) -> tuple[bytes, bytes, bytes]:
    judged = np.array([reading.relevance, reading.answerability], np.float64)
    chances = np.stack((reading.start, reading.end))
    return judged.tobytes(), chances.astype(np.float32).tobytes(), reading.spans.tobytes()


def _unpacked(judged: bytes, chances: bytes, spans: bytes) -> Reading:
    relevance, answerability = np.frombuffer(judged).tolist()
    start, end = np.frombuffer(chances, np.float32).reshape(2, -1)
    return Reading(relevance, answerability, start, end, np.frombuffer(spans, np.int32).reshape(-1, 2))
