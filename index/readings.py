"""What the reader read for a build, kept in a file: the next build reads only what changed."""

import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from index.reader import PassageReader, Reading
from ingest import Passage
from ingest.passages import heading_text

__all__ = ["KeptReadings"]

log = logging.getLogger(__name__)


class KeptReadings:
    """A reader that looks first whether it has read this question and passage before. For one thread.

    A file that is damaged or cannot be written only makes it slower: what is in it can be read again.
    """

    def __init__(self, reader: PassageReader, path: Path) -> None:
        self.name = reader.name
        self._reader = reader
        self._path = path
        self._before = self._kept()
        self._used: dict[bytes, Reading] = {}

    def read(self, question: str, passages: Sequence[Passage], within_s: float | None = None) -> tuple[Reading, ...]:
        """As `Reader.read`, all passages whatever the time."""
        keys = self._keys(question, passages)
        self._used |= {key: self._before[key] for key in keys if key in self._before}
        if not all(key in self._used for key in keys):
            self._used |= zip(keys, self._reader.read(question, passages), strict=True)
        return tuple(self._used[key] for key in keys)

    def save(self) -> None:
        """Write what was used since this was made, and only that."""
        try:
            self._path.unlink(missing_ok=True)
            with closing(sqlite3.connect(self._path)) as file, file:
                file.execute("CREATE TABLE readings (key BLOB PRIMARY KEY, judged BLOB, chances BLOB, spans BLOB)")
                rows = ((key, *_packed(reading)) for key, reading in self._used.items())
                file.executemany("INSERT INTO readings VALUES (?, ?, ?, ?)", rows)
        except (OSError, sqlite3.Error) as error:
            log.warning("%s: %s", self._path, error)

    def _keys(self, question: str, passages: Sequence[Passage]) -> list[bytes]:
        """A key for each passage. It is of all of them: the last bits of a reading depend on what is read beside it."""
        read = (text for passage in passages for text in (heading_text(passage.heading_path), passage.text))
        together = hashlib.sha256("\0".join((self.name, question, *read)).encode())
        return [together.digest() + place.to_bytes(2) for place in range(len(passages))]

    def _kept(self) -> dict[bytes, Reading]:
        if not self._path.is_file():
            return {}
        try:
            with closing(sqlite3.connect(self._path)) as file:
                rows = file.execute("SELECT key, judged, chances, spans FROM readings")
                return {key: _unpacked(*row) for key, *row in rows}
        except (OSError, ValueError, TypeError, sqlite3.Error) as error:
            log.warning("%s: %s", self._path, error)
            return {}


def _packed(reading: Reading) -> tuple[bytes, bytes, bytes]:
    judged = np.array([reading.relevance, reading.answerability], np.float64)
    chances = np.stack((reading.start, reading.end))
    return judged.tobytes(), chances.astype(np.float32).tobytes(), reading.spans.tobytes()


def _unpacked(judged: bytes, chances: bytes, spans: bytes) -> Reading:
    relevance, answerability = np.frombuffer(judged).tolist()
    start, end = np.frombuffer(chances, np.float32).reshape(2, -1)
    return Reading(relevance, answerability, start, end, np.frombuffer(spans, np.int32).reshape(-1, 2))
