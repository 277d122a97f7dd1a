"""What reading and splitting gave, kept from build to build: a file whose bytes are the same is not read again.

One SQLite file, safe to delete at any time: what is not in it, or damaged, is made again.
"""

import hashlib
import logging
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path

from pydantic import TypeAdapter

from ingest.document import Document, Source
from ingest.files import checksum
from ingest.passages import Passage, split

__all__ = ["FileSums", "KeptFiles", "close_kept", "code_sha256", "discard", "key_of", "open_kept"]

LIBRARIES = (
    *("charset-normalizer", "lxml", "mammoth", "markdown-it-py", "mdit-py-plugins", "openpyxl", "pypdfium2"),
    *("trafilatura", "yasbd-lib"),
)
"""The distributions that decide what is read."""

_SETTLED_NS = 2_000_000_000
"""A file may change again within its file system's unit of time, 2 s at most, without a sign of it. Git takes the same
care of what it calls « racily clean » entries."""

_SUM_BYTES = 32

_TABLES = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, state TEXT NOT NULL, sha256 BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS made (key BLOB PRIMARY KEY, data BLOB NOT NULL);
SELECT count(*) FROM made;
"""
"""The last line finds a damaged file at once."""

_DOCUMENT = TypeAdapter(Document)
_PASSAGES = TypeAdapter(tuple[Passage, ...])
_NO_SOURCE = Source("", "", "", "", "", "", "")

log = logging.getLogger(__name__)


@cache
def code_sha256() -> bytes:
    """Over this package's source and the versions of its libraries: a change there may change what is read."""
    total = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        total.update(path.read_bytes())
    for name in LIBRARIES:
        total.update(f"{name} {version(name)}\n".encode())
    return total.digest()


def discard(path: Path) -> None:
    """Delete a SQLite file and the journal that a killed process may have left: it would be taken for a new file's."""
    for each in (path, path.with_name(f"{path.name}-journal")):
        try:
            each.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s: %s", each, error)


def open_kept(path: Path, tables: str) -> sqlite3.Connection | None:
    """A SQLite file that is safe to lose, made with its folder and `tables` if need be, begun anew if damaged.

    None where it cannot be used, which is logged.
    """
    for attempt in range(2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = sqlite3.connect(path)
            file.executescript(tables)
            return file
        except sqlite3.DatabaseError as error:
            log.warning("%s: %s", path, error)
            if attempt == 0 and not isinstance(error, sqlite3.OperationalError):
                discard(path)
        except OSError as error:
            log.warning("%s: %s", path, error)
            return None
    return None


def close_kept(path: Path, file: sqlite3.Connection | None, error: Exception) -> None:
    """Go on without such a file; a damaged one is deleted, so that the next build begins another."""
    log.warning("%s: %s", path, error)
    if file:
        file.close()
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        discard(path)


def key_of(*parts: bytes) -> bytes:
    """The key of what is made of these parts by the code of this package."""
    total = hashlib.sha256(code_sha256())
    for part in parts:
        total.update(len(part).to_bytes(8) + part)
    return total.digest()


class FileSums:
    """Checksums of files, read again only where what the file system says of them changed. Threads may share it.

    `known` and `seen` map a file's path in its folder to what the file system said of it, and its checksum; `seen`
    holds those that were asked for.
    """

    def __init__(self, known: Mapping[str, tuple[str, bytes]] = {}) -> None:
        self._known = known
        self.seen: dict[str, tuple[str, bytes]] = {}

    def sha256(self, path: Path, relative: str) -> bytes:
        """The checksum of a file: the one that is known if neither its size, times nor place on the disk changed."""
        try:
            before = _state(path)
        except OSError:
            return checksum(path)
        known = self.seen.get(relative) or self._known.get(relative)
        if known and known[0] == before and len(known[1]) == _SUM_BYTES:
            self.seen[relative] = known
            return known[1]
        started = time.time_ns()
        found = checksum(path)
        try:
            stat = path.stat()
            if _state(path) == before and max(stat.st_mtime_ns, stat.st_ctime_ns) < started - _SETTLED_NS:
                self.seen[relative] = (before, found)
        except OSError:
            pass
        return found


class KeptFiles:
    """Checksums of files by what the file system says of them, and what was made of their bytes. For one thread.

    What cannot be read or written only costs time: it is logged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_kept(path, _TABLES)
        self._states: dict[str, tuple[str, bytes]] = {}
        self._new: dict[bytes, bytes] = {}
        self._used: set[bytes] = set()
        if self._file:
            try:
                rows = self._file.execute("SELECT path, state, sha256 FROM files")
                self._states = {path: (state, bytes(sha256)) for path, state, sha256 in rows}
            except (sqlite3.Error, TypeError) as error:
                self._give_up(error)
        self._sums = FileSums(self._states)

    def sha256(self, path: Path, relative: str) -> bytes:
        """As `FileSums.sha256`, with what builds before knew."""
        return self._sums.sha256(path, relative)

    def get(self, key: bytes) -> bytes | None:
        """What was kept under this key; None where nothing was, or it is damaged."""
        self._used.add(key)
        if key in self._new:
            return self._new[key]
        if self._file:
            try:
                row = self._file.execute("SELECT data FROM made WHERE key = ?", (key,)).fetchone()
                if row and hashlib.sha256(row[0][_SUM_BYTES:]).digest() == row[0][:_SUM_BYTES]:
                    return bytes(row[0][_SUM_BYTES:])
            except (sqlite3.Error, TypeError) as error:
                self._give_up(error)
        return None

    def put(self, key: bytes, data: bytes) -> None:
        """Keep something under a key, once `save` is called."""
        self._used.add(key)
        self._new[key] = data

    def split(
        self, document: Document, count_tokens: Callable[[str], int], max_passage_tokens: int, tokenizer: str
    ) -> tuple[Passage, ...]:
        """As `ingest.split`, not done again for a document that is the same; `tokenizer` names what counts."""
        settings = f"passages {max_passage_tokens} {tokenizer}\n".encode()
        key = key_of(settings, _DOCUMENT.dump_json(replace(document, source=_NO_SOURCE)))
        if known := self.get(key):
            with suppress(ValueError):
                return _PASSAGES.validate_json(known)
        passages = split(document, count_tokens, max_passage_tokens)
        self.put(key, _PASSAGES.dump_json(passages))
        return passages

    def save(self, *, prune: bool) -> None:
        """Write what is new; with `prune`, drop what was not asked for since this was made."""
        changed = {path: seen for path, seen in self._sums.seen.items() if self._states.get(path) != seen}
        if not self._file or not (changed or self._new or prune):
            return
        try:
            with self._file:
                self._file.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?)", ((path, *seen) for path, seen in changed.items())
                )
                rows = ((key, hashlib.sha256(data).digest() + data) for key, data in self._new.items())
                self._file.executemany("INSERT OR REPLACE INTO made VALUES (?, ?)", rows)
                if prune:
                    gone = [(path,) for path in self._states.keys() - self._sums.seen.keys()]
                    self._file.executemany("DELETE FROM files WHERE path = ?", gone)
                    keys = (key for (key,) in self._file.execute("SELECT key FROM made").fetchall())
                    unused = [(key,) for key in keys if key not in self._used]
                    self._file.executemany("DELETE FROM made WHERE key = ?", unused)
            self._states |= changed
            self._new.clear()
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Write what is new, and let go of the file."""
        self.save(prune=False)
        if self._file:
            self._file.close()
            self._file = None

    def _give_up(self, error: Exception) -> None:
        close_kept(self._path, self._file, error)
        self._file = None


def _state(path: Path) -> str:
    stat = path.stat()
    return f"{stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino} {stat.st_dev}"
